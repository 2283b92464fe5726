//! `/donate`: ways to donate, invoices, and what comes of them.
//!
//! An invoice carries a random name under which it is stored with its person and amount. What Telegram asks before the
//! payment is compared with that; what it tells after the payment is noted whatever it is, since the money is there.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use teloxide::types::{Message, PreCheckoutQuery};

use super::{call::Call, hand_off};
use crate::{
    callback::Callback,
    context::Cx,
    dialogue::{Kind, Talk, Turn},
    store::{Paid, Payment},
    telegram::{Button, Invoice, Keyboard, Place, Post, STARS},
    text::{Html, Lang, Texts},
};

/// How many invoices somebody gets in `WINDOW`.
const INVOICES: usize = 10;
/// See `INVOICES`.
const WINDOW: Duration = Duration::from_secs(600);

/// Offers ways to donate, in private.
pub async fn run(cx: Cx, call: Call) -> anyhow::Result<()> {
    if !is_open(&cx) {
        return cx.reply(cx.html("donate-closed", &[])).await;
    }
    hand_off::run(&cx, &call, Kind::Donate).await
}

/// The offer. It is no dialogue: nothing is asked.
pub async fn begin<S>(talk: Talk<'_>) -> anyhow::Result<Turn<S>> {
    Ok(Turn::End(offer(talk.cx)))
}

fn is_open(cx: &Cx) -> bool {
    let donations = &cx.app.config.donations;
    !donations.stars.is_empty()
        || donations.provider_token.is_some()
        || donations.sponsors_url.is_some()
        || donations.paypal_url.is_some()
}

fn offer(cx: &Cx) -> Post {
    if !is_open(cx) {
        return cx.html("donate-closed", &[]).into();
    }
    let donations = &cx.app.config.donations;
    let stars = donations.stars.iter().map(|amount| {
        let label = cx.plain("donate-stars", &[("amount", (*amount).into())]);
        Button::press(label, Callback::DonateStars { amount: i64::from(*amount) })
    });
    let fiat = donations.provider_token.as_ref().map(|_| {
        let price = in_words(&donations.price.currency, i64::from(donations.price.amount));
        Button::press(cx.plain("donate-money", &[("price", price.into())]), Callback::DonateMoney)
    });
    let page = |label: &str, url: &url::Url| Button::open(cx.plain(label, &[]), url.as_str());
    let sponsors = donations.sponsors_url.as_ref().map(|it| page("donate-sponsors", it));
    let paypal = donations.paypal_url.as_ref().map(|it| page("donate-paypal", it));
    let keyboard = Keyboard::new().grid(stars, 3).row(fiat).row(sponsors).row(paypal);
    let brand = cx.app.config.brand.name.as_str();
    Post::new(cx.html("donate", &[("brand", brand.into())])).keyboard(keyboard)
}

/// A press on an amount of Stars.
pub async fn stars(cx: Cx, amount: i64) -> anyhow::Result<()> {
    let offered = cx.app.config.donations.stars.iter().find(|it| i64::from(**it) == amount);
    match offered {
        Some(amount) => send_invoice(&cx, STARS, *amount, "").await,
        None => super::expired::press(cx).await,
    }
}

/// A press on the payment provider's amount.
pub async fn money(cx: Cx) -> anyhow::Result<()> {
    let donations = &cx.app.config.donations;
    let Some(token) = &donations.provider_token else { return super::expired::press(cx).await };
    let price = &donations.price;
    send_invoice(&cx, &price.currency, price.amount, token.expose_secret()).await
}

async fn send_invoice(
    cx: &Cx,
    currency: &str,
    amount: u32,
    provider_token: &str,
) -> anyhow::Result<()> {
    let limit = format!("invoice:{}", cx.user.id);
    if cx.app.store.limit_once(&limit, INVOICES, WINDOW, cx.update).await?.is_err() {
        cx.toast(&cx.plain("donate-too-many", &[])).await;
        return Ok(());
    }
    let payload = cx.app.store.create_invoice(cx.user.id, currency, i64::from(amount)).await?;
    let lang = cx.app.lang_of(Some(&cx.user));
    let brand: String = cx.app.config.brand.name.chars().take(100).collect();
    let args = [("brand", brand.into())];
    let invoice = Invoice {
        title: cx.app.texts.plain(lang, "donate-invoice-title", &args[..0]),
        description: cx.app.texts.plain(lang, "donate-invoice-description", &args),
        payload: &payload,
        currency,
        amount,
        provider_token,
    };
    cx.app.telegram.send_invoice(cx.user.id, invoice).await?;
    Ok(())
}

/// Why somebody may not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objection {
    /// There is no such invoice, or not any more.
    Unknown,
    /// It is another person's.
    Foreign,
    /// It was paid.
    Paid,
    /// It was made for another amount.
    Amount,
}

/// Telegram asks whether somebody may pay. It waits ten seconds.
pub async fn check(cx: Cx, query: PreCheckoutQuery) -> anyhow::Result<()> {
    let objection = match cx.app.store.invoice(&query.invoice_payload).await? {
        Some(invoice) => objection(&invoice, &query),
        None => Some(Objection::Unknown),
    };
    let why = objection.map(|it| {
        let key = match it {
            Objection::Unknown => "donate-refused-unknown",
            Objection::Foreign => "donate-refused-foreign",
            Objection::Paid => "donate-refused-paid",
            Objection::Amount => "donate-refused-amount",
        };
        cx.plain(key, &[])
    });
    cx.app.telegram.answer_checkout(query.id, why).await?;
    Ok(())
}

fn objection(invoice: &Payment, query: &PreCheckoutQuery) -> Option<Objection> {
    if invoice.user_id != crate::store::user_id(&query.from) {
        Some(Objection::Foreign)
    } else if invoice.paid {
        Some(Objection::Paid)
    } else if invoice.currency != query.currency || invoice.amount != i64::from(query.total_amount)
    {
        Some(Objection::Amount)
    } else {
        None
    }
}

/// The payment that a message tells of.
pub fn payment(message: Message) -> Option<Paid> {
    let paid = message.successful_payment()?;
    Some(Paid {
        user_id: message.from.as_ref().map(crate::store::user_id)?,
        payload: paid.invoice_payload.clone(),
        currency: paid.currency.clone(),
        amount: i64::from(paid.total_amount),
        telegram_charge_id: paid.telegram_payment_charge_id.0.clone(),
        provider_charge_id: paid.provider_payment_charge_id.clone(),
    })
}

/// Somebody paid: notes it, says thanks, tells the operators.
pub async fn paid(cx: Cx, paid: Paid) -> anyhow::Result<()> {
    let payment = cx.app.store.record_payment(&paid, cx.update).await?;
    // Another update told of it before, or we were here and were cut off after saying thanks.
    if payment.update != Some(cx.update) || payment.thanked {
        return Ok(());
    }
    let sum = sum(&cx, &payment.currency, payment.amount);
    let thanks = cx.html("donate-thanks", &[("sum", sum.into())]);
    let thanked = cx.app.telegram.send(Place::chat(cx.user.id), thanks).await;
    cx.app.store.set_thanked(payment.id).await?;
    tell_operators(&cx, &payment).await?;
    thanked?;
    Ok(())
}

async fn tell_operators(cx: &Cx, payment: &Payment) -> anyhow::Result<()> {
    let app = &cx.app;
    let operators = app.store.users(&app.config.operators).await?;
    for operator in &app.config.operators {
        let lang = app.lang_of(operators.get(operator));
        let args = [
            ("name", cx.name(Some(&cx.user)).into()),
            ("id", cx.user.id.to_string().into()),
            ("sum", sum_in(&app.texts, lang, &payment.currency, payment.amount).into()),
            ("charge", payment.telegram_charge_id.as_deref().unwrap_or_default().into()),
        ];
        let text = app.texts.html(lang, "donate-operator", &args);
        if let Err(refusal) = app.telegram.send(Place::chat(*operator), text).await {
            tracing::info!(operator, %refusal, "an operator could not be told");
        }
    }
    Ok(())
}

/// A sum in words, in the language of this chat.
pub fn sum(cx: &Cx, currency: &str, amount: i64) -> Html {
    sum_in(&cx.app.texts, cx.lang, currency, amount)
}

fn sum_in(texts: &Texts, lang: Lang, currency: &str, amount: i64) -> Html {
    if currency == STARS {
        texts.html(lang, "donate-sum-stars", &[("amount", amount.into())])
    } else {
        Html::escape(&in_words(currency, amount))
    }
}

/// Currencies whose smallest unit is the unit itself.
const WHOLE: [&str; 7] = ["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND"];

/// An amount in the smallest units of a currency, as people write it.
fn in_words(currency: &str, amount: i64) -> String {
    if WHOLE.contains(&currency) {
        format!("{amount} {currency}")
    } else {
        format!("{}.{:02} {currency}", amount / 100, amount % 100)
    }
}
