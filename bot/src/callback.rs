//! What buttons carry. Telegram hands it back as it was, or as somebody forged it: it names what was meant and proves
//! nothing.
//!
//! The grammar is `<area>:<op>[:<arg>…]`, in ASCII, at most 64 bytes. Text that people wrote is never in it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use teloxide::types::{Update, UpdateKind};

use crate::{
    commands::Page,
    dialogue::Nonce,
    store::{Creators, Id, Policy, Setting},
    text::Lang,
};

/// How much a button may carry, in bytes.
pub const LIMIT: usize = 64;

/// Something that can stand in a button.
trait Argument: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
    /// The longest there is, for the test of the limit.
    #[cfg(test)]
    fn longest() -> Self;
}

/// Each line is a kind of button: its name, what it carries, and how that begins in the data.
macro_rules! callbacks {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident: $type:ty),+ })? = $tag:literal;)*) => {
        /// What a button means.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Callback {
            $($(#[$doc])* $variant $({
                $(#[doc = "Which one."] $field: $type,)+
            })?,)*
            /// Of an older version, or of nobody.
            Foreign,
        }

        impl Callback {
            /// The data of a button.
            pub fn encode(&self) -> String {
                match self {
                    $(Self::$variant $({ $($field),+ })? => {
                        let parts: Vec<String> = vec![$tag.to_owned() $($(, $field.write())+)?];
                        parts.join(":")
                    })*
                    Self::Foreign => "expired".to_owned(),
                }
            }

            /// What the data of a press means.
            pub fn parse(data: &str) -> Self {
                if data.len() > LIMIT {
                    return Self::Foreign;
                }
                $(if let Some(rest) = data.strip_prefix($tag)
                    && let Some(found) = Self::arguments(rest).and_then(|_args| {
                        let mut _args = _args.into_iter();
                        let found = Self::$variant $({ $($field: <$type>::read(_args.next()?)?),+ })?;
                        _args.next().is_none().then_some(found)
                    })
                {
                    return found;
                })*
                Self::Foreign
            }

            /// One of each, as long as it can be.
            #[cfg(test)]
            fn longest() -> Vec<Self> {
                vec![$(Self::$variant $({ $($field: <$type>::longest()),+ })?),*]
            }
        }
    };
}

callbacks! {
    /// Turns a help card to a page.
    Help { page: Page } = "h";
    /// Opens the dialogue of an intent.
    Intent { token: Token } = "i";
    /// A step of a dialogue.
    Step { nonce: Nonce, op: Op } = "w";
    /// Shows the choice of languages.
    Languages = "l:all";
    /// Chooses the language of a private chat.
    Language { lang: Lang } = "l:set";
    /// Shows anew who is playing.
    Refresh = "s:again";
    /// Asks for an invoice over so many Stars.
    DonateStars { amount: i64 } = "d:stars";
    /// Asks for an invoice of the payment provider.
    DonateMoney = "d:money";
    /// Turns the list of notify groups to a page.
    Groups { page: u16 } = "g:list";
    /// Shows a notify group of the list.
    Group { id: Id, page: u16 } = "g:show";
    /// Joins a notify group.
    Join { id: Id } = "g:join";
    /// Asks to be let into a notify group.
    AskToJoin { id: Id } = "g:ask";
    /// Lets in somebody who asked.
    LetIn { chat: i64, id: Id, user: i64 } = "g:let";
    /// Does not let them in.
    KeepOut { chat: i64, id: Id, user: i64 } = "g:not";
    /// Takes over a notify group.
    TakeOver { id: Id } = "g:take";
    /// Does not take it over.
    TakeNot { id: Id } = "g:keep";
    /// Accepts an invitation.
    Accept { id: Id } = "v:yes";
    /// Declines an invitation.
    Decline { id: Id } = "v:no";
    /// Takes an invitation back.
    Revoke { id: Id } = "v:off";
    /// Calls a notify group.
    Notify { id: Id } = "n:call";
    /// Says to a call that one is in.
    In { id: Id } = "n:in";
    /// Says to a call that one cannot.
    Out { id: Id } = "n:out";
    /// Asks in a group for one's own notify groups, which are shown in private.
    Mine = "n:mine";
    /// Shows one's own notify groups of a group.
    MineOf { chat: i64 } = "n:list";
    /// Shows one of them.
    MineOne { chat: i64, id: Id } = "n:one";
    /// Does not want to be called for so many hours; for none, wants it again.
    Mute { chat: i64, id: Id, hours: u16 } = "n:mute";
    /// Changes a setting of the chat.
    Settings { change: Change } = "st";
    /// Sends an announcement.
    AnnounceSend { id: Id } = "an:go";
    /// Sends an announcement, also where announcements are switched off.
    AnnounceToAll { id: Id } = "an:all";
    /// Drops an announcement.
    AnnounceCancel { id: Id } = "an:no";
    /// Stops an announcement that is being sent.
    AnnounceStop { id: Id } = "an:stop";
    /// Forgets whoever presses it.
    ForgetMe = "f:me";
    /// Does not.
    ForgetNot = "f:not";
}

impl Callback {
    /// What follows the tag; nothing if the tag only begins like ours.
    fn arguments(rest: &str) -> Option<Vec<&str>> {
        match rest.strip_prefix(':') {
            Some(args) => Some(args.split(':').collect()),
            None => rest.is_empty().then(Vec::new),
        }
    }
}

/// What a button of a dialogue does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Ends the dialogue.
    Cancel,
    /// Leaves this question out.
    Skip,
    /// Goes to the question before.
    Back,
    /// Does what the dialogue is for.
    Save,
    /// Goes back into what was entered.
    Edit,
    /// Takes what the bot suggested.
    Suggested,
    /// One of the choices of this step.
    Choose(u16),
    /// A page of a list.
    Page(u16),
    /// A stored thing in a list.
    Item(Id),
    /// A person in a list.
    Person(i64),
}

impl Argument for Op {
    fn write(&self) -> String {
        match self {
            Op::Cancel => "x".to_owned(),
            Op::Skip => "s".to_owned(),
            Op::Back => "b".to_owned(),
            Op::Save => "v".to_owned(),
            Op::Edit => "e".to_owned(),
            Op::Suggested => "u".to_owned(),
            Op::Choose(choice) => format!("o{choice}"),
            Op::Page(page) => format!("p{page}"),
            Op::Item(id) => format!("i{}", id.write()),
            Op::Person(id) => format!("t{id}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let op = match text {
            "x" => Op::Cancel,
            "s" => Op::Skip,
            "b" => Op::Back,
            "v" => Op::Save,
            "e" => Op::Edit,
            "u" => Op::Suggested,
            _ => {
                let (kind, rest) = text.split_at_checked(1)?;
                match kind {
                    "o" => Op::Choose(Argument::read(rest)?),
                    "p" => Op::Page(Argument::read(rest)?),
                    "i" => Op::Item(Argument::read(rest)?),
                    "t" => Op::Person(Argument::read(rest)?),
                    _ => return None,
                }
            }
        };
        Some(op)
    }

    #[cfg(test)]
    fn longest() -> Self {
        Op::Person(i64::MIN)
    }
}

/// What a button of the settings changes, and into what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The language.
    Lang(Lang),
    /// Anything else.
    Setting(Setting),
}

impl Argument for Change {
    fn write(&self) -> String {
        let switch = |name: &str, on: bool| format!("{name}{}", u8::from(on));
        match self {
            Change::Lang(lang) => format!("l{}", lang.code()),
            Change::Setting(Setting::Jokes(on)) => switch("j", *on),
            Change::Setting(Setting::Announcements(on)) => switch("a", *on),
            Change::Setting(Setting::Creators(who)) => switch("c", *who == Creators::Admins),
            Change::Setting(Setting::DefaultPolicy(who)) => switch("p", *who == Policy::Open),
            Change::Setting(Setting::DeleteCommands(on)) => switch("d", *on),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, value) = text.split_at_checked(1)?;
        if kind == "l" {
            return Lang::read(value).map(Change::Lang);
        }
        let on = match value {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let setting = match kind {
            "j" => Setting::Jokes(on),
            "a" => Setting::Announcements(on),
            "c" => Setting::Creators(if on { Creators::Admins } else { Creators::Everyone }),
            "p" => Setting::DefaultPolicy(if on { Policy::Open } else { Policy::Invite }),
            "d" => Setting::DeleteCommands(on),
            _ => return None,
        };
        Some(Change::Setting(setting))
    }

    #[cfg(test)]
    fn longest() -> Self {
        Change::Lang(Lang::De)
    }
}

/// A random name of an intent, which only the person it was made for gets to see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// How long one is: 16 bytes in base64url.
    const LENGTH: usize = 22;

    /// A new one.
    pub fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()))
    }

    /// One that somebody sent.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
        (text.len() == Self::LENGTH && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Argument for Token {
    fn write(&self) -> String {
        self.0.clone()
    }
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    #[cfg(test)]
    fn longest() -> Self {
        Self("a".repeat(Self::LENGTH))
    }
}

impl Argument for Id {
    fn write(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.bytes())
    }
    fn read(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Id::from_bytes(bytes.try_into().ok()?))
    }
    #[cfg(test)]
    fn longest() -> Self {
        Id::from_bytes([255; 12])
    }
}

impl Argument for Nonce {
    fn write(&self) -> String {
        self.as_str().to_owned()
    }
    fn read(text: &str) -> Option<Self> {
        Nonce::parse(text)
    }
    #[cfg(test)]
    fn longest() -> Self {
        Nonce::random()
    }
}

impl Argument for Lang {
    fn write(&self) -> String {
        self.code().to_owned()
    }
    fn read(text: &str) -> Option<Self> {
        Lang::ALL.into_iter().find(|it| it.code() == text)
    }
    #[cfg(test)]
    fn longest() -> Self {
        Lang::En
    }
}

impl Argument for Page {
    fn write(&self) -> String {
        self.name()
    }
    fn read(text: &str) -> Option<Self> {
        Page::called(text)
    }
    #[cfg(test)]
    fn longest() -> Self {
        Page::all().max_by_key(|it| it.name().len()).unwrap_or(Page::Main)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Argument for $number {
            fn write(&self) -> String {
                self.to_string()
            }
            fn read(text: &str) -> Option<Self> {
                // Written back it must be the same: no `+1`, no `007`.
                let number: $number = text.parse().ok()?;
                (number.to_string() == text).then_some(number)
            }
            #[cfg(test)]
    fn longest() -> Self {
                if <$number>::MIN == 0 { <$number>::MAX } else { <$number>::MIN }
            }
        })*
    };
}

numbers!(u16, i64);

/// A press on a button.
#[derive(Clone, Debug)]
pub struct Press {
    /// The message with the button, if Telegram still shows it to the bot.
    pub message: Option<i32>,
}

/// The press in an update, and what the button means.
pub fn press(update: Update) -> Option<(Press, Callback)> {
    let UpdateKind::CallbackQuery(query) = update.kind else { return None };
    let callback = query.data.as_deref().map_or(Callback::Foreign, Callback::parse);
    Some((Press { message: query.message.map(|it| it.id().0) }, callback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s017_every_callback_fits_and_means_what_it_says() {
        for callback in Callback::longest() {
            let data = callback.encode();
            assert!(data.len() <= LIMIT && data.is_ascii(), "{data}");
            assert_eq!(Callback::parse(&data), callback, "{data}");
        }
    }

    #[test]
    fn s016_what_is_not_ours_means_nothing() {
        for data in [
            "general",
            "cancel",
            "skip_description",
            "edit_5f3e0c2b9d1e8a0012345678",
            "confirm_delete_5f3e0c2b9d1e8a0012345678",
            "asu_-1001234567890",
            "h",
            "h:nowhere",
            "h:main:more",
            "w:::",
            "i:short",
            "l:set:xx",
            "l:all:more",
            "l:allx",
            "",
            "😀",
        ] {
            assert_eq!(Callback::parse(data), Callback::Foreign, "{data}");
        }
    }

    #[test]
    fn random_bytes_do_no_harm() {
        for _ in 0..100_000 {
            let bytes: [u8; 16] = rand::random();
            let data = String::from_utf8_lossy(&bytes).into_owned();
            let prefix = ["h:", "i:", "w:", "l:", ""][usize::from(bytes[0]) % 5];
            let parsed = Callback::parse(&format!("{prefix}{data}"));
            if parsed != Callback::Foreign {
                assert_eq!(Callback::parse(&parsed.encode()), parsed);
            }
        }
    }
}
