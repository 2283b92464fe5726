//! The menus of commands, and what Telegram shows of the bot.

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

impl Telegram {
    /// Sets the menus of all scopes and the descriptions, in every language.
    pub async fn set_commands(&self, texts: &Texts, operators: &[i64]) -> Result<(), Refusal> {
        let mut scopes = vec![
            (Menu::Private, BotCommandScope::AllPrivateChats),
            (Menu::Group, BotCommandScope::AllGroupChats),
            (Menu::Admins, BotCommandScope::AllChatAdministrators),
        ];
        scopes.extend(operators.iter().map(|it| {
            (Menu::Operator, BotCommandScope::Chat { chat_id: Recipient::Id(ChatId(*it)) })
        }));
        for (menu, scope) in scopes {
            for lang in Lang::ALL {
                let commands: Vec<BotCommand> = commands::of_menu(menu)
                    .map(|it| BotCommand::new(it.name(), it.describe(texts, lang)))
                    .collect();
                let mut request = self.bot.set_my_commands(commands).scope(scope.clone());
                // English is for whoever has none of our languages.
                if lang != Lang::En {
                    request = request.language_code(lang.code());
                }
                match self.ask("setMyCommands", 0, request).await {
                    // An operator who never started the bot has no chat with it yet.
                    Err(Refusal::Gone) if menu == Menu::Operator => {}
                    other => {
                        other?;
                    }
                }
            }
        }
        for lang in Lang::ALL {
            let long = texts.plain(lang, "bot-description", &[]);
            let short = texts.plain(lang, "bot-short-description", &[]);
            let mut request = self.bot.set_my_description().description(long);
            let mut brief = self.bot.set_my_short_description().short_description(short);
            if lang != Lang::En {
                request = request.language_code(lang.code());
                brief = brief.language_code(lang.code());
            }
            self.ask("setMyDescription", 0, request).await?;
            self.ask("setMyShortDescription", 0, brief).await?;
        }
        Ok(())
    }
}
