//! `/stats` and `/refund`, and what operators are warned of: for whoever runs the bot.

use std::time::Duration;

use super::{call::Call, donate};
use crate::{
    clock::Time,
    context::{App, Cx},
    presence::{Condition, Service, Warning},
    telegram::{Place, Refusal, STARS},
    text::{Html, Lang},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Counts what there is.
pub async fn stats(cx: Cx) -> anyhow::Result<()> {
    let counts = cx.app.store.counts().await?;
    let lines: Vec<Html> = [
        ("stats-private-chats", counts.private_chats),
        ("stats-groups", counts.groups),
        ("stats-gone", counts.gone),
        ("stats-users", counts.users),
        ("stats-status-users", counts.status_users),
        ("stats-notify-groups", counts.notify_groups),
        ("stats-dialogues", counts.dialogues),
    ]
    .into_iter()
    .map(|(key, count)| cx.html(key, &[("count", count.into())]))
    .collect();
    let services = services(&cx).await;
    let text = cx.html("stats", &[]).paragraph(&Html::join(&lines, "\n"));
    cx.reply(text.paragraph(&Html::join(&services, "\n"))).await
}

/// How the services are.
async fn services(cx: &Cx) -> Vec<Html> {
    let warnings = cx.app.presences.warnings().await;
    let signed_out = |service: Service| {
        let out =
            |it: &Warning| matches!(it, Warning::SignedOut { service: it, .. } if *it == service);
        warnings.iter().any(out)
    };
    let mut lines = Vec::new();
    for service in Service::ALL {
        let condition = match cx.app.presences.condition(service).await {
            Condition::NotConfigured => "condition-not-configured",
            _ if signed_out(service) => "condition-signed-out",
            Condition::Down => "condition-down",
            Condition::Up => "condition-up",
        };
        let args = [
            ("service", service.to_string().into()),
            ("condition", cx.html(condition, &[]).into()),
        ];
        lines.push(cx.html("stats-service", &args));
    }
    lines
}

/// Gives a donation in Stars back.
pub async fn refund(cx: Cx, call: Call) -> anyhow::Result<()> {
    let charge = call.arguments.as_str();
    if charge.is_empty() || call.words().len() > 1 {
        return cx.reply(cx.html("refund-usage", &[])).await;
    }
    let Some(payment) = cx.app.store.payment(charge).await? else {
        return cx.reply(cx.html("refund-unknown", &[])).await;
    };
    if payment.currency != STARS {
        return cx.reply(cx.html("refund-not-stars", &[])).await;
    }
    if payment.refunded {
        return cx.reply(cx.html("refund-before", &[])).await;
    }
    match cx.app.telegram.refund_stars(payment.user_id, charge).await {
        Ok(()) => {}
        Err(Refusal::Other(why)) => {
            return cx.reply(cx.html("refund-refused", &[("why", why.into())])).await;
        }
        Err(other) => return Err(other.into()),
    }
    cx.app.store.set_refunded(payment.id).await?;
    let sum = donate::sum(&cx, &payment.currency, payment.amount);
    cx.reply(cx.html("refund-done", &[("sum", sum.into())])).await
}

/// Tells the operators what only they can mend about sign-ins: each thing once a day, and that something ends soon on
/// the fourteenth, seventh, third and last day before. The house-keeping calls this.
pub async fn warn(app: &App) -> anyhow::Result<()> {
    for warning in app.presences.warnings().await {
        let (what, pause) = match &warning {
            Warning::SignedOut { service, .. } => (format!("out:{}", service.key()), DAY),
            Warning::SignInEnds { service, days, .. } => {
                (format!("ends:{}:{days}", service.key()), pause(*days))
            }
            Warning::ClientSecretEnds { days, .. } => (format!("secret:{days}"), pause(*days)),
        };
        if app.store.limit(&format!("warning:{what}"), 1, pause).await?.is_err() {
            continue;
        }
        let operators = app.store.users(&app.config.operators).await?;
        for operator in &app.config.operators {
            let lang = app.lang_of(operators.get(operator));
            let text = in_words(app, lang, &warning);
            if let Err(refusal) = app.telegram.send(Place::chat(*operator), text).await {
                tracing::info!(operator, %refusal, "an operator could not be warned");
            }
        }
    }
    Ok(())
}

/// How long a warning holds. What is over is said daily, what is to come once for each of the days.
fn pause(days: u64) -> Duration {
    if days == 0 { DAY } else { 8 * DAY }
}

fn in_words(app: &App, lang: Lang, warning: &Warning) -> Html {
    let date = |at: &Time| {
        let date = chrono::DateTime::from_timestamp_millis(at.0);
        date.map(|it| it.format("%Y-%m-%d").to_string()).unwrap_or_default()
    };
    match warning {
        Warning::SignedOut { service, why } => {
            let args = [
                ("service", service.to_string().into()),
                ("command", service.key().into()),
                ("why", why.into()),
            ];
            app.texts.html(lang, "warning-signed-out", &args)
        }
        Warning::SignInEnds { service, at, .. } => {
            let args = [
                ("service", service.to_string().into()),
                ("command", service.key().into()),
                ("date", date(at).into()),
            ];
            app.texts.html(lang, "warning-sign-in-ends", &args)
        }
        Warning::ClientSecretEnds { at, .. } => {
            app.texts.html(lang, "warning-client-secret-ends", &[("date", date(at).into())])
        }
    }
}
