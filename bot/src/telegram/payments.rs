//! Invoices, checkouts and refunds.

use teloxide::{
    payloads::{AnswerPreCheckoutQuerySetters as _, SendInvoiceSetters as _},
    requests::Requester as _,
    types::{ChatId, LabeledPrice, PreCheckoutQueryId, TelegramTransactionId, UserId},
};

use super::{Refusal, Telegram};

/// The currency of Telegram Stars.
pub const STARS: &str = "XTR";

/// An invoice that is about to go out.
#[derive(Clone, Debug)]
pub struct Invoice<'a> {
    /// What is sold: up to 32 characters.
    pub title: String,
    /// What that is: up to 255 characters.
    pub description: String,
    /// What it carries, and comes back with the payment.
    pub payload: &'a str,
    /// The currency.
    pub currency: &'a str,
    /// How much, in the smallest units.
    pub amount: u32,
    /// The payment provider's token; Stars need none.
    pub provider_token: &'a str,
}

impl Telegram {
    /// Sends an invoice to somebody.
    pub async fn send_invoice(&self, user_id: i64, invoice: Invoice<'_>) -> Result<i32, Refusal> {
        let price = LabeledPrice::new(invoice.title.clone(), invoice.amount);
        let (title, description) = (invoice.title, invoice.description);
        let request = self
            .bot
            .send_invoice(
                ChatId(user_id),
                title,
                description,
                invoice.payload,
                invoice.currency,
                [price],
            )
            .provider_token(invoice.provider_token)
            // Without it, whoever gets a forwarded copy could pay.
            .start_parameter("donate");
        Ok(self.say("sendInvoice", user_id, request).await?.id.0)
    }

    /// Lets somebody pay, or says why not.
    pub async fn answer_checkout(
        &self,
        query: PreCheckoutQueryId,
        objection: Option<String>,
    ) -> Result<(), Refusal> {
        let mut request = self.bot.answer_pre_checkout_query(query, objection.is_none());
        if let Some(objection) = objection {
            request = request.error_message(objection);
        }
        self.ask("answerPreCheckoutQuery", 0, request).await?;
        Ok(())
    }

    /// Gives Stars back. That they were given back before is fine.
    pub async fn refund_stars(&self, user_id: i64, charge_id: &str) -> Result<(), Refusal> {
        let Ok(user) = u64::try_from(user_id) else {
            return Err(Refusal::Other("nobody has this id".to_owned()));
        };
        let charge = TelegramTransactionId(charge_id.to_owned());
        let request = self.bot.refund_star_payment(UserId(user), charge);
        match self.ask("refundStarPayment", 0, request).await {
            Err(Refusal::Other(text)) if text.contains("CHARGE_ALREADY_REFUNDED") => Ok(()),
            other => other.map(|_| ()),
        }
    }
}
