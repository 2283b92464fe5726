//! The menus of commands, and what Telegram shows of the bot.

use sha2::{Digest as _, Sha256};
use teloxide::{
    payloads::{
        SetMyCommandsSetters as _, SetMyDescriptionSetters as _, SetMyShortDescriptionSetters as _,
    },
    requests::Requester as _,
    types::{BotCommand, BotCommandScope, ChatId, Recipient},
};

use super::{Refusal, Telegram};
use crate::{
    commands::{self, Menu},
    text::{Lang, Texts},
};

/// What tells these menus and descriptions from any others.
pub fn fingerprint(texts: &Texts, operators: &[i64]) -> String {
    let mut all = Sha256::new();
    let mut add = |text: &str| {
        all.update(text.as_bytes());
        all.update([0]);
    };
    for lang in Lang::ALL {
        add(lang.code());
        for menu in [Menu::Private, Menu::Group, Menu::Admins, Menu::Operator] {
            add(&format!("{menu:?}"));
            for it in commands::of_menu(menu) {
                add(it.name());
                add(&it.describe(texts, lang));
            }
        }
        for (_, text) in descriptions(texts, lang) {
            add(&text);
        }
    }
    for operator in operators {
        add(&operator.to_string());
    }
    all.finalize().iter().map(|it| format!("{it:02x}")).collect()
}

/// The long and the short description.
fn descriptions(texts: &Texts, lang: Lang) -> [(&'static str, String); 2] {
    ["bot-description", "bot-short-description"].map(|it| (it, texts.plain(lang, it, &[])))
}

/// Who has none of our languages gets English.
fn code(lang: Lang) -> Option<&'static str> {
    (lang != Lang::En).then(|| lang.code())
}

impl Telegram {
    /// Sets the menus of all scopes and the descriptions, in every language.
    pub async fn set_commands(&self, texts: &Texts, operators: &[i64]) -> Result<(), Refusal> {
        for (menu, scope) in [
            (Menu::Private, BotCommandScope::AllPrivateChats),
            (Menu::Group, BotCommandScope::AllGroupChats),
            (Menu::Admins, BotCommandScope::AllChatAdministrators),
        ] {
            self.set_menu(texts, menu, scope).await?;
        }
        for operator in operators {
            match self.set_operators_menu(texts, *operator).await {
                // Whoever never started the bot has no chat with it yet; `/start` makes up for it.
                Ok(()) | Err(Refusal::Gone) => {}
                other => other?,
            }
        }
        for lang in Lang::ALL {
            let [(_, long), (_, short)] = descriptions(texts, lang);
            let mut request = self.bot.set_my_description().description(long);
            let mut brief = self.bot.set_my_short_description().short_description(short);
            if let Some(code) = code(lang) {
                request = request.language_code(code);
                brief = brief.language_code(code);
            }
            self.ask("setMyDescription", 0, request).await?;
            self.ask("setMyShortDescription", 0, brief).await?;
        }
        Ok(())
    }

    /// Sets the menu in the private chat of somebody who runs the bot.
    pub async fn set_operators_menu(&self, texts: &Texts, operator: i64) -> Result<(), Refusal> {
        let scope = BotCommandScope::Chat { chat_id: Recipient::Id(ChatId(operator)) };
        self.set_menu(texts, Menu::Operator, scope).await
    }

    async fn set_menu(
        &self,
        texts: &Texts,
        menu: Menu,
        scope: BotCommandScope,
    ) -> Result<(), Refusal> {
        for lang in Lang::ALL {
            let commands: Vec<BotCommand> = commands::of_menu(menu)
                .map(|it| BotCommand::new(it.name(), it.describe(texts, lang)))
                .collect();
            let mut request = self.bot.set_my_commands(commands).scope(scope.clone());
            if let Some(code) = code(lang) {
                request = request.language_code(code);
            }
            self.ask("setMyCommands", 0, request).await?;
        }
        Ok(())
    }
}
