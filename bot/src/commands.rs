//! The table of commands. Parsing, the menus in Telegram and the help pages all come from it.

use crate::text::{Lang, Texts};

/// One line for each command: its names (the first is the one that is shown, the others are aliases), where it works,
/// for whom, in which category of the help, and what else is special about it.
macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident [$($name:literal),+] $place:ident $who:ident $category:ident $(+ $flag:ident)*;)*) => {
        /// A command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Command {
            $($(#[$doc])* $variant,)*
        }

        /// Every command, in the order in which it is shown.
        pub const TABLE: &[Spec] = &[$(Spec {
            command: Command::$variant,
            names: &[$($name),+],
            place: Place::$place,
            who: Who::$who,
            category: Category::$category,
            flags: &[$(Flag::$flag),*],
        }),*];
    };
}

commands! {
    /// Greets.
    Start ["start"] Anywhere Anyone General + Hidden;
    /// Shows the help.
    Help ["help"] Anywhere Anyone General;
    /// Says what the bot is.
    About ["about"] Anywhere Anyone General;
    /// Says how old the bot is.
    Age ["age"] Anywhere Anyone General;
    /// Ends the dialogue.
    Cancel ["cancel"] Private Anyone General;
    /// Shows who is playing.
    Status ["status"] Anywhere Anyone StatusUsers;
    /// Starts the dialogue that adds a status user.
    AddStatusUser ["add_status_user"] Anywhere Anyone StatusUsers + AsOneself;
    /// Starts the dialogue that changes and deletes status users.
    ModifyStatusUser ["modify_status_user"] Anywhere Anyone StatusUsers + AsOneself;
    /// Starts the dialogue that creates a notify group.
    AddNotifyGroup ["add_notify_group"] Group Anyone NotifyGroups + AsOneself;
    /// Starts the dialogue that changes and deletes notify groups.
    ModifyNotifyGroup ["modify_notify_group"] Group Anyone NotifyGroups + AsOneself;
    /// Invites people into a notify group.
    Invite ["invite_to_notify_group", "invite"] Group Anyone NotifyGroups + AsOneself;
    /// Joins a notify group.
    Join ["join"] Group Anyone NotifyGroups + AsOneself;
    /// Leaves a notify group.
    Leave ["leave"] Group Anyone NotifyGroups + AsOneself;
    /// Shows the notify groups.
    ListNotifyGroups ["list_notify_groups", "groups"] Group Anyone NotifyGroups;
    /// Calls everybody in a notify group.
    Notify ["notify", "ng"] Group Anyone NotifyGroups + Perishable + AsOneself;
    /// Pays respects.
    F ["f"] Anywhere Anyone Jokes + Perishable;
    /// A mission has failed.
    Mf ["mf"] Anywhere Anyone Jokes + Perishable;
    /// Somebody was not understood.
    Wdhs ["wdhs"] Anywhere Anyone Jokes + Perishable;
    /// Teases somebody.
    Diss ["diss"] Anywhere Anyone Jokes + Perishable;
    /// Says where help is.
    Support ["support"] Anywhere Anyone Support;
    /// Tells the operators something.
    Feedback ["feedback"] Anywhere Anyone Support + AsOneself;
    /// Offers ways to donate.
    Donate ["donate"] Anywhere Anyone Donations + AsOneself;
    /// Shows and changes the settings of a chat.
    Settings ["settings"] Anywhere Admins Settings;
    /// Says what is stored.
    Privacy ["privacy"] Anywhere Anyone Settings;
    /// Forgets somebody.
    ForgetMe ["forget_me"] Private Anyone Settings;
    /// Says something to every chat.
    Announce ["announce"] Private Operators Operator;
    /// Counts.
    Stats ["stats"] Private Operators Operator;
    /// Gives a donation back.
    Refund ["refund"] Private Operators Operator;
}

/// What is known of a command before anybody uses it.
#[derive(Debug)]
pub struct Spec {
    /// Which command.
    pub command: Command,
    /// Its name and its aliases.
    names: &'static [&'static str],
    /// Where it works.
    pub place: Place,
    /// For whom.
    pub who: Who,
    /// Where the help has it.
    pub category: Category,
    flags: &'static [Flag],
}

/// Where a command works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In groups and in private.
    Anywhere,
    /// Only in groups.
    Group,
    /// Only in private.
    Private,
}

/// For whom a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Administrators of the group, which the command itself checks.
    Admins,
    /// Whoever runs the bot. For others there is no such command.
    Operators,
}

/// What is special about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// It is in no menu.
    Hidden,
    /// Nobody wants it ten minutes late.
    Perishable,
    /// An anonymous administrator or a channel cannot use it: it has to be known who does.
    AsOneself,
}

/// A category of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The bot itself.
    General,
    /// Who is playing.
    StatusUsers,
    /// Calling people.
    NotifyGroups,
    /// Jokes.
    Jokes,
    /// Support and feedback.
    Support,
    /// Donations.
    Donations,
    /// Settings and privacy.
    Settings,
    /// For whoever runs the bot.
    Operator,
}

impl Category {
    /// In the order of the help.
    pub const ALL: [Category; 8] = [
        Category::General,
        Category::StatusUsers,
        Category::NotifyGroups,
        Category::Jokes,
        Category::Support,
        Category::Donations,
        Category::Settings,
        Category::Operator,
    ];

    /// Its name in buttons and catalogues.
    pub fn name(self) -> &'static str {
        match self {
            Category::General => "general",
            Category::StatusUsers => "status-users",
            Category::NotifyGroups => "notify-groups",
            Category::Jokes => "jokes",
            Category::Support => "support",
            Category::Donations => "donations",
            Category::Settings => "settings",
            Category::Operator => "operator",
        }
    }

    /// Its commands that are shown.
    pub fn commands(self) -> impl Iterator<Item = &'static Spec> {
        TABLE.iter().filter(move |it| it.category == self && !it.is(Flag::Hidden))
    }
}

impl Spec {
    /// The name that is shown.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// Other names.
    pub fn aliases(&self) -> &'static [&'static str] {
        self.names.get(1..).unwrap_or_default()
    }

    /// Whether this is special about it.
    pub fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// What it does, in a few words.
    pub fn describe(&self, texts: &Texts, lang: Lang) -> String {
        texts.plain(lang, &format!("command-{}", self.name()), &[])
    }
}

impl Command {
    /// What is known of it.
    pub fn spec(self) -> &'static Spec {
        let found = TABLE.iter().find(|it| it.command == self);
        // The macro makes a line for each variant.
        found.unwrap_or(&TABLE[0])
    }

    /// The name that is shown.
    pub fn name(self) -> &'static str {
        self.spec().name()
    }
}

/// The menu of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// Private chats.
    Private,
    /// Groups.
    Group,
    /// Administrators of groups.
    Admins,
    /// The private chats of whoever runs the bot.
    Operator,
}

/// The commands of a menu.
pub fn of_menu(menu: Menu) -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(move |it| {
        let place = match menu {
            Menu::Private | Menu::Operator => it.place != Place::Group,
            Menu::Group | Menu::Admins => it.place != Place::Private,
        };
        let who = match it.who {
            Who::Anyone => true,
            // In private everybody decides for themselves.
            Who::Admins => menu != Menu::Group,
            Who::Operators => menu == Menu::Operator,
        };
        place && who && !it.is(Flag::Hidden)
    })
}

/// What the text of a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A command of ours, and what follows it, as it was written.
    Ours(Command, String),
    /// A command that nobody knows.
    Unknown,
    /// A command of another bot.
    ForAnotherBot,
    /// No command.
    Text,
}

/// Finds the command in a text. `username` is the bot's.
pub fn parse(text: &str, username: &str) -> Parsed {
    let Some(rest) = text.strip_prefix('/') else { return Parsed::Text };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, arguments) = rest.split_at(end);
    let (name, bot) = match word.split_once('@') {
        Some((name, bot)) => (name, Some(bot)),
        None => (word, None),
    };
    let allowed = |it: char| it.is_ascii_alphanumeric() || it == '_';
    if name.is_empty() || !name.chars().all(allowed) {
        return Parsed::Text;
    }
    if bot.is_some_and(|it| !it.eq_ignore_ascii_case(username)) {
        return Parsed::ForAnotherBot;
    }
    let name = name.to_ascii_lowercase();
    match TABLE.iter().find(|it| it.names.contains(&name.as_str())) {
        Some(spec) => Parsed::Ours(spec.command, arguments.trim().to_owned()),
        None => Parsed::Unknown,
    }
}

/// A page of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The first one.
    Main,
    /// All commands of a category.
    Category(Category),
    /// One command.
    Command(Command),
}

impl Page {
    /// Every page.
    pub fn all() -> impl Iterator<Item = Page> {
        let categories = Category::ALL.into_iter().map(Page::Category);
        let commands = TABLE.iter().filter(|it| !it.is(Flag::Hidden));
        std::iter::once(Page::Main)
            .chain(categories)
            .chain(commands.map(|it| Page::Command(it.command)))
    }

    /// Its name in buttons. Names of commands have no hyphen, and those of categories that could be one have.
    pub fn name(self) -> String {
        match self {
            Page::Main => "main".to_owned(),
            Page::Category(it) => it.name().to_owned(),
            Page::Command(it) => format!("-{}", it.name()),
        }
    }

    /// The page with this name.
    pub fn called(name: &str) -> Option<Page> {
        Page::all().find(|it| it.name() == name)
    }

    /// The page that "back" leads to.
    pub fn parent(self) -> Option<Page> {
        match self {
            Page::Main => None,
            Page::Category(_) => Some(Page::Main),
            Page::Command(it) => Some(Page::Category(it.spec().category)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_with_their_arguments_as_written() {
        let parse = |text| parse(text, "OurBot");
        assert_eq!(parse("/diss  Ann\nB "), Parsed::Ours(Command::Diss, "Ann\nB".to_owned()));
        assert_eq!(parse("/HELP@ourbot"), Parsed::Ours(Command::Help, String::new()));
        assert_eq!(parse("/help@OtherBot"), Parsed::ForAnotherBot);
        assert_eq!(parse("/nonsense"), Parsed::Unknown);
        for text in ["", "/", "/ help", "//", "help", "/😀", "/usr/bin"] {
            assert_eq!(parse(text), Parsed::Text, "{text}");
        }
    }

    #[test]
    fn every_command_has_its_texts_in_every_language() {
        let texts = Texts::load();
        for spec in TABLE.iter().filter(|it| !it.is(Flag::Hidden)) {
            for lang in Lang::ALL {
                for prefix in ["command", "help"] {
                    let key = format!("{prefix}-{}", spec.name());
                    assert!(texts.has(lang, &key), "{} lacks {key}", lang.code());
                }
                // What Telegram takes.
                let length = spec.describe(&texts, lang).encode_utf16().count();
                assert!((1..=256).contains(&length), "{}", spec.name());
            }
        }
    }

    #[test]
    fn names_are_unique_and_what_telegram_takes() {
        let names: Vec<&str> = TABLE.iter().flat_map(|it| it.names).copied().collect();
        for name in &names {
            assert_eq!(names.iter().filter(|it| it == &name).count(), 1, "{name}");
            let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
            assert!(name.len() <= 32 && name.chars().all(allowed), "{name}");
        }
        for page in Page::all() {
            assert_eq!(Page::called(&page.name()), Some(page));
        }
    }
}
