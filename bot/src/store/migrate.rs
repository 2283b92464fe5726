//! Bringing the data of the original up to date. Running it again changes nothing.

use std::{collections::HashSet, fmt};

use mongodb::bson::{Bson, Document, doc};

use super::{Result, Store, name_key};

/// What the migration did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Documents that were changed, by collection.
    pub changed: Vec<(&'static str, u64)>,
    /// Things that got another name because two differed only in case: chat, old name, new name.
    pub renamed: Vec<(i64, String, String)>,
}

impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (collection, count) in &self.changed {
            writeln!(f, "{collection}: {count} changed")?;
        }
        for (chat_id, old, new) in &self.renamed {
            writeln!(f, "chat {chat_id}: `{old}` is now `{new}`, since the name was there twice")?;
        }
        write!(f, "{} renamed", self.renamed.len())
    }
}

impl Store {
    /// Adds what the original did not have, and makes names unique.
    pub async fn migrate(&self) -> Result<Migrated> {
        let mut report = Migrated::default();
        self.migrate_chats(&mut report).await?;
        self.migrate_named("notifygroups", "name", "name_key", &mut report).await?;
        self.migrate_named("statususers", "display_name", "display_key", &mut report).await?;
        // Accounts that were skipped are missing in the original. Invitations were kept in memory only, so whoever was
        // invited has to be invited again.
        for (collection, field, value) in [
            ("statususers", "xbox_account_id", Bson::Null),
            ("statususers", "xbox_gamertag", Bson::Null),
            ("statususers", "psn_account_id", Bson::Null),
            ("statususers", "psn_online_id", Bson::Null),
            ("statususers", "steam_id", Bson::Null),
            ("statususers", "steam_name", Bson::Null),
            ("notifygroups", "policy", "invite".into()),
            ("notifygroups", "hidden", false.into()),
            ("notifygroups", "muted", Bson::Array(Vec::new())),
        ] {
            let missing = doc! { field: { "$exists": false } };
            let set = doc! { "$set": { field: value } };
            self.documents(collection).update_many(missing, set).await?;
        }
        let old = doc! { "invited": { "$exists": true } };
        let clear = doc! { "$unset": { "invited": "" } };
        self.documents("notifygroups").update_many(old, clear).await?;
        Ok(report)
    }

    async fn migrate_chats(&self, report: &mut Migrated) -> Result<()> {
        let old = doc! { "active": { "$exists": false } };
        let set = doc! { "$set": {
            "active": true, "can_delete": false, "added_at": self.clock.now(),
        } };
        let changed = self.documents("chats").update_many(old, set).await?.modified_count;
        report.changed.push(("chats", changed));
        // The original could store a chat twice: one of them is enough.
        let mut seen = HashSet::new();
        let mut cursor = self.documents("chats").find(doc! {}).await?;
        while cursor.advance().await? {
            let found = cursor.deserialize_current()?;
            let twice = integer(&found, "chat_id").is_some_and(|it| !seen.insert(it));
            if let Some(id) = found.get("_id").filter(|_| twice) {
                self.documents("chats").delete_one(doc! { "_id": id }).await?;
            }
        }
        Ok(())
    }

    /// Gives everything in a collection a key by which it is found, and another name to whatever has the same key as
    /// something else in its chat.
    async fn migrate_named(
        &self,
        collection: &'static str,
        name_field: &str,
        key_field: &str,
        report: &mut Migrated,
    ) -> Result<()> {
        let documents = self.documents(collection);
        let mut taken = HashSet::new();
        let mut without = Vec::new();
        let mut cursor = documents.find(doc! {}).sort(doc! { "_id": 1 }).await?;
        while cursor.advance().await? {
            let found = cursor.deserialize_current()?;
            let Some(chat_id) = integer(&found, "chat_id") else { continue };
            match found.get_str(key_field) {
                Ok(key) => {
                    taken.insert((chat_id, key.to_owned()));
                }
                Err(_) => without.push((chat_id, found)),
            }
        }
        let mut changed = 0;
        for (chat_id, found) in without {
            let Some(id) = found.get("_id") else { continue };
            let old = found.get_str(name_field).unwrap_or_default().to_owned();
            let base = if old.trim().is_empty() { "unnamed".to_owned() } else { old.clone() };
            let mut name = base.clone();
            let mut number = 2;
            while !taken.insert((chat_id, name_key(&name))) {
                name = format!("{base}_{number}");
                number += 1;
            }
            let set =
                doc! { "$set": { name_field: &name, key_field: name_key(&name), "rev": 0_i64 } };
            documents.update_one(doc! { "_id": id }, set).await?;
            changed += 1;
            if name != old {
                report.renamed.push((chat_id, old, name));
            }
        }
        report.changed.push((collection, changed));
        Ok(())
    }
}

/// A number, however the old driver stored it.
fn integer(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        Bson::Int32(it) => Some(i64::from(*it)),
        Bson::Int64(it) => Some(*it),
        _ => None,
    }
}
