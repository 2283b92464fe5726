//! What the dialogues about status users share: the rule for names, and looking up accounts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::notice;
use crate::{
    context::Cx,
    dialogue::Talk,
    presence::{Account, Failure, Found, Service},
    store::{Id, Wait},
    telegram::Place,
    text::{Html, made_up_name},
};

/// Longest name, in characters.
const NAME: usize = 32;

/// How often one person may look somebody up, and in which time: the services allow few look-ups to all together.
const LOOK_UPS: (usize, Duration) = (30, Duration::from_secs(600));

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// It is no name.
    Name,
    /// The name is another's in this chat.
    Taken,
    /// It cannot be a name on that service.
    Invalid(Service),
    /// The service knows nobody of that name.
    NotFound,
    /// The service does not say who that is.
    Private,
    /// Too many look-ups; so many seconds to wait.
    RateLimited(u64),
    /// The service is broken.
    Unavailable,
    /// The service does not answer.
    Timeout,
}

/// The name without space around it, if it is one: short, on one line, and something to see.
pub fn check_name(text: &str) -> Option<String> {
    let name = text.trim();
    let invisible = |it: char| matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{3164}');
    let fits = (1..=NAME).contains(&name.chars().count());
    let shows = name.chars().any(|it| !invisible(it) && !it.is_whitespace());
    (fits
        && shows
        && !name.contains(|it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}')))
    .then(|| name.to_owned())
}

/// Asks a service who that is. While it is asked, the person sees that something happens.
pub async fn look_up(
    talk: Talk<'_>,
    service: Service,
    text: &str,
) -> anyhow::Result<Result<Found, Problem>> {
    let (app, me) = (&talk.cx.app, talk.cx.user.id);
    let (times, window) = LOOK_UPS;
    if let Err(Wait(wait)) =
        app.store.limit_once(&format!("look-up:{me}"), times, window, talk.cx.update).await?
    {
        return Ok(Err(Problem::RateLimited(wait.as_secs().max(1))));
    }
    app.telegram.typing(Place::chat(me)).await;
    Ok(app.presences.resolve(service, text).await.map_err(|failure| match failure {
        Failure::Invalid => Problem::Invalid(service),
        Failure::NotFound => Problem::NotFound,
        Failure::Private => Problem::Private,
        Failure::RateLimited { again_in } => {
            Problem::RateLimited(again_in.map_or(60, |it| it.as_secs().max(1)))
        }
        Failure::Timeout => Problem::Timeout,
        Failure::Unavailable(_) | Failure::SignedOut(_) | Failure::NotConfigured => {
            Problem::Unavailable
        }
    }))
}

/// The name of another status user of the chat that has the account already.
pub async fn other_with(
    talk: Talk<'_>,
    service: Service,
    found: &Found,
    but: Id,
) -> anyhow::Result<Option<String>> {
    let account = Account { service, id: found.id };
    Ok(talk.cx.app.store.status_user_with(talk.target.chat_id, account, but).await?)
}

/// What went wrong and what to do.
pub fn explain(cx: &Cx, problem: &Problem, service: Option<Service>) -> Html {
    let service = service.map(|it| it.to_string()).unwrap_or_default();
    let args = [("service", service.as_str().into())];
    match problem {
        Problem::Name => cx.html("status-user-name-rule", &[("limit", NAME.into())]),
        Problem::Taken => cx.html("status-user-name-taken", &[]),
        Problem::Invalid(service) => cx.html(&format!("status-user-rule-{}", service.key()), &[]),
        Problem::NotFound => cx.html("status-user-not-found", &args),
        Problem::Private => cx.html("status-user-private", &args),
        Problem::RateLimited(seconds) => cx.html(
            "status-user-rate-limited",
            &[("service", service.as_str().into()), ("seconds", (*seconds).into())],
        ),
        Problem::Unavailable => cx.html("status-user-unavailable", &args),
        Problem::Timeout => cx.html("status-user-timeout", &args),
    }
}

/// The question for a name.
pub fn ask_name(cx: &Cx) -> Html {
    cx.html("status-user-ask-name", &[("limit", NAME.into())])
}

/// The question for an account.
pub fn ask_account(cx: &Cx, service: Service) -> Html {
    cx.html(&format!("status-user-ask-{}", service.key()), &[])
}

/// A line that says which account is linked.
pub fn account_line(service: Service, name: &str) -> Html {
    Html::escape(&format!("{service}: ")).then(&made_up_name(name))
}

/// Tells the group something about a status user, once for each such event of its life.
pub async fn announce(talk: Talk<'_>, key: &str, id: Id, name: &str) {
    if talk.target.is_private() {
        return;
    }
    let person = talk.cx.name(Some(&talk.cx.user));
    let args = [("person", person.into()), ("name", made_up_name(name).into())];
    let once = format!("{key}:{id}");
    notice::tell(&talk.cx.app, talk.target.place(), &once, key, &args).await;
}

/// "in" and the title of the group, or "for your private chat".
pub fn heading(talk: Talk<'_>, key: &str) -> Html {
    let place = match &talk.target.title {
        Some(title) if !talk.target.is_private() => Html::escape(title),
        _ => talk.cx.html("status-user-private-chat", &[]),
    };
    talk.cx.html(key, &[("place", place.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_visible_and_on_one_line() {
        assert_eq!(check_name("  Ann Bee 😀 ").as_deref(), Some("Ann Bee 😀"));
        assert_eq!(check_name(&"x".repeat(32)).map(|it| it.len()), Some(32));
        for bad in ["", "  ", "a\nb", "a\tb", "\u{200b}\u{3164}", &"x".repeat(33)] {
            assert_eq!(check_name(bad), None, "{bad:?}");
        }
    }
}
