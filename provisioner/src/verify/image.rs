//! The image of a service: whether its registry has it, for everybody, and for the service's processor.

use super::{Check, Question, Subject, Verdict};
use crate::{
    cloud::Cloud,
    config::{Architecture, Service},
    deployment,
    registry::{Image, Look, Manifest},
    resources::IMAGE_TAG,
};

pub(super) async fn check(
    question: &Question<'_>,
    name: &str,
    service: &Service,
    cloud: Option<&Cloud>,
) -> Check {
    let reference = match (question.image, cloud) {
        (Some(image), _) => image.to_owned(),
        (None, Some(cloud)) => wanted(question, name, service, cloud).await,
        (None, None) => service.image.clone(),
    };
    let reference = reference.as_str();
    let verdict = match question.place.registries() {
        Ok(registries) => {
            let look = registries.look(&Image::of(reference)).await;
            judge(reference, name, service.architecture, look)
        }
        Err(error) => Verdict::failed(&error),
    };
    Check { subject: Subject::Image, service: Some(name.to_owned()), verdict }
}

/// The image that `up` would bring: the running one, unless stack.yaml names another one than when that was made. Who may
/// not look at what runs is told of stack.yaml's.
async fn wanted(question: &Question<'_>, name: &str, service: &Service, cloud: &Cloud) -> String {
    let subject = deployment::Subject::of(question.config, name);
    let Ok(Some(current)) = deployment::find(&subject, cloud).await else {
        return service.image.clone();
    };
    let running = deployment::image_of(&current.definition, &subject.container);
    let origin = current.tags.iter().find(|it| it.key() == Some(IMAGE_TAG));
    let is_of_this = origin.and_then(|it| it.value()).is_none_or(|it| it == service.image);
    running.ok().filter(|_| is_of_this).map_or_else(|| service.image.clone(), str::to_owned)
}

fn judge(reference: &str, name: &str, architecture: Architecture, look: Look) -> Verdict {
    match look {
        Look::There(manifest) => fits(reference, name, architecture, &manifest),
        Look::Absent(words) => Verdict::wrong(
            format!("{reference} is not there: {words}"),
            "correct the tag or the name, or push the image first",
        ),
        Look::Closed(words) => Verdict::wrong(
            format!("{reference} is not for everybody to pull: {words}"),
            "correct the name (registries say so of what does not exist, too), make the repository public, or put the \
             image into ECR of this account: Fargate has no credentials for other registries",
        ),
        Look::Unclear(why) => Verdict::Unknown(format!("{reference}: {why}")),
    }
}

fn fits(
    reference: &str,
    name: &str,
    architecture: Architecture,
    Manifest { digest, platforms }: &Manifest,
) -> Verdict {
    let (needed, own, other) = match architecture {
        Architecture::X86_64 => ("linux/amd64", "x86_64", "arm64"),
        Architecture::Arm64 => ("linux/arm64", "arm64", "x86_64"),
    };
    let mut built: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    built.dedup();
    let all = built.join(", ");
    if built.is_empty() {
        return Verdict::Unknown(format!(
            "{reference} is there and does not say what it is built for"
        ));
    }
    if built.iter().any(|it| it == needed) {
        let is = if reference.contains('@') { String::new() } else { format!(", now {digest}") };
        return Verdict::Well(format!("{reference} for {needed}{is}"));
    }
    let mut hints = vec![format!(
        "build it for both processors: `docker buildx build --platform linux/amd64,linux/arm64 --push …`"
    )];
    let others = if architecture == Architecture::X86_64 { "linux/arm64" } else { "linux/amd64" };
    if built.iter().any(|it| it == others) {
        hints.push(format!("or set `services.{name}.architecture: {other}` in stack.yaml"));
    }
    let why = format!(
        "{reference} is built for {all}, and the service runs on {own}, which needs {needed}"
    );
    Verdict::Wrong { why, hints, is_credentials: false }
}
