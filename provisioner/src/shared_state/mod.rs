//! The state of a stack in a bucket of S3, for several people and machines.
//!
//! - [`objects`]: objects that are written only if nobody else has written them since
//! - [`lease`]: who may change the state, and until when
//! - [`bucket`]: the bucket itself, made once
//!
//! Two objects: `STACK.json`, the state, and `STACK.lock`, the lease. A run that has the lease writes the state once
//! before it does anything: whoever had it before and does not know yet that it is lost fails at the next write, for the
//! object is not any more what that run has written.

mod bucket;
mod lease;
mod objects;

use std::{io, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    cloud::Cloud,
    config::StateBucket,
    engine::{
        self, Keeper, State, Store,
        store::{StoreError, file, parse, text},
    },
};
use lease::{Claim, Lease};
use objects::{Objects, Owned, Written};

pub use bucket::Bucket;

/// The state of one stack, in S3.
#[derive(Clone, Debug)]
pub struct SharedState {
    objects: Arc<Objects>,
    stack: String,
}

/// A state that was, as S3 keeps it.
#[derive(Clone, Debug)]
pub struct Version {
    /// By which S3 knows it.
    pub id: String,
    /// When it was written.
    pub at: Timestamp,
    /// Length in bytes.
    pub size: u64,
}

impl SharedState {
    /// That of a stack, in its place.
    pub fn new(cloud: &Cloud, at: &StateBucket, stack: &str) -> Self {
        Self { objects: Arc::new(Objects::new(cloud, at)), stack: stack.to_owned() }
    }

    /// Its address, for people.
    pub fn address(&self) -> String {
        self.objects.address(&self.name())
    }

    /// Reads it without a lease: the newest version, or a certain one. `None`: there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be had or understood.
    pub async fn read(&self, version: Option<&str>) -> Result<Option<State>, StoreError> {
        let Some(found) = self.objects.get(&self.name(), version).await? else { return Ok(None) };
        self.parse(&found.content).map(Some)
    }

    /// Opens it for changes; an absent one is an empty state. `lock` keeps out other runs on this machine, and tells
    /// whose lease is free because that run is over; `patience` is how long to wait for a run elsewhere, and `tell` tells
    /// the user of it.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn open(
        &self,
        region: &str,
        lock: file::Lock,
        patience: Duration,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Store, StoreError> {
        let over = lock.last.as_ref().map(|it| it.id.as_str()).filter(|it| !it.is_empty());
        let claim = Claim { holder: &lock.holder, over, patience, tell };
        let lease = Lease::acquire(&self.objects, &format!("{}.lock", self.stack), claim).await?;
        let lease = Arc::new(lease);
        let opened = self.begin(region, lock, Arc::clone(&lease)).await;
        if opened.is_err() {
            lease.release().await;
        }
        opened
    }

    async fn begin(
        &self,
        region: &str,
        lock: file::Lock,
        lease: Arc<Lease>,
    ) -> Result<Store, StoreError> {
        let found = self.objects.get(&self.name(), None).await?;
        let state = found.as_ref().map(|it| self.parse(&it.content)).transpose()?;
        let state = state.unwrap_or_default().of(&self.stack, region);
        let object = Owned::new(Arc::clone(&self.objects), &self.name(), found.map(|it| it.etag));
        let (writer, requests) = mpsc::unbounded_channel();
        tokio::spawn(write_each(object, lease.lost.clone(), requests));
        let store = Store::kept_by(InBucket { writer, lease, _lock: lock }, state);
        store.change(|_| {}).await?;
        Ok(store)
    }

    /// Removes it. Its versions stay, if the bucket keeps versions.
    ///
    /// # Errors
    ///
    /// When S3 refuses.
    pub async fn remove(&self) -> engine::Result<()> {
        let request = self.objects.s3.delete_object().bucket(self.objects.bucket());
        let request = request.key(self.objects.key(&self.name()));
        let removed = request.expected_bucket_owner(&self.objects.owner).send().await;
        removed.map(drop).map_err(|error| self.objects.explained(error))
    }

    /// The versions that the bucket keeps, the newest first; no more than 1,000.
    ///
    /// # Errors
    ///
    /// When S3 refuses.
    pub async fn versions(&self) -> engine::Result<Vec<Version>> {
        let key = self.objects.key(&self.name());
        let request = self.objects.s3.list_object_versions().bucket(self.objects.bucket());
        let request = request.prefix(&key).expected_bucket_owner(&self.objects.owner);
        let listed = request.send().await.map_err(|error| self.objects.explained(error))?;
        let ours = listed.versions().iter().filter(|it| it.key() == Some(key.as_str()));
        let versions = ours.filter_map(|it| {
            Some(Version {
                id: it.version_id()?.to_owned(),
                at: Timestamp::from_second(it.last_modified()?.secs()).ok()?,
                size: it.size().and_then(|it| u64::try_from(it).ok()).unwrap_or_default(),
            })
        });
        Ok(versions.collect())
    }

    /// Makes the bucket, if it is not there.
    ///
    /// # Errors
    ///
    /// When S3 refuses, or the bucket is somebody else's.
    pub async fn make_bucket(&self) -> engine::Result<Bucket> {
        bucket::make(&self.objects).await
    }

    fn parse(&self, content: &str) -> Result<State, StoreError> {
        let unreadable = |why| StoreError::Unreadable { place: self.address(), why };
        parse(content, &self.stack).map_err(unreadable)
    }

    fn name(&self) -> String {
        format!("{}.json", self.stack)
    }
}

/// Keeps a state in a bucket as long as the lease is ours.
struct InBucket {
    writer: mpsc::UnboundedSender<Request>,
    lease: Arc<Lease>,
    _lock: file::Lock,
}

struct Request {
    content: String,
    done: oneshot::Sender<io::Result<()>>,
}

impl Keeper for InBucket {
    fn keep(&self, state: &State) -> BoxFuture<'static, io::Result<()>> {
        let (done, written) = oneshot::channel();
        let sent = text(state).map(|content| self.writer.send(Request { content, done }));
        async move {
            let gone = || io::Error::other("what writes it has ended");
            sent?.map_err(|_| gone())?;
            written.await.map_err(|_| gone())?
        }
        .boxed()
    }

    fn release(&self) -> BoxFuture<'static, ()> {
        let lease = Arc::clone(&self.lease);
        async move { lease.release().await }.boxed()
    }
}

/// Writes what is asked for; what was asked for meanwhile, together.
async fn write_each(
    mut object: Owned,
    lost: watch::Receiver<Option<String>>,
    mut requests: mpsc::UnboundedReceiver<Request>,
) {
    while let Some(first) = requests.recv().await {
        let mut waiting = vec![first];
        while let Ok(next) = requests.try_recv() {
            waiting.push(next);
        }
        // Each holds the whole state, so the last one holds the others' changes too.
        let newest = waiting.last().map(|it| it.content.as_str()).unwrap_or_default();
        let result = write(&mut object, &lost, newest).await;
        for request in waiting {
            // Whoever asked may have been stopped.
            let _ = request.done.send(result.clone().map_err(io::Error::other));
        }
    }
}

async fn write(
    object: &mut Owned,
    lost: &watch::Receiver<Option<String>>,
    content: &str,
) -> Result<(), String> {
    if let Some(why) = lost.borrow().as_ref() {
        return Err(why.clone());
    }
    match object.write(content).await {
        Ok(Written::Yes) => Ok(()),
        Ok(Written::No(..)) => Err("another run has written it meanwhile".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
