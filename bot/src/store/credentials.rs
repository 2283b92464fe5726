//! `credentials`: tokens of the services that know who is playing, one document for each, encrypted.
//!
//! A document of the original holds its tokens in the open; they are read once, and the first renewal replaces them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use mongodb::bson::{Binary, Bson, Document, doc, spec::BinarySubtype};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Lock, Store, is_duplicate};
use crate::{
    clock::Time,
    presence::{Credentials, Secrets, Service, Stored},
};

const CREDENTIALS: &str = "credentials";

/// Longer than any renewal takes; then another replica may try.
const RENEWAL: Duration = Duration::from_secs(45);

/// How many bytes of a sealed text are its nonce.
const NONCE: usize = 24;

/// The credentials of all services, under one key.
pub struct Vault {
    store: Store,
    key: XChaCha20Poly1305,
    /// Renewals that this replica has reserved.
    locks: Mutex<HashMap<Service, Lock>>,
}

impl Vault {
    /// The credentials in `store`; `key` is 32 bytes in base64.
    pub fn new(store: Store, key: &SecretString) -> Result<Self> {
        let bytes = BASE64_STANDARD.decode(key.expose_secret().trim()).unwrap_or_default();
        ensure!(bytes.len() == 32, "CREDENTIALS_KEY is not 32 bytes in base64");
        let key = Key::try_from(bytes.as_slice()).context("CREDENTIALS_KEY")?;
        Ok(Self { store, key: XChaCha20Poly1305::new(&key), locks: Mutex::default() })
    }

    /// Encrypts, bound to the service, so that no document can be passed off as another's.
    fn seal(&self, service: Service, text: &str) -> Result<Bson> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: text.as_bytes(), aad: service.key().as_bytes() };
        let sealed = self.key.encrypt(&XNonce::from(nonce), payload);
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.map_err(|_| anyhow!("credentials cannot be encrypted"))?);
        Ok(Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }))
    }

    fn open(&self, service: Service, sealed: &[u8]) -> Result<SecretString> {
        let refused = || anyhow!("CREDENTIALS_KEY is not the key that they were stored with");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(refused)?;
        let payload = Payload { msg: sealed, aad: service.key().as_bytes() };
        let text = self.key.decrypt(&XNonce::from(*nonce), payload).map_err(|_| refused())?;
        Ok(String::from_utf8(text).map_err(|_| refused())?.into())
    }

    fn document(&self, service: Service, secrets: &Secrets, rev: i64) -> Result<Document> {
        Ok(doc! {
            "platform": service.key(),
            "sealed": self.seal(service, secrets.json.expose_secret())?,
            "access_expires_at": secrets.access_expires_at,
            "refresh_expires_at": secrets.refresh_expires_at,
            "rev": rev,
        })
    }

    fn locks(&self) -> std::sync::MutexGuard<'_, HashMap<Service, Lock>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Credentials for Vault {
    async fn load(&self, service: Service) -> Result<Option<Stored>> {
        let documents = self.store.documents(CREDENTIALS);
        let found = documents.find_one(doc! { "platform": service.key() }).await;
        let Some(found) = found.map_err(super::Error::from)? else { return Ok(None) };
        let json = match found.get_binary_generic("sealed") {
            Ok(sealed) => self.open(service, sealed)?,
            Err(_) => adopt(service, &found),
        };
        let time = |name| found.get_datetime(name).ok().map(|it| Time(it.timestamp_millis()));
        let secrets = Secrets {
            json,
            access_expires_at: time("access_expires_at"),
            refresh_expires_at: time("refresh_expires_at"),
        };
        Ok(Some(Stored { secrets, rev: rev(&found) }))
    }

    async fn save(&self, service: Service, secrets: &Secrets, rev: i64) -> Result<bool> {
        let document = self.document(service, secrets, rev + 1)?;
        // A document of the original has no revision. If another replica inserts one meanwhile, the index says so.
        let former = if rev == 0 { Bson::Null } else { rev.into() };
        let as_read = doc! { "platform": service.key(), "rev": former };
        let documents = self.store.documents(CREDENTIALS);
        match documents.replace_one(as_read, document).upsert(rev == 0).await {
            Ok(result) => Ok(result.matched_count > 0 || result.upserted_id.is_some()),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(super::Error::from(error).into()),
        }
    }

    async fn replace(&self, service: Service, secrets: &Secrets) -> Result<()> {
        loop {
            let documents = self.store.documents(CREDENTIALS);
            let found = documents.find_one(doc! { "platform": service.key() }).await;
            let rev = found.map_err(super::Error::from)?.as_ref().map_or(0, rev);
            if self.save(service, secrets, rev).await? {
                return Ok(());
            }
        }
    }

    async fn lock(&self, service: Service) -> Result<bool> {
        let held = self.locks().get(&service).cloned();
        if let Some(lock) = held
            && self.store.renew_lock(&lock, RENEWAL).await?
        {
            return Ok(true);
        }
        let name = format!("credentials:{}", service.key());
        let Some(lock) = self.store.lock(&name, RENEWAL).await? else { return Ok(false) };
        self.locks().insert(service, lock);
        Ok(true)
    }

    async fn unlock(&self, service: Service) -> Result<()> {
        let held = self.locks().remove(&service);
        match held {
            Some(lock) => Ok(self.store.unlock(lock).await?),
            None => Ok(()),
        }
    }

    async fn take(
        &self,
        service: Service,
        limits: &[(usize, Duration)],
    ) -> Result<std::result::Result<(), Duration>> {
        let what = format!("service:{}", service.key());
        let taken = self.store.limit_all(&what, limits, None).await?;
        Ok(taken.map_err(|wait| wait.0))
    }
}

fn rev(document: &Document) -> i64 {
    document.get_i64("rev").or(document.get_i32("rev").map(i64::from)).unwrap_or(0)
}

/// What the original stored, as far as it is still worth something, in our form.
fn adopt(service: Service, document: &Document) -> SecretString {
    let json = match service {
        Service::Xbox => {
            let tokens = document.get_document("tokens").ok();
            let refresh = tokens.and_then(|tokens| tokens.get_str("refresh_token").ok());
            serde_json::json!({ "refresh": refresh })
        }
        Service::Psn => serde_json::json!({ "npsso": document.get_str("npsso").ok() }),
        Service::Steam => serde_json::json!({}),
    };
    json.to_string().into()
}
