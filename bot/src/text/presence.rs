//! How presence reads: who is there, with what, or since when not.

use std::cmp::Reverse;

use super::{Html, Lang, Texts, ago, span};
use crate::{
    clock::Time,
    presence::{Account, Failure, Presence, Report, Seen, Service, State},
    store::{Linked, StatusUser},
};

/// A name that somebody made up, as plain text. An `@` in it would call whoever has that username.
pub fn made_up_name(name: &str) -> Html {
    Html::escape(&name.replace('@', "@\u{2060}"))
}

/// A block for each status user, whoever is most there first, then by name.
pub fn blocks(
    texts: &Texts,
    lang: Lang,
    now: Time,
    users: &[StatusUser],
    report: &Report,
) -> Vec<Html> {
    let read = Reader { texts, lang, now, report };
    let mut users: Vec<&StatusUser> = users.iter().collect();
    users.sort_by_cached_key(|it| (Reverse(read.strength(it)), it.display_key.clone()));
    users.into_iter().map(|it| read.block(it)).collect()
}

/// A line for each service that did not answer.
pub fn failures(texts: &Texts, lang: Lang, report: &Report) -> Vec<Html> {
    let read = Reader { texts, lang, now: Time::default(), report };
    let line = |(service, failure): (&Service, &Failure)| {
        let args =
            [("service", service.to_string().into()), ("reason", read.reason(failure).into())];
        texts.html(lang, "presence-failed", &args)
    };
    report.failures.iter().map(line).collect()
}

/// How old what is shown is, if there is anything.
pub fn age(texts: &Texts, lang: Lang, now: Time, report: &Report) -> Option<Html> {
    let age = now.since(report.oldest()?);
    if age.as_secs() < 5 {
        return Some(texts.html(lang, "presence-age-now", &[]));
    }
    let age = span(texts, lang, age, 1);
    Some(texts.html(lang, "presence-age", &[("age", age.into())]))
}

struct Reader<'a> {
    texts: &'a Texts,
    lang: Lang,
    now: Time,
    report: &'a Report,
}

impl Reader<'_> {
    fn strength(&self, user: &StatusUser) -> State {
        let states = user.accounts().filter_map(|it| self.seen(it)?.presence.as_ref().ok());
        states.map(|it| it.state).max().unwrap_or(State::Unknown)
    }

    fn seen(&self, account: Account) -> Option<&Seen> {
        self.report.seen.get(&account)
    }

    fn block(&self, user: &StatusUser) -> Html {
        let name = made_up_name(&user.display_name).bold();
        user.linked().fold(name, |block, linked| block.line(&self.line(&linked)))
    }

    fn line(&self, linked: &Linked) -> Html {
        let account = linked.id.map(|id| Account { service: linked.service, id });
        let Some(seen) = account.and_then(|it| self.seen(it)) else {
            return self.with_symbol(
                linked.service,
                State::Unknown,
                self.html("presence-unlinked"),
            );
        };
        let presence = match &seen.presence {
            Ok(presence) => presence,
            Err(failure) => {
                return self.with_symbol(linked.service, State::Unknown, self.reason(failure));
            }
        };
        let what = match presence.state {
            State::Offline => self.gone(presence),
            State::Unknown => self.html("presence-unknown"),
            State::Online | State::Away | State::DoNotDisturb => self.here(presence),
        };
        let line = self.with_symbol(linked.service, presence.state, what);
        if !seen.stale {
            return line;
        }
        let age = span(self.texts, self.lang, self.now.since(seen.at), 1);
        let stale = self.texts.html(self.lang, "presence-stale", &[("age", age.into())]);
        line.then(&Html::escape(" ")).then(&stale)
    }

    fn with_symbol(&self, service: Service, state: State, what: Html) -> Html {
        let symbol = match state {
            State::Online => "🟢",
            State::Away => "🟡",
            State::DoNotDisturb => "⛔",
            State::Offline => "🔴",
            State::Unknown => "⚫",
        };
        Html::escape(&format!("{symbol} {service}: ")).then(&what)
    }

    /// Game or state, with what the game says of itself, and the device.
    fn here(&self, presence: &Presence) -> Html {
        let word = match presence.state {
            State::Away => "presence-away",
            State::DoNotDisturb => "presence-do-not-disturb",
            State::Online | State::Offline | State::Unknown => "presence-online",
        };
        let mut what = match &presence.game {
            Some(game) => visible(game),
            None => self.html(word),
        };
        if let Some(detail) = &presence.detail {
            what = what.then(&Html::escape(" – ")).then(&visible(detail));
        }
        match &presence.device {
            Some(device) => what.then(&Html::escape(&format!(" ({device})"))),
            None => what,
        }
    }

    /// When, with which game, on what: each only if it is known.
    fn gone(&self, presence: &Presence) -> Html {
        let mut parts = Vec::new();
        if let Some(time) = presence.last_seen {
            let ago = ago(self.texts, self.lang, self.now.since(time));
            parts.push(self.texts.html(self.lang, "presence-last-seen", &[("ago", ago.into())]));
        }
        parts.extend(presence.game.as_deref().map(visible));
        parts.extend(presence.device.as_deref().map(visible));
        match (parts.is_empty(), presence.last_seen) {
            (true, _) => self.html("presence-offline"),
            (false, Some(_)) => Html::join(&parts, ", "),
            (false, None) => {
                let what = Html::join(&parts, ", ");
                self.texts.html(self.lang, "presence-last-with", &[("what", what.into())])
            }
        }
    }

    fn reason(&self, failure: &Failure) -> Html {
        self.html(match failure {
            Failure::Private => "presence-private",
            Failure::NotFound | Failure::Invalid => "presence-not-found",
            Failure::RateLimited { .. } => "presence-rate-limited",
            Failure::Timeout => "presence-timeout",
            Failure::Unavailable(_) => "presence-unavailable",
            Failure::SignedOut(_) | Failure::NotConfigured => "presence-not-set-up",
        })
    }

    fn html(&self, key: &str) -> Html {
        self.texts.html(self.lang, key, &[])
    }
}

/// A text of a service on one line, and not without end. It may contain what other people made up.
fn visible(text: &str) -> Html {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let short: String = text.chars().take(80).collect();
    made_up_name(&short)
}
