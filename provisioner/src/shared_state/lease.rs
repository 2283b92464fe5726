//! The right to change a state in S3, for a time, and again for as long as the run goes on.
//!
//! A lease is an object that says who holds it. Whoever wants it writes that object on the condition that it is not
//! there, or is as it was when it was free; S3 lets one of them through. Times are those of S3's clock: the `Date` of its
//! answers and the object's `Last-Modified`.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::objects::{Objects, Owned, Written};
use crate::engine::{
    Result,
    store::{Holder, StoreError},
};

/// Who has not renewed it for so long can lose it. Who could not, and finds it as it was, still has it: whoever takes it
/// writes the state first, so nobody else's changes can be missed.
const LEASE: Duration = Duration::from_secs(60);
/// It is renewed so often.
const RENEWAL: Duration = Duration::from_secs(15);
/// Who has not renewed it for so long is probably gone.
const OVERDUE: Duration = Duration::from_secs(25);
/// A run that is over waits no longer to let go of it: it runs out by itself.
const RELEASE: Duration = Duration::from_secs(10);
/// Between two looks at a lease of another run.
const LOOK: Duration = Duration::from_secs(1);

/// What the object says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Content {
    #[serde(flatten)]
    holder: Holder,
    /// How often it was renewed: no two contents are alike.
    renewed: u64,
    /// Its holder has let go of it.
    released: bool,
}

/// A lease that is ours, and is renewed until it is released.
#[derive(Debug)]
pub(super) struct Lease {
    /// Why it is not ours any more.
    pub(super) lost: watch::Receiver<Option<String>>,
    renewing: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// For whom a lease is asked for.
pub(super) struct Claim<'a> {
    /// This run.
    pub(super) holder: &'a Holder,
    /// A run that is over for certain; a lease of its is free.
    pub(super) over: Option<&'a str>,
    /// How long to wait for another run to let go of it.
    pub(super) patience: Duration,
    /// Tells the user what is waited for.
    pub(super) tell: &'a (dyn Fn(&str) + Sync),
}

impl Lease {
    /// Gets it, at once or when another run lets go of it.
    pub(super) async fn acquire(
        objects: &Arc<Objects>,
        name: &str,
        claim: Claim<'_>,
    ) -> std::result::Result<Self, StoreError> {
        let content = Content { holder: claim.holder.clone(), renewed: 0, released: false };
        let text = serde_json::to_string(&content).map_err(crate::engine::Error::from)?;
        let mut object = Owned::new(Arc::clone(objects), name, None);
        let (began, mut told) = (Instant::now(), false);
        loop {
            let (found, at) = match object.write(&text).await? {
                Written::Yes => break,
                Written::No(found, at) => (found, at),
            };
            let age = at.map_or(Duration::ZERO, |at| {
                Duration::try_from(at.duration_since(found.modified)).unwrap_or_default()
            });
            let other: Option<Content> = serde_json::from_str(&found.content).ok();
            let over = |it: &Content| it.released || Some(it.holder.id.as_str()) == claim.over;
            if age > LEASE || other.as_ref().is_some_and(over) {
                object.replaces(&found);
                continue;
            }
            let whose = other.map_or_else(
                || "a run that has not said who it is".to_owned(),
                |it| it.holder.to_string(),
            );
            if began.elapsed() >= claim.patience && age < OVERDUE {
                return Err(StoreError::Locked(whose));
            }
            if !told {
                told = true;
                (claim.tell)(&format!("Waiting for the state, which is held by {whose}"));
            }
            sleep(LOOK).await;
        }
        let (tell_lost, lost) = watch::channel(None);
        let (end, ended) = oneshot::channel();
        let renewing = tokio::spawn(renew(object, content, ended, tell_lost));
        Ok(Self { lost, renewing: Mutex::new(Some((end, renewing))) })
    }

    /// Lets others have it.
    pub(super) async fn release(&self) {
        if let Some((end, renewing)) = self.renewing.lock().await.take() {
            let _ = end.send(());
            let _ = renewing.await;
        }
    }
}

/// Renews it until told to end, and then says that it is free. If who holds it is gone without a word, so does this end.
async fn renew(
    mut object: Owned,
    mut content: Content,
    mut ended: oneshot::Receiver<()>,
    lost: watch::Sender<Option<String>>,
) {
    loop {
        // Whatever the last write is at, the end is heard of.
        let next = async {
            sleep(RENEWAL).await;
            content.renewed += 1;
            write(&mut object, &content).await
        };
        let written = tokio::select! {
            end = &mut ended => match end {
                Ok(()) => break,
                Err(_) => return,
            },
            written = next => written,
        };
        // What could not be written is written next time.
        if let Ok(Written::No(found, _)) = written {
            let by = serde_json::from_str::<Content>(&found.content).map(|it| it.holder);
            let by = by.map_or_else(|_| "another run".to_owned(), |it| it.to_string());
            lost.send_replace(Some(format!("it was taken over by {by}")));
            return;
        }
    }
    content.released = true;
    content.renewed += 1;
    let _ = timeout(RELEASE, write(&mut object, &content)).await;
}

async fn write(object: &mut Owned, content: &Content) -> Result<Written> {
    object.write(&serde_json::to_string(content)?).await
}
