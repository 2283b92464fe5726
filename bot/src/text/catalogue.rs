//! The catalogues: every text that people read, in every language, from `bot/locales/<language>/<topic>.ftl`.

use std::{collections::HashMap, fmt, str::FromStr};

use fluent_bundle::{
    FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle, types::FluentNumber,
};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

use super::Html;

/// The topics. A new file in `bot/locales/en` and `bot/locales/de` gets its line here.
macro_rules! topics {
    ($($topic:literal),* $(,)?) => {
        const SOURCES: &[(Lang, &str, &str)] = &[
            $((Lang::En, $topic, include_str!(concat!("../../locales/en/", $topic, ".ftl"))),
              (Lang::De, $topic, include_str!(concat!("../../locales/de/", $topic, ".ftl"))),)*
        ];
    };
}

topics![
    "about",
    "add_notify_group",
    "announce",
    "chat_member",
    "commands",
    "dialogue",
    "donate",
    "errors",
    "feedback",
    "hand_off",
    "help",
    "invite",
    "join",
    "jokes",
    "list_notify_groups",
    "modify_notify_group",
    "notify",
    "notify_group",
    "operator",
    "presence",
    "privacy",
    "settings",
    "start",
    "status",
    "status_user",
    "words",
];

/// A language that the bot speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English, which every text exists in.
    #[default]
    En,
    /// German.
    De,
}

impl Lang {
    /// Every language.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::De];

    /// Its code, as Telegram has it.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::De => "de",
        }
    }

    /// What it calls itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::De => "Deutsch",
        }
    }

    /// The language of a code such as `de-AT`, if it is one of ours.
    pub fn of(code: &str) -> Option<Lang> {
        let primary = code.split(['-', '_']).next()?.to_lowercase();
        Lang::ALL.into_iter().find(|it| it.code() == primary)
    }
}

impl FromStr for Lang {
    type Err = ();
    fn from_str(code: &str) -> Result<Self, ()> {
        Lang::of(code).ok_or(())
    }
}

/// What is put into a text: escaped, unless it is `Html` already.
#[derive(Clone, Debug)]
pub enum Arg {
    /// Anything from anybody.
    Text(String),
    /// What is escaped already.
    Html(Html),
    /// A number, which may choose a plural.
    Number(i64),
}

/// Names and values of what is put into a text.
pub type Args<'a> = &'a [(&'a str, Arg)];

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Arg::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Arg::Text(text)
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Arg::Text(text.clone())
    }
}

impl From<Html> for Arg {
    fn from(html: Html) -> Self {
        Arg::Html(html)
    }
}

impl From<&Html> for Arg {
    fn from(html: &Html) -> Self {
        Arg::Html(html.clone())
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Arg {
            fn from(number: $number) -> Self {
                Arg::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        })*
    };
}

numbers!(i32, i64, u8, u32, u64, usize);

/// Every text in every language.
pub struct Texts {
    bundles: HashMap<Lang, FluentBundle<FluentResource>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts")
    }
}

impl Texts {
    /// The catalogues that are compiled in. A mistake in one is found by the tests; here the entry is left out.
    pub fn load() -> Self {
        let mut bundles: HashMap<Lang, FluentBundle<FluentResource>> = HashMap::new();
        for (lang, topic, source) in SOURCES {
            let bundle = bundles.entry(*lang).or_insert_with(|| {
                let id: LanguageIdentifier = lang.code().parse().unwrap_or_default();
                let mut bundle = FluentBundle::new_concurrent(vec![id]);
                // The marks around what is put in would count as text; `Html::escape` removes what they protect from.
                bundle.set_use_isolating(false);
                bundle
            });
            let resource = FluentResource::try_new((*source).to_owned()).unwrap_or_else(|broken| {
                tracing::error!(lang = lang.code(), topic, "catalogue with mistakes");
                broken.0
            });
            if bundle.add_resource(resource).is_err() {
                tracing::error!(lang = lang.code(), topic, "catalogue defines a text twice");
            }
        }
        Self { bundles }
    }

    /// A text with markup. Arguments are escaped.
    pub fn html(&self, lang: Lang, key: &str, args: Args<'_>) -> Html {
        Html::ours(self.format(lang, key, args, |it| Html::escape(it).as_str().to_owned()))
    }

    /// A text without markup: the label of a button, a toast, a command's description.
    pub fn plain(&self, lang: Lang, key: &str, args: Args<'_>) -> String {
        self.format(lang, key, args, str::to_owned)
    }

    fn format(
        &self,
        lang: Lang,
        key: &str,
        args: Args<'_>,
        escaped: impl Fn(&str) -> String,
    ) -> String {
        let mut values = FluentArgs::new();
        for (name, arg) in args {
            let value = match arg {
                Arg::Text(text) => FluentValue::from(escaped(text)),
                Arg::Html(html) => FluentValue::from(html.as_str().to_owned()),
                Arg::Number(number) => FluentValue::Number(FluentNumber::from(*number)),
            };
            values.set(*name, value);
        }
        for lang in [lang, Lang::En] {
            let Some(bundle) = self.bundles.get(&lang) else { continue };
            let Some(pattern) = bundle.get_message(key).and_then(|it| it.value()) else { continue };
            let mut mistakes = Vec::new();
            let text = bundle.format_pattern(pattern, Some(&values), &mut mistakes).into_owned();
            if !mistakes.is_empty() {
                tracing::error!(key, lang = lang.code(), "text lacks an argument");
            }
            return text;
        }
        tracing::error!(key, "text is in no catalogue");
        key.to_owned()
    }

    /// Whether there is such a text in this language.
    pub fn has(&self, lang: Lang, key: &str) -> bool {
        self.bundles.get(&lang).is_some_and(|it| it.has_message(key))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
    };

    use super::*;

    /// Keys with their placeholders, from the source of a topic.
    fn entries(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut entries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut key = String::new();
        for line in source.lines().filter(|it| !it.starts_with('#')) {
            if let Some((name, _)) = line.split_once('=').filter(|it| {
                it.0.starts_with(|it: char| it.is_ascii_lowercase()) && !it.0.trim().contains(' ')
            }) {
                key = name.trim().to_owned();
                assert!(!entries.contains_key(&key), "{key} is there twice");
                entries.entry(key.clone()).or_default();
            }
            for part in line.split('$').skip(1) {
                let name: String =
                    part.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
                entries.entry(key.clone()).or_default().insert(name);
            }
        }
        entries
    }

    #[test]
    fn s108_catalogues_have_the_same_keys_and_placeholders() {
        for (lang, topic, source) in SOURCES {
            assert!(
                FluentResource::try_new((*source).to_owned()).is_ok(),
                "{}/{topic}.ftl has mistakes",
                lang.code()
            );
            let english = SOURCES.iter().find(|it| it.0 == Lang::En && it.1 == *topic).unwrap().2;
            let (ours, english) = (entries(source), entries(english));
            assert_eq!(ours, english, "{}/{topic}.ftl against English", lang.code());
        }
    }

    #[test]
    fn s108_no_catalogue_file_is_forgotten() {
        for lang in Lang::ALL {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(lang.code());
            for file in std::fs::read_dir(folder).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                let topic = name.strip_suffix(".ftl").unwrap();
                assert!(SOURCES.iter().any(|it| it.0 == lang && it.1 == topic), "{name}");
            }
        }
    }

    #[test]
    fn arguments_are_escaped_and_numbers_choose_plurals() {
        let texts = Texts::load();
        let text = texts.html(Lang::En, "jokes-f", &[("name", "<Ann>".into())]);
        assert!(text.as_str().contains("&lt;Ann&gt;"), "{text}");
        assert_eq!(texts.plain(Lang::De, "time-days", &[("count", 1.into())]), "1 Tag");
        assert_eq!(texts.plain(Lang::De, "time-days", &[("count", 2.into())]), "2 Tage");
    }

    #[test]
    fn languages_are_found_by_their_primary_code() {
        assert_eq!(Lang::of("de-AT"), Some(Lang::De));
        assert_eq!(Lang::of("DE"), Some(Lang::De));
        assert_eq!(Lang::of("fr"), None);
        assert_eq!(Lang::of(""), None);
    }
}
