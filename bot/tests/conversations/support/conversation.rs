//! How tests talk to the bot: people, groups, what they say and press, and the transcript of it all.
//!
//! Everything a person does waits until the bot has done all that follows from it. To do several things at once, build
//! the updates (`ann.message(…).update()`, `ann.press(…)`) and hand them to `World::at_once`.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{
    bot::{Bot, Settings},
    database::Database,
    logs,
    telegram::{
        Telegram,
        world::{BOT_ID, Chat, Member, User},
    },
};

pub use super::{group::Group, person::Person};

/// A Telegram with a bot in it.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    telegram: Arc<Telegram>,
    database: Database,
    bot: tokio::sync::Mutex<Bot>,
    /// Whether defects and unanswered presses fail the test.
    strict: AtomicBool,
    /// Where this test's lines in the log begin.
    log: usize,
    /// What people said, which must not be in the log.
    said: Mutex<Vec<String>>,
}

impl World {
    /// A new world, and the bot in it as the settings say.
    pub async fn start(settings: Settings) -> Self {
        Self::start_on(&Database::create().await, settings).await
    }

    /// The same, with a database that the test made.
    pub async fn start_on(database: &Database, settings: Settings) -> Self {
        logs::collect();
        let log = logs::here();
        let telegram = Telegram::start().await.expect("a free port");
        let database = database.clone();
        let bot = Bot::start(&telegram, &database, settings).await;
        let (strict, said) = (AtomicBool::new(true), Mutex::default());
        let world =
            Self(Arc::new(Inner { telegram, database, bot: bot.into(), strict, log, said }));
        world.settled().await;
        world.telegram().forget();
        world
    }

    /// Telegram's side: calls, faults, what is in the chats.
    pub fn telegram(&self) -> &Arc<Telegram> {
        &self.0.telegram
    }

    /// What the bot stores.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The bot itself, to stop or to start again.
    pub async fn bot(&self) -> tokio::sync::MutexGuard<'_, Bot> {
        self.0.bot.lock().await
    }

    /// Defects and unanswered presses do not fail this test: it is about them, or it kills the bot.
    pub fn lenient(&self) {
        self.0.strict.store(false, Ordering::SeqCst);
    }

    /// Somebody who once pressed Start, so that the bot may write to them. Their username is their name in small
    /// letters.
    pub fn person(&self, name: &str) -> Person {
        let username = name.to_lowercase().replace(' ', "_");
        self.somebody(name, Some(username), true)
    }

    /// Somebody whom the bot may not write to.
    pub fn stranger(&self, name: &str) -> Person {
        let username = name.to_lowercase().replace(' ', "_");
        self.somebody(name, Some(username), false)
    }

    /// Somebody as given.
    pub fn somebody(&self, name: &str, username: Option<String>, started: bool) -> Person {
        let mut world = self.telegram().world();
        // User numbers are larger than 32 bits nowadays.
        let id = 5_000_000_000 + world.fresh();
        let user = User {
            id,
            first_name: name.to_owned(),
            username,
            language: Some("en".to_owned()),
            is_bot: false,
            started,
            blocked: false,
            deactivated: false,
        };
        world.users.insert(id, user);
        world.private(id);
        Person { world: self.clone(), id, name: name.to_owned() }
    }

    /// A supergroup that the bot and these people are in. Its first member owns it.
    pub fn group(&self, title: &str, members: &[&Person]) -> Group {
        let number = self.telegram().world().fresh();
        self.new_group(-1_001_000_000_000 - number, "supergroup", title, members)
    }

    /// A group that may still become a supergroup.
    pub fn basic_group(&self, title: &str, members: &[&Person]) -> Group {
        let number = self.telegram().world().fresh();
        self.new_group(-4_000_000 - number, "group", title, members)
    }

    /// A supergroup with topics.
    pub fn forum(&self, title: &str, members: &[&Person]) -> Group {
        let group = self.group(title, members);
        group.change(|it| it.is_forum = true);
        group
    }

    fn new_group(&self, id: i64, kind: &'static str, title: &str, members: &[&Person]) -> Group {
        let mut chat = Chat::new(id, kind, title);
        chat.members.insert(BOT_ID, Member::Ordinary);
        for (index, person) in members.iter().enumerate() {
            let owner = Member::Owner { anonymous: false };
            chat.members.insert(person.id, if index == 0 { owner } else { Member::Ordinary });
        }
        self.telegram().world().chats.insert(id, chat);
        Group { world: self.clone(), id, topic: None }
    }

    /// Delivers an update and waits until the bot is done with it. Answers whether the bot wanted it.
    pub async fn send(&self, update: Value) -> bool {
        let wanted = self.telegram().deliver(update).await;
        self.settled().await;
        wanted
    }

    /// Delivers updates at the same moment, and waits.
    pub async fn at_once(&self, updates: Vec<Value>) {
        let telegram = self.telegram();
        futures::future::join_all(updates.into_iter().map(|it| telegram.deliver(it))).await;
        self.settled().await;
    }

    /// Waits until the bot has nothing to do.
    pub async fn settled(&self) {
        let patience = std::time::Instant::now() + Duration::from_secs(60);
        loop {
            let bot = self.0.bot.lock().await;
            if bot.absent() {
                return;
            }
            let quiet = bot.quiet_enough();
            drop(bot);
            let idle = self.telegram().quiet_for().is_some_and(|it| it >= quiet);
            if idle && self.0.bot.lock().await.idle() && self.telegram().quiet_for().is_some() {
                return;
            }
            assert!(std::time::Instant::now() < patience, "the bot is not done after a minute");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits for something that happens by itself, like an announcement going out.
    pub async fn until(&self, what: &str, happened: impl Fn(&Telegram) -> bool) {
        for _ in 0..3000 {
            if happened(self.telegram()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited 30 s in vain: {what}\n{}", self.conversation());
    }

    /// Lets time pass, for Telegram and for the bot.
    pub async fn advance(&self, time: Duration) {
        self.telegram().world().ahead += time.as_secs() as i64;
        self.0.bot.lock().await.advance(time);
        self.settled().await;
    }

    /// What came in and what went out since this was last asked for.
    pub fn conversation(&self) -> String {
        self.telegram().take_lines().join("\n")
    }

    /// Forgets calls and transcript, so that what follows stands alone.
    pub fn forget(&self) {
        self.telegram().forget();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.database.clean_up();
        if std::thread::panicking() {
            return;
        }
        let leaks = logs::leaks();
        assert!(leaks.is_empty(), "secrets in the log:\n{}", leaks.join("\n"));
        let said = self.said.lock().map(|it| it.clone()).unwrap_or_default();
        let telling = logs::telling(self.log, &said);
        assert!(telling.is_empty(), "what people said in the log:\n{}", telling.join("\n"));
        if !self.strict.load(Ordering::SeqCst) {
            return;
        }
        let defects = self.telegram.take_defects();
        assert!(defects.is_empty(), "calls that Telegram refuses:\n{}", defects.join("\n"));
        let world = self.telegram.world();
        let unanswered = world.presses.values().filter(|it| it.answer.is_none()).count();
        assert!(unanswered == 0, "{unanswered} presses were never answered");
        let waiting = world.checkouts.values().filter(|it| it.answer.is_none()).count();
        assert!(waiting == 0, "{waiting} checkouts were never answered");
    }
}

impl World {
    /// Remembers what must not be in the log.
    pub(super) fn said(&self, text: String) {
        if let Ok(mut said) = self.0.said.lock() {
            said.push(text);
        }
    }

    /// What the bot showed to whoever pressed.
    pub(super) fn toast(&self, id: &str) -> Option<String> {
        let world = self.telegram().world();
        let answer = world.presses.get(id)?.answer.clone()?;
        answer["text"].as_str().map(String::from)
    }
}
