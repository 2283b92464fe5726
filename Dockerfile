# Two images without a shell: `bot` (the default), which Fargate runs, and `provisioner`, with which Jenkins deploys.
#
#   docker build --target bot --tag gsm-bot .
#   docker build --target provisioner --tag provisioner .
#
# The crates we depend on are compiled in layers of their own, which last until a Cargo.toml or Cargo.lock changes. The
# system of the builder must not be newer than that of the final stages: both are Debian 12. User 65532 is `nonroot` there.

FROM rust:1.95-slim-bookworm AS workspace
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY bot/Cargo.toml bot/
COPY provisioner/Cargo.toml provisioner/
COPY simulator/Cargo.toml simulator/
# Cargo wants every member of the workspace to have something to compile, and every target that a Cargo.toml names.
RUN mkdir bot/src provisioner/src provisioner/examples simulator/src \
 && for it in bot/src/main provisioner/src/main provisioner/examples/critical_path provisioner/examples/torture; do \
      echo 'fn main() {}' > "$it.rs"; \
    done \
 && touch bot/src/lib.rs provisioner/src/lib.rs simulator/src/lib.rs

FROM workspace AS bot-dependencies
RUN cargo build --profile small --locked --package gsm-bot \
 && cargo test --no-run --locked --package gsm-bot

FROM bot-dependencies AS bot-sources
COPY bot/ bot/
# The placeholders are younger than the sources, and Cargo goes by time.
RUN find bot/src -name '*.rs' -exec touch {} +

FROM bot-sources AS bot-test
# For the database server of the conversation tests. Debian's newest security fixes are wanted, so no version is named.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && bot/tests/database/setup
RUN cargo test --locked --package gsm-bot

FROM bot-sources AS bot-build
RUN cargo build --profile small --locked --package gsm-bot

FROM workspace AS provisioner-dependencies
RUN cargo build --release --locked --package provisioner

FROM provisioner-dependencies AS provisioner-build
COPY simulator/src/ simulator/src/
COPY provisioner/src/ provisioner/src/
RUN find simulator/src provisioner/src -name '*.rs' -exec touch {} + \
 && cargo build --release --locked --package provisioner

FROM gcr.io/distroless/cc-debian12:nonroot AS provisioner
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="provisioner" \
      org.opencontainers.image.description="Makes AWS and MongoDB Atlas be what stack.yaml says" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=provisioner-build /src/target/release/provisioner /usr/local/bin/provisioner
WORKDIR /stack
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/provisioner"]

FROM gcr.io/distroless/cc-debian12:nonroot AS bot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gsm-bot" \
      org.opencontainers.image.description="A Telegram bot for gamers" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=bot-build /src/target/small/gsm-bot /usr/local/bin/gsm-bot
EXPOSE 8080
USER 65532:65532
# ECS goes by the load balancer's check; this one is for everybody else.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/usr/local/bin/gsm-bot", "health"]
ENTRYPOINT ["/usr/local/bin/gsm-bot"]
CMD ["run"]
