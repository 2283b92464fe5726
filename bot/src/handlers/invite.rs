//! `/invite_to_notify_group`, `/invite`: the creator of a notify group invites people into it.
//!
//! People are mentioned, or wrote the message that the command replies to. Each gets one outcome.

use std::{collections::HashMap, time::Duration};

use teloxide::types::{MessageEntityKind, User as Account};

use super::{call::Call, invitation, notify_group};
use crate::{
    context::Cx,
    store::{
        Answer, INVITATION_LIFE, Id, Invitation, InvitationState, Invitee, MEMBERS, NotifyGroup,
        User,
    },
    text::{Html, made_up_name, messages, span},
};

/// How many people one command invites.
const AT_ONCE: usize = 20;

/// How often somebody may invite within `WINDOW`.
const TIMES: usize = 10;
const WINDOW: Duration = Duration::from_secs(600);

/// Somebody who shall be invited.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    id: Option<i64>,
    username_lc: Option<String>,
    /// What they were called.
    label: String,
    is_bot: bool,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Invited,
    /// Invited by a username that nobody was seen with.
    InvitedUnseen,
    Member,
    Waiting,
    Bot,
    Oneself,
    OneselfMember,
    TooMany,
}

/// Invites.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    let words = call.words();
    let Some(name) = words.first().filter(|it| !it.starts_with('@')) else {
        return cx.reply(cx.html("invite-usage", &[])).await;
    };
    let Some(group) = notify_group::meant(&cx, name).await? else {
        return cx.reply(notify_group::unknown(&cx, name)).await;
    };
    let shown = notify_group::name_of(&group);
    if group.creator_id != cx.user.id {
        let creator = cx.app.store.user(group.creator_id).await?;
        let args = [("name", shown.into()), ("creator", cx.name(creator.as_ref()).into())];
        return cx.reply(cx.html("invite-only-creator", &args)).await;
    }
    let candidates = candidates(&cx, &call).await?;
    if candidates.is_empty() {
        return cx.reply(cx.html("invite-nobody", &[("name", shown.into())])).await;
    }
    let open = cx.app.store.open_invitations(group.id).await?;
    if let Some(cut_off) = open.iter().find(|it| it.update == cx.update) {
        // This very update came before and was not finished.
        return match cut_off.message_id {
            Some(message) => invitation::call_others(&cx, cut_off, &group, message).await,
            None => invitation::send(&cx, cut_off, &group).await,
        };
    }
    if let Err(wait) =
        cx.app.store.limit_once(&format!("invite:{}", cx.user.id), TIMES, WINDOW, cx.update).await?
    {
        let wait = span(&cx.app.texts, cx.lang, wait.0, 1);
        return cx.reply(cx.html("invite-wait", &[("span", wait.into())])).await;
    }
    let outcomes = outcomes(&group, &open, cx.user.id, &candidates);
    report(&cx, &group, &candidates, &outcomes).await?;
    let invited = candidates.iter().zip(&outcomes).filter(|it| is_invited(*it.1));
    let invitees: Vec<Invitee> = invited.map(|it| it.0.invitee()).collect();
    if invitees.is_empty() {
        return Ok(());
    }
    let invitation = Invitation {
        id: Id::new(),
        notify_group_id: group.id,
        chat_id: group.chat_id,
        inviter_id: cx.user.id,
        invitees,
        message_id: None,
        thread_id: cx.thread_id,
        state: InvitationState::Open,
        expires_at: cx.now + INVITATION_LIFE,
        update: cx.update,
    };
    cx.app.store.create_invitation(&invitation).await?;
    invitation::send(&cx, &invitation, &group).await
}

/// Whoever is mentioned, and else the author of the message replied to; everybody once, with their id if it is known.
async fn candidates(cx: &Cx, call: &Call) -> anyhow::Result<Vec<Candidate>> {
    let mut found: Vec<Candidate> = Vec::new();
    for entity in call.message.parse_entities().unwrap_or_default() {
        match entity.kind() {
            MessageEntityKind::Mention => found.push(Candidate::called(entity.text())),
            MessageEntityKind::TextMention { user } => found.push(Candidate::of(user)),
            _ => {}
        }
    }
    if found.is_empty() {
        // Whoever writes in the name of a group or a channel cannot be invited.
        let author = call.replies_to().filter(|it| it.sender_chat.is_none());
        found.extend(author.and_then(|it| it.from.as_ref()).map(Candidate::of));
    }
    let unknown = found.iter().filter(|it| it.id.is_none());
    let names: Vec<String> = unknown.filter_map(|it| it.username_lc.clone()).collect();
    let called: HashMap<String, User> = match names.is_empty() {
        true => HashMap::new(),
        false => cx.app.store.users_called(&names).await?,
    };
    let mut once: Vec<Candidate> = Vec::new();
    for mut candidate in found {
        if let (None, Some(name)) = (candidate.id, &candidate.username_lc) {
            candidate.id = called.get(name).map(|it| it.id);
            let ours = cx.app.telegram.me.username.to_lowercase();
            // Telegram gives such names to bots only, and a bot is never seen.
            candidate.is_bot = candidate.id.is_none() && name.ends_with("bot") || *name == ours;
        }
        let same = |it: &Candidate| match (it.id, candidate.id) {
            (Some(this), Some(that)) => this == that,
            _ => it.username_lc.is_some() && it.username_lc == candidate.username_lc,
        };
        if !once.iter().any(same) {
            once.push(candidate);
        }
    }
    Ok(once)
}

impl Candidate {
    /// Somebody whom Telegram names.
    fn of(user: &Account) -> Self {
        Self {
            id: Some(crate::store::user_id(user)),
            username_lc: user.username.as_deref().map(str::to_lowercase),
            label: user.first_name.clone(),
            is_bot: user.is_bot,
        }
    }

    /// Somebody by their `@username`.
    fn called(mention: &str) -> Self {
        let username = mention.trim_start_matches('@').to_lowercase();
        Self { id: None, username_lc: Some(username), label: mention.to_owned(), is_bot: false }
    }

    fn invitee(&self) -> Invitee {
        Invitee {
            user_id: self.id,
            username_lc: self.username_lc.clone(),
            label: self.label.clone(),
            state: Answer::Pending,
            at: None,
        }
    }
}

/// What becomes of each candidate, in their order.
fn outcomes(
    group: &NotifyGroup,
    open: &[Invitation],
    caller: i64,
    candidates: &[Candidate],
) -> Vec<Outcome> {
    let waiting = |candidate: &Candidate| {
        let pending = open.iter().flat_map(|it| &it.invitees);
        let mut pending = pending.filter(|it| it.state == Answer::Pending);
        pending.any(|it| match (it.user_id, candidate.id) {
            (Some(this), Some(that)) => this == that,
            _ => it.username_lc.is_some() && it.username_lc == candidate.username_lc,
        })
    };
    let mut room = AT_ONCE.min(MEMBERS.saturating_sub(group.members.len()));
    let outcome = |candidate: &Candidate| {
        if candidate.id == Some(caller) {
            return if group.has(caller) { Outcome::OneselfMember } else { Outcome::Oneself };
        } else if candidate.is_bot {
            return Outcome::Bot;
        } else if candidate.id.is_some_and(|it| group.has(it)) {
            return Outcome::Member;
        } else if waiting(candidate) {
            return Outcome::Waiting;
        } else if room == 0 {
            return Outcome::TooMany;
        }
        room -= 1;
        if candidate.id.is_some() { Outcome::Invited } else { Outcome::InvitedUnseen }
    };
    candidates.iter().map(outcome).collect()
}

fn is_invited(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Invited | Outcome::InvitedUnseen)
}

/// Says what became of everybody, unless they were all simply invited. Nobody is called.
async fn report(
    cx: &Cx,
    group: &NotifyGroup,
    candidates: &[Candidate],
    outcomes: &[Outcome],
) -> anyhow::Result<()> {
    if outcomes.iter().all(|it| *it == Outcome::Invited) {
        return Ok(());
    }
    let line = |(candidate, outcome): (&Candidate, &Outcome)| {
        let key = match outcome {
            Outcome::Invited => "invite-invited",
            Outcome::InvitedUnseen => "invite-invited-unseen",
            Outcome::Member => "invite-member",
            Outcome::Waiting => "invite-waiting",
            Outcome::Bot => "invite-bot",
            Outcome::Oneself => "invite-oneself",
            Outcome::OneselfMember => "invite-oneself-member",
            Outcome::TooMany => "invite-too-many",
        };
        let args = [
            ("person", made_up_name(&candidate.label).into()),
            ("name", notify_group::name_of(group).into()),
            ("limit", AT_ONCE.into()),
            ("members", MEMBERS.into()),
        ];
        cx.html(key, &args)
    };
    let lines: Vec<Html> = candidates.iter().zip(outcomes).map(line).collect();
    for message in messages(&Html::default(), &lines, "\n") {
        cx.reply(message).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Policy;

    fn group(members: Vec<i64>) -> NotifyGroup {
        NotifyGroup {
            id: Id::new(),
            chat_id: -1,
            creator_id: 1,
            name: "raid".to_owned(),
            name_key: "raid".to_owned(),
            description: None,
            members,
            policy: Policy::Invite,
            hidden: false,
            asks: false,
            muted: Vec::new(),
            offered_to: None,
            requests: Vec::new(),
            last_notified_at: None,
            last_call: None,
            created_at: None,
            rev: 0,
        }
    }

    #[test]
    fn there_is_room_for_so_many() {
        let candidates: Vec<Candidate> =
            (0..25).map(|it| Candidate::called(&format!("@u{it}"))).collect();
        let invited = |members: Vec<i64>| {
            let outcomes = outcomes(&group(members), &[], 1, &candidates);
            outcomes.into_iter().filter(|it| is_invited(*it)).count()
        };
        assert_eq!(invited(vec![1]), 20);
        assert_eq!(invited((1..=97).collect()), 3);
        assert_eq!(invited((1..=100).collect()), 0);
    }
}
