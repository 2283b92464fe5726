//! Donations: what is offered, invoices, checkouts, payments, refunds.

use std::time::{Duration, Instant};

use mongodb::bson::doc;
use serde_json::json;

use crate::{
    assert_conversation,
    support::{
        bot::Settings,
        conversation::{Person, World},
    },
};

/// The number of the first person of a world, who can be named an operator before there is a world.
const OPERATOR: i64 = 5_000_001_001;

/// Somebody with an invoice over 50 Stars in their private chat.
async fn with_invoice(world: &World, name: &str) -> Person {
    let person = world.person(name);
    person.writes("/donate").await;
    person.presses("⭐ 50").await;
    person
}

/// What the bot said against the last checkout.
fn refusal(world: &World) -> String {
    let calls = world.telegram().calls("answerPreCheckoutQuery");
    let last = calls.last().expect("a checkout was answered");
    assert_eq!(last.parameters["ok"], false);
    last.parameters["error_message"].as_str().unwrap_or_default().to_owned()
}

/// By what Telegram knows the first payment.
async fn charge(world: &World) -> String {
    let payments = world.database().all("payments").await;
    payments[0].get_str("telegram_charge_id").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn s018_the_invoice_comes_in_private() {
    let settings = Settings::webhook()
        .with("SPONSORS_URL", "https://sponsors.example")
        .with("PAYPAL_URL", "https://paypal.example");
    let world = World::start(settings).await;
    let ann = world.person("Ann");
    let zoe = world.stranger("Zoe");
    let group = world.group("Gamers", &[&ann, &zoe]);
    ann.says(&group, "/donate").await;
    ann.presses_private("Begin").await;
    ann.presses("⭐ 150").await;
    zoe.says(&group, "/donate").await;
    zoe.presses_in(&group, "Go on in private").await;
    zoe.presses("⭐ 50").await;
    assert_conversation!(world);
    let invoices = world.telegram().calls("sendInvoice");
    let places: Vec<_> =
        invoices.iter().filter_map(|it| it.parameters["chat_id"].as_i64()).collect();
    assert_eq!(places, [ann.id, zoe.id]);
    assert!(invoices.iter().all(|it| it.parameters["provider_token"] == ""));
    let stored = doc! { "user_id": ann.id, "currency": "XTR", "amount": 150_i64 };
    assert_eq!(world.database().count("payments", stored).await, 1);
}

#[tokio::test]
async fn s019_the_right_payment_is_let_through_at_once() {
    let world = World::start(Settings::webhook()).await;
    let ann = with_invoice(&world, "Ann").await;
    let began = Instant::now();
    assert!(ann.pays(json!({})).await);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(
        world
            .database()
            .count("payments", doc! { "telegram_charge_id": { "$exists": true } })
            .await,
        1
    );
    assert!(ann.reads().contains("50 Stars"), "{}", ann.reads());
}

#[tokio::test]
async fn s019_a_wrong_payment_is_refused_with_a_reason() {
    let world = World::start(Settings::webhook()).await;
    let ann = with_invoice(&world, "Ann").await;
    let bob = with_invoice(&world, "Bob").await;
    for (tampered, reason) in [
        (json!({ "invoice_payload": "donate:0123456789abcdef01234567" }), "do not know"),
        (json!({ "invoice_payload": "gub_maintenance_costs" }), "do not know"),
        (json!({ "invoice_payload": "{\"$ne\":1}" }), "do not know"),
        (json!({ "total_amount": 1 }), "amount"),
        (json!({ "total_amount": 500 }), "amount"),
        (json!({ "currency": "EUR" }), "amount"),
        (json!({ "from": bob_json(&world, &bob) }), "somebody else"),
    ] {
        assert!(!ann.pays(tampered.clone()).await, "{tampered}");
        assert!(refusal(&world).contains(reason), "{tampered}: {}", refusal(&world));
    }
    assert_eq!(world.database().count("payments", doc! { "thanked": true }).await, 0);
    // An invoice is paid once.
    assert!(ann.pays(json!({})).await);
    assert!(!ann.pays(json!({})).await);
    assert!(refusal(&world).contains("paid already"), "{}", refusal(&world));
    // And not for ever.
    world.advance(Duration::from_secs(8 * 24 * 3600)).await;
    assert!(!bob.pays(json!({})).await);
    assert!(refusal(&world).contains("do not know"), "{}", refusal(&world));
}

fn bob_json(world: &World, bob: &Person) -> serde_json::Value {
    world.telegram().world().user_json(bob.id)
}

#[tokio::test]
async fn s020_a_payment_told_twice_is_one() {
    let world = World::start(Settings::webhook().with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    assert_eq!(olga.id, OPERATOR);
    let ann = with_invoice(&world, "Ann").await;
    let (query, paid) = ann.checkout(json!({}));
    world.send(query).await;
    world.forget();
    let same = world.telegram().addressed(paid.clone());
    world.send(same.clone()).await;
    world.send(same.clone()).await;
    world.send(paid.clone()).await;
    world.at_once(vec![paid.clone(), paid.clone(), same]).await;
    let thanks = world.telegram().calls("sendMessage");
    let to = |id: i64| thanks.iter().filter(|it| it.parameters["chat_id"] == id).count();
    assert_eq!((to(ann.id), to(olga.id)), (1, 1));
    let payments = world.database().all("payments").await;
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0].get_i64("amount"), Ok(50));
    assert_eq!(payments[0].get_i64("user_id"), Ok(ann.id));
    assert!(payments[0].contains_key("provider_charge_id"));
    assert!(!payments[0].contains_key("expires_at"), "a payment would be forgotten");
    assert_conversation!(world);
}

#[tokio::test]
async fn s020_money_for_an_unknown_invoice_is_noted_too() {
    let world = World::start(Settings::webhook()).await;
    let ann = with_invoice(&world, "Ann").await;
    let (query, paid) = ann.checkout(json!({ "invoice_payload": "donate:long-gone" }));
    world.send(query).await;
    // Telegram would not get this far; if it does, the money is there.
    world.at_once(vec![paid.clone(), paid]).await;
    let noted = doc! { "telegram_charge_id": { "$exists": true }, "user_id": ann.id };
    assert_eq!(world.database().count("payments", noted).await, 1);
    assert!(ann.reads().contains("Thank you"), "{}", ann.reads());
}

#[tokio::test]
async fn only_what_is_configured_is_offered() {
    let world = World::start(Settings::webhook().with("DONATION_STARS", "")).await;
    let ann = world.person("Ann");
    let group = world.group("Gamers", &[&ann]);
    ann.writes("/donate").await;
    assert!(ann.reads().contains("closed"), "{}", ann.reads());
    ann.says(&group, "/donate").await;
    assert!(group.reads().contains("closed"), "{}", group.reads());
    assert_eq!(
        ann.presses_data(ann.id, ann.newest(), "d:stars:50").await.as_deref(),
        Some("This button has expired.")
    );
    assert_eq!(
        ann.presses_data(ann.id, ann.newest(), "d:money").await.as_deref(),
        Some("This button has expired.")
    );
    assert!(world.telegram().calls("sendInvoice").is_empty());
}

#[tokio::test]
async fn an_amount_that_is_not_offered_has_no_invoice() {
    let world = World::start(Settings::webhook()).await;
    let ann = world.person("Ann");
    ann.writes("/donate").await;
    for data in ["d:stars:1", "d:stars:-50", "d:stars:4294967346", "d:stars:050", "d:stars"] {
        ann.presses_data(ann.id, ann.newest(), data).await;
    }
    assert!(world.telegram().calls("sendInvoice").is_empty());
    for _ in 0..10 {
        ann.presses("⭐ 50").await;
    }
    let toast = ann.presses("⭐ 50").await.unwrap_or_default();
    assert!(toast.contains("many invoices"), "{toast}");
    assert_eq!(world.telegram().calls("sendInvoice").len(), 10);
}

#[tokio::test]
async fn a_payment_provider_is_optional() {
    let settings = Settings::webhook()
        .with("PAYMENT_PROVIDER_TOKEN", "CANARY-provider")
        .with("DONATION_PRICE", "250 CAD")
        .with("DONATION_STARS", "");
    let world = World::start(settings.with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    let ann = world.person("Ann");
    ann.writes("/donate").await;
    ann.presses("2.50 CAD by card").await;
    let invoice = world.telegram().calls("sendInvoice")[0].parameters.clone();
    assert_eq!(invoice["provider_token"], "CANARY-provider");
    assert_eq!(
        (invoice["currency"].as_str(), &invoice["prices"][0]["amount"]),
        (Some("CAD"), &json!(250))
    );
    assert!(ann.pays(json!({})).await);
    assert!(ann.reads().contains("2.50 CAD"), "{}", ann.reads());
    let charge = charge(&world).await;
    olga.writes(&format!("/refund {charge}")).await;
    assert!(olga.reads().contains("only give back Stars"), "{}", olga.reads());
}

#[tokio::test]
async fn stars_are_given_back_once() {
    let world = World::start(Settings::webhook().with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    let ann = with_invoice(&world, "Ann").await;
    assert!(ann.pays(json!({})).await);
    let charge = charge(&world).await;
    world.forget();
    ann.writes(&format!("/refund {charge}")).await;
    assert!(ann.reads().contains("do not know this command"), "{}", ann.reads());
    for (text, says) in [
        ("/refund".to_owned(), "Which payment?"),
        ("/refund a b".to_owned(), "Which payment?"),
        ("/refund nonsense".to_owned(), "no payment of that name"),
        (format!("/refund {charge}"), "Given back: 50 Stars."),
        (format!("/refund {charge}"), "given back already"),
    ] {
        olga.writes(&text).await;
        assert!(olga.reads().contains(says), "{text}: {}", olga.reads());
    }
    assert_eq!(world.telegram().calls("refundStarPayment").len(), 1);
    assert_eq!(world.database().count("payments", doc! { "refunded": true }).await, 1);
}

#[tokio::test]
async fn a_refund_that_was_cut_off_is_finished() {
    let world = World::start(Settings::webhook().with_operator(OPERATOR)).await;
    let olga = world.person("Olga");
    let ann = with_invoice(&world, "Ann").await;
    assert!(ann.pays(json!({})).await);
    let charge = charge(&world).await;
    // Telegram did it, and nobody noted it.
    if let Some(payment) = world.telegram().world().payments.get_mut(&charge) {
        payment.refunded = true;
    }
    olga.writes(&format!("/refund {charge}")).await;
    assert!(olga.reads().contains("Given back"), "{}", olga.reads());
    assert_eq!(world.database().count("payments", doc! { "refunded": true }).await, 1);
}
