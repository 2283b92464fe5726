//! `payments`: invoices of donations, and what was paid. A payment is kept for good; an invoice that nobody paid is not.

use std::time::Duration;

use mongodb::{
    bson::{Document, doc},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

use super::{Error, Id, Result, Store, is_duplicate};
use crate::clock::Time;

/// How long an invoice can be paid.
pub const INVOICE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// An invoice, and how it was paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// What the invoice carries, and comes back with the payment.
    pub payload: String,
    /// For whom the invoice was made, or who paid.
    pub user_id: i64,
    /// The currency; `XTR` are Telegram Stars.
    pub currency: String,
    /// How much, in the smallest units.
    pub amount: i64,
    /// When the invoice was made.
    pub at: Time,
    /// Whether it was paid.
    pub paid: bool,
    /// Until when it can be paid, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Telegram's name of the payment, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telegram_charge_id: Option<String>,
    /// The payment provider's name of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_charge_id: Option<String>,
    /// The update that told of the payment: that one says thanks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<i64>,
    /// Whether thanks were said.
    #[serde(default)]
    pub thanked: bool,
    /// Whether it was given back.
    #[serde(default)]
    pub refunded: bool,
}

/// A payment, as Telegram tells of it.
#[derive(Clone, Debug)]
pub struct Paid {
    /// Who paid.
    pub user_id: i64,
    /// What the invoice carried.
    pub payload: String,
    /// The currency.
    pub currency: String,
    /// How much.
    pub amount: i64,
    /// Telegram's name of the payment.
    pub telegram_charge_id: String,
    /// The payment provider's name of it.
    pub provider_charge_id: String,
}

const PAYMENTS: &str = "payments";

impl Store {
    /// Makes an invoice; answers with what it carries.
    pub async fn create_invoice(
        &self,
        user_id: i64,
        currency: &str,
        amount: i64,
    ) -> Result<String> {
        let id = Id::new();
        // Two ids, since the time and the counter in one could be guessed.
        let payload = format!("donate:{id}{:016x}", rand::random::<u64>());
        let now = self.clock.now();
        let invoice = Payment {
            id,
            payload: payload.clone(),
            user_id,
            currency: currency.to_owned(),
            amount,
            at: now,
            paid: false,
            expires_at: Some(now + INVOICE_LIFE),
            telegram_charge_id: None,
            provider_charge_id: None,
            update: None,
            thanked: false,
            refunded: false,
        };
        self.collection(PAYMENTS).insert_one(invoice).await?;
        Ok(payload)
    }

    /// The invoice that carries this, paid or not, unless its time is up.
    pub async fn invoice(&self, payload: &str) -> Result<Option<Payment>> {
        let found: Option<Payment> =
            self.collection(PAYMENTS).find_one(doc! { "payload": payload }).await?;
        let now = self.clock.now();
        Ok(found.filter(|it| it.paid || it.expires_at.is_some_and(|end| end > now)))
    }

    /// Notes a payment and which update told of it. The same payment again is noted once, with the first update.
    pub async fn record_payment(&self, paid: &Paid, update: i64) -> Result<Payment> {
        let charge = paid.telegram_charge_id.as_str();
        let known = doc! { "telegram_charge_id": charge };
        let facts = doc! {
            "user_id": paid.user_id, "currency": paid.currency.as_str(), "amount": paid.amount,
            "telegram_charge_id": charge, "provider_charge_id": paid.provider_charge_id.as_str(),
            "update": update, "paid": true, "at": self.clock.now(),
        };
        if let Some(payment) = self.collection(PAYMENTS).find_one(known.clone()).await? {
            return Ok(payment);
        }
        let unpaid = doc! { "payload": paid.payload.as_str(), "paid": false };
        let pay = doc! { "$set": facts.clone(), "$unset": { "expires_at": "" } };
        let noted = self
            .collection(PAYMENTS)
            .find_one_and_update(unpaid, pay)
            .return_document(ReturnDocument::After)
            .await;
        match noted {
            Ok(Some(payment)) => return Ok(payment),
            Err(error) if !is_duplicate(&error) => return Err(error.into()),
            Ok(None) | Err(_) => {}
        }
        // Of an invoice that we do not know any more: the money came all the same.
        let mut whole = facts;
        whole.extend(doc! {
            "_id": Id::new(), "payload": paid.payload.as_str(), "thanked": false, "refunded": false,
        });
        match self.documents(PAYMENTS).insert_one(whole).await {
            Err(error) if !is_duplicate(&error) => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        let found = self.collection(PAYMENTS).find_one(known).await?;
        found.ok_or_else(|| Error::Refused("a payment cannot be stored".to_owned()))
    }

    /// A payment by Telegram's name of it.
    pub async fn payment(&self, telegram_charge_id: &str) -> Result<Option<Payment>> {
        let filter = doc! { "telegram_charge_id": telegram_charge_id };
        Ok(self.collection(PAYMENTS).find_one(filter).await?)
    }

    /// Thanks were said.
    pub async fn set_thanked(&self, id: Id) -> Result<()> {
        self.change_payment(id, doc! { "$set": { "thanked": true } }).await
    }

    /// It was given back.
    pub async fn set_refunded(&self, id: Id) -> Result<()> {
        self.change_payment(id, doc! { "$set": { "refunded": true } }).await
    }

    async fn change_payment(&self, id: Id, change: Document) -> Result<()> {
        self.documents(PAYMENTS).update_one(doc! { "_id": id }, change).await?;
        Ok(())
    }
}
