//! What the conversations about notify groups share: which one is meant, and how it is shown.

use std::collections::HashMap;

use crate::{
    context::Cx,
    store::{NotifyGroup, Policy, User},
    text::{Html, made_up_name},
};

/// How much of a message a list of names may take, in UTF-16 units.
const NAMES: usize = 2500;

/// The notify group of this chat that somebody means by a name, if they may know of it.
pub async fn meant(cx: &Cx, name: &str) -> anyhow::Result<Option<NotifyGroup>> {
    let found = cx.app.store.notify_group_called(cx.chat.chat_id, name).await?;
    Ok(found.filter(|it| it.is_known_to(cx.user.id)))
}

/// A name that somebody wrote, and there is none.
pub fn unknown(cx: &Cx, name: &str) -> Html {
    let short: String = name.chars().take(64).collect();
    cx.html("notify-group-unknown", &[("name", made_up_name(&short).into())])
}

/// Its name, which calls nobody.
pub fn name_of(group: &NotifyGroup) -> Html {
    made_up_name(&group.name)
}

/// Who may join it: the key of a text.
pub fn policy_key(policy: Policy) -> &'static str {
    match policy {
        Policy::Invite => "policy-invite",
        Policy::Open => "policy-open",
    }
}

/// What it is for, if its creator said that.
pub fn description(cx: &Cx, group: &NotifyGroup) -> Html {
    match &group.description {
        Some(text) => cx.html("notify-group-description", &[("text", made_up_name(text).into())]),
        None => Html::default(),
    }
}

/// Names of people, which call nobody, as many as there is room for.
pub fn names(cx: &Cx, ids: &[i64], users: &HashMap<i64, User>) -> Html {
    let mut units = 0;
    let mut shown: Vec<Html> = Vec::new();
    for id in ids {
        let name = cx.name(users.get(id));
        units += name.units() + 2;
        if units > NAMES {
            break;
        }
        shown.push(name);
    }
    let rest = ids.len() - shown.len();
    let list = Html::join(&shown, ", ");
    if rest == 0 {
        return list;
    }
    cx.html("notify-group-and-more", &[("names", list.into()), ("count", rest.into())])
}
