//! Reading the environment: every mistake in one line, all of them at once.

use std::{fmt, net::SocketAddr, str::FromStr};

use secrecy::SecretString;
use url::Url;

use super::{
    Brand, Config, Donations, Log, Mode, Mongodb, Psn, Services, Steam, VARIABLES, Webhook, Xbox,
};
use crate::{clock::Time, text::Lang};

/// What is wrong with the environment, one line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

impl Config {
    /// The configuration from this process's environment.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// The configuration from variables as `lookup` knows them.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        let mut read = Reader { lookup, mistakes: Vec::new() };
        let webhook = read.choice("MODE", "webhook", "polling");
        let mode = if webhook { Mode::Webhook } else { Mode::Polling };
        // What a wrong mode would need is not known.
        let known_mode = read.mistakes.is_empty().then_some(mode);
        let config = Self {
            token: read.token(),
            api_url: read.parsed("BOT_API_URL", "a URL"),
            throttle: read.choice("THROTTLE", "on", "off"),
            mode,
            listen: read.address("LISTEN_ADDR").unwrap_or_else(|| ([0, 0, 0, 0], 8080).into()),
            metrics: read.address("METRICS_ADDR"),
            webhook: read.webhook(known_mode),
            mongodb: read.mongodb(),
            operators: read.list("OPERATOR_IDS", "numbers separated by commas"),
            feedback_token: read.secret("FEEDBACK_BOT_TOKEN"),
            donations: Donations {
                stars: read.list("DONATION_STARS", "numbers separated by commas"),
                provider_token: read.secret("PAYMENT_PROVIDER_TOKEN"),
                price: read.parsed("DONATION_PRICE", "an amount like 200 EUR").unwrap_or_default(),
                sponsors_url: read.parsed("SPONSORS_URL", "a URL"),
                paypal_url: read.parsed("PAYPAL_URL", "a URL"),
            },
            brand: Brand {
                name: read.text("BRAND").unwrap_or_default(),
                birthday: read.moment("BIRTHDAY").unwrap_or_default(),
                source_url: read.parsed("SOURCE_URL", "a URL"),
                issues_url: read.parsed("ISSUES_URL", "a URL"),
                support_url: read.parsed("SUPPORT_URL", "a URL"),
            },
            default_lang: read.parsed("DEFAULT_LANGUAGE", "`en` or `de`").unwrap_or(Lang::En),
            assets: read.parsed("ASSETS", "a folder"),
            services: read.services(),
            log: Log {
                json: read.choice("LOG_FORMAT", "json", "text"),
                filter: read.text("RUST_LOG").unwrap_or_default(),
            },
        };
        if read.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(read.mistakes)) }
    }
}

/// Reads variables and collects what is wrong with them.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn mistake(&mut self, name: &str, why: impl fmt::Display) {
        self.mistakes.push(format!("{name} {why}"));
    }

    /// What is set, under the name or an older one. Set to nothing is not set.
    fn set(&mut self, name: &str) -> Option<String> {
        let variable = VARIABLES.iter().find(|it| it.name == name)?;
        for name in std::iter::once(&variable.name).chain(variable.aliases) {
            if let Some(value) = (self.lookup)(name).filter(|it| !it.trim().is_empty()) {
                return Some(value.trim().to_owned());
            }
            if !variable.secret {
                continue;
            }
            let in_file = format!("{name}_FILE");
            if let Some(path) = (self.lookup)(&in_file).filter(|it| !it.is_empty()) {
                match std::fs::read_to_string(&path) {
                    Ok(value) if !value.trim().is_empty() => return Some(value.trim().to_owned()),
                    Ok(_) => self.mistake(&in_file, format!("names `{path}`, which is empty")),
                    Err(error) => self.mistake(&in_file, format!("names `{path}`: {error}")),
                }
            }
        }
        None
    }

    /// What is set, or the default.
    fn text(&mut self, name: &str) -> Option<String> {
        let default = VARIABLES.iter().find(|it| it.name == name).map(|it| it.default);
        // An empty value is how a list with a default becomes empty.
        if (self.lookup)(name).is_some_and(|it| it.trim().is_empty()) {
            return None;
        }
        self.set(name).or_else(|| default.filter(|it| !it.is_empty()).map(str::to_owned))
    }

    fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.set(name).map(SecretString::from)
    }

    fn parsed<T: FromStr>(&mut self, name: &str, what: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.mistake(name, format!("is `{text}`, which is not {what}"));
        }
        parsed
    }

    /// Whether it is `yes` (or not set), and not `no`.
    fn choice(&mut self, name: &str, yes: &str, no: &str) -> bool {
        let text = self.text(name);
        if let Some(other) = text.as_deref().filter(|it| *it != yes && *it != no) {
            self.mistake(name, format!("is `{other}`; it is either `{yes}` or `{no}`"));
        }
        text.as_deref() != Some(no)
    }

    fn address(&mut self, name: &str) -> Option<SocketAddr> {
        self.parsed(name, "an address with a port, such as 0.0.0.0:8080")
    }

    fn list<T: FromStr>(&mut self, name: &str, what: &str) -> Vec<T> {
        let Some(text) = self.text(name) else { return Vec::new() };
        let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let parsed: Result<Vec<T>, _> = items.map(T::from_str).collect();
        parsed.unwrap_or_else(|_| {
            self.mistake(name, format!("is `{text}`, which is not {what}"));
            Vec::new()
        })
    }

    fn moment(&mut self, name: &str) -> Option<Time> {
        let text = self.text(name)?;
        let full = if text.contains('T') { text.clone() } else { format!("{text}T00:00:00Z") };
        let parsed = chrono::DateTime::parse_from_rfc3339(&full).ok();
        if parsed.is_none() {
            let why = format!("is `{text}`, which is not a moment like 2021-02-08T01:01:01Z");
            self.mistake(name, why);
        }
        parsed.map(|it| Time(it.timestamp_millis()))
    }

    fn token(&mut self) -> SecretString {
        let token = self.set("BOT_TOKEN").unwrap_or_default();
        let well_formed = token
            .split_once(':')
            .is_some_and(|(id, rest)| id.parse::<u64>().is_ok() && rest.len() >= 20);
        if token.is_empty() {
            self.mistake("BOT_TOKEN", "is not set; BotFather gives one");
        } else if !well_formed {
            self.mistake("BOT_TOKEN", "does not look like a token (number, colon, 35 characters)");
        }
        token.into()
    }

    fn webhook(&mut self, mode: Option<Mode>) -> Webhook {
        let path = self.text("WEBHOOK_PATH").unwrap_or_else(|| "/telegram".to_owned());
        let plain = |it: char| it.is_ascii_alphanumeric() || "/-_.".contains(it);
        if !path.starts_with('/') || path.len() < 2 || !path.chars().all(plain) {
            self.mistake(
                "WEBHOOK_PATH",
                format!("is `{path}`, which is not a path like /telegram"),
            );
        } else if ["/healthz", "/readyz"].contains(&path.as_str()) {
            self.mistake("WEBHOOK_PATH", format!("is `{path}`, where the health checks are"));
        }
        let mut url: Option<Url> = self.parsed("WEBHOOK_URL", "a URL");
        if let Some(url) = &mut url {
            if url.scheme() != "https" {
                self.mistake(
                    "WEBHOOK_URL",
                    "must begin with https://: Telegram calls nothing else",
                );
            }
            url.set_path(&path);
        } else if mode == Some(Mode::Webhook) && self.set("WEBHOOK_URL").is_none() {
            let why = "is not set; webhook mode needs it (or set MODE=polling)";
            self.mistake("WEBHOOK_URL", why);
        }
        let secret = self.set("WEBHOOK_SECRET");
        let allowed = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        if secret.as_ref().is_some_and(|it| it.len() > 256 || !it.chars().all(allowed)) {
            let why = "may have up to 256 characters, of A-Z, a-z, 0-9, _ and -";
            self.mistake("WEBHOOK_SECRET", why);
        }
        Webhook { url, path, secret: secret.map(SecretString::from) }
    }

    fn mongodb(&mut self) -> Mongodb {
        let database = self.text("MONGODB_DATABASE").unwrap_or_default();
        let uri = self.set("MONGODB_URI");
        let without_user = self.set("GSM_DB_URL_WITHOUT_USERNAME_AND_PASSWORD");
        let name = self.set("GSM_DB_USERNAME");
        let password = self.secret("GSM_DB_PASSWORD");
        let (uri, user) = match (uri, without_user) {
            (Some(uri), _) => (uri, None),
            (None, Some(uri)) => {
                let uri = if uri.contains("://") { uri } else { format!("mongodb://{uri}") };
                match (name, password) {
                    (Some(name), Some(password)) => (uri, Some((name, password))),
                    (None, None) => (uri, None),
                    (Some(_), None) => {
                        self.mistake("GSM_DB_PASSWORD", "is not set, but GSM_DB_USERNAME is");
                        (uri, None)
                    }
                    (None, Some(_)) => {
                        self.mistake("GSM_DB_USERNAME", "is not set, but GSM_DB_PASSWORD is");
                        (uri, None)
                    }
                }
            }
            (None, None) => {
                self.mistake("MONGODB_URI", "is not set; try mongodb://localhost:27017");
                return Mongodb { uri: String::new().into(), user: None, database };
            }
        };
        if !uri.starts_with("mongodb://") && !uri.starts_with("mongodb+srv://") {
            self.mistake("MONGODB_URI", "must begin with mongodb:// or mongodb+srv://");
        }
        Mongodb { uri: uri.into(), user, database }
    }

    /// Both or neither.
    fn pair(&mut self, one: &str, other: &str) -> Option<(String, String)> {
        match (self.set(one), self.set(other)) {
            (Some(one), Some(other)) => Some((one, other)),
            (None, None) => None,
            (None, Some(_)) => {
                self.mistake(one, format!("is not set, but {other} is"));
                None
            }
            (Some(_), None) => {
                self.mistake(other, format!("is not set, but {one} is"));
                None
            }
        }
    }

    fn services(&mut self) -> Services {
        let credentials_key = self.secret("CREDENTIALS_KEY");
        let services = Services {
            xbox: self.xbox(),
            // The mobile app is the same for everybody: whoever can store a sign-in has PlayStation Network.
            psn: self.psn().filter(|_| credentials_key.is_some()),
            steam: self.steam(),
            credentials_key,
        };
        let needs_key = services.xbox.is_some() || self.secret("PSN_NPSSO").is_some();
        if needs_key && services.credentials_key.is_none() {
            self.mistake("CREDENTIALS_KEY", "is missing; `openssl rand -base64 32` makes one");
        }
        services
    }

    fn xbox(&mut self) -> Option<Xbox> {
        let secret_expires = self.moment("XBOX_CLIENT_SECRET_EXPIRY_DATE");
        let login_url = self.parsed("XBOX_LOGIN_URL", "a URL");
        let user_auth_url = self.parsed("XBOX_USER_AUTH_URL", "a URL");
        let xsts_url = self.parsed("XBOX_XSTS_URL", "a URL");
        let profile_url = self.parsed("XBOX_PROFILE_URL", "a URL");
        let presence_url = self.parsed("XBOX_PRESENCE_URL", "a URL");
        let (client_id, client_secret) = self.pair("XBOX_CLIENT_ID", "XBOX_CLIENT_SECRET")?;
        Some(Xbox {
            client_id,
            client_secret: client_secret.into(),
            secret_expires,
            login_url: login_url?,
            user_auth_url: user_auth_url?,
            xsts_url: xsts_url?,
            profile_url: profile_url?,
            presence_url: presence_url?,
        })
    }

    fn psn(&mut self) -> Option<Psn> {
        let auth_url = self.parsed("PSN_AUTH_URL", "a URL");
        let profile_url = self.parsed("PSN_PROFILE_URL", "a URL");
        let presence_url = self.parsed("PSN_PRESENCE_URL", "a URL");
        let scope = self.text("PSN_SCOPE").unwrap_or_default();
        let redirect_uri = self.text("PSN_REDIRECT_URI").unwrap_or_default();
        let npsso = self.secret("PSN_NPSSO");
        let client_id = self.text("PSN_CLIENT_ID").unwrap_or_default();
        let basic_auth = self.text("PSN_BASIC_AUTH").unwrap_or_default().into();
        Some(Psn {
            npsso,
            client_id,
            basic_auth,
            scope,
            redirect_uri,
            auth_url: auth_url?,
            profile_url: profile_url?,
            presence_url: presence_url?,
        })
    }

    fn steam(&mut self) -> Option<Steam> {
        let url = self.parsed("STEAM_URL", "a URL");
        let api_key = self.secret("STEAM_API_KEY")?;
        Some(Steam { api_key, url: url? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TOKEN: &str = "1:abcdefghijklmnopqrstuvwxyz";

    fn read(variables: &[(&str, &str)]) -> Result<Config, Mistakes> {
        Config::read(&|name| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned()))
    }

    #[test]
    fn every_mistake_is_one_line_and_all_come_at_once() {
        let Err(Mistakes(mistakes)) = read(&[
            ("MODE", "pigeon"),
            ("LISTEN_ADDR", "here"),
            ("OPERATOR_IDS", "1,me"),
            ("STEAM_URL", "nowhere"),
            ("XBOX_CLIENT_ID", "a"),
        ]) else {
            panic!("it should be refused")
        };
        let names: Vec<&str> = mistakes.iter().filter_map(|it| it.split(' ').next()).collect();
        let expected = [
            "MODE",
            "BOT_TOKEN",
            "LISTEN_ADDR",
            "MONGODB_URI",
            "OPERATOR_IDS",
            "XBOX_CLIENT_SECRET",
            "STEAM_URL",
        ];
        assert_eq!(names, expected);
        assert!(mistakes.iter().all(|it| !it.contains('\n')));
    }

    #[test]
    fn the_names_of_the_original_still_work() {
        let config = read(&[
            ("GUB_BOT_TOKEN", TOKEN),
            ("MODE", "polling"),
            ("GSM_DB_URL_WITHOUT_USERNAME_AND_PASSWORD", "db.example.org"),
            ("GSM_DB_USERNAME", "ann"),
            ("GSM_DB_PASSWORD", "p@ss"),
        ])
        .unwrap();
        assert_eq!(config.mongodb.user.unwrap().0, "ann");
        assert_eq!(config.donations.stars, [50, 150, 500]);
    }

    #[test]
    fn a_secret_can_come_from_a_file_and_shows_nowhere() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
        let config = read(&[
            ("BOT_TOKEN_FILE", file.path().to_str().unwrap()),
            ("MONGODB_URI", "mongodb://user:canary@db"),
            ("WEBHOOK_URL", "https://bot.example.org"),
            ("DONATION_STARS", ""),
        ])
        .unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("canary") && !shown.contains("abcdef"), "{shown}");
        assert_eq!(config.webhook.url.unwrap().as_str(), "https://bot.example.org/telegram");
        assert!(config.donations.stars.is_empty());
    }

    #[test]
    fn every_name_that_is_read_is_in_the_table() {
        let (reading, _) = include_str!("read.rs").split_once("mod tests").unwrap();
        for literal in reading.split('"').skip(1).step_by(2) {
            let like_a_name =
                literal.len() > 3 && literal.chars().all(|it| it.is_ascii_uppercase() || it == '_');
            let known = VARIABLES.iter().any(|it| it.name == literal);
            assert!(!like_a_name || known, "{literal} is read but not in VARIABLES");
        }
    }
}
