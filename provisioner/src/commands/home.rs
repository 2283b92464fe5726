//! Where the state of a stack is: in a folder of this machine, or in a bucket.

use tokio::sync::{OnceCell, watch};

use crate::{
    cli::Global,
    cloud::Cloud,
    config::{Config, StateBucket},
    engine::{
        State, Store,
        store::{StoreError, file},
    },
    failure::{Exit, Failure},
    place::Place,
    shared_state::SharedState,
    ui::Ui,
};

/// The home of one stack's state, and the clouds as they are needed to get there.
pub(super) struct Home<'a> {
    pub(super) global: &'a Global,
    pub(super) stack: String,
    region: String,
    bucket: Option<StateBucket>,
    pub(super) place: &'a Place,
    pub(super) ui: &'a Ui,
    cloud: OnceCell<Cloud>,
}

impl<'a> Home<'a> {
    /// As stack.yaml says.
    pub(super) fn of(config: &Config, global: &'a Global, place: &'a Place, ui: &'a Ui) -> Self {
        let Config { name, region, state, .. } = config;
        let home = Self::folder(name.clone(), global, place, ui);
        Self { region: region.clone(), bucket: state.clone(), ..home }
    }

    /// The folder, whatever stack.yaml says or although there is none.
    pub(super) fn folder(stack: String, global: &'a Global, place: &'a Place, ui: &'a Ui) -> Self {
        let (region, cloud) = (String::new(), OnceCell::new());
        Self { global, stack, region, bucket: None, place, ui, cloud }
    }

    /// A bucket in a region, whatever stack.yaml says.
    pub(super) fn bucket(self, bucket: StateBucket, region: &str) -> Self {
        Self { bucket: Some(bucket), region: region.to_owned(), ..self }
    }

    /// Its address, for people.
    pub(super) async fn address(&self) -> Result<String, Failure> {
        Ok(match self.shared().await? {
            Some(shared) => shared.address(),
            None => file::path(&self.global.state_dir, &self.stack).display().to_string(),
        })
    }

    /// The clouds in a region. Credentials are asked for once: some ask a human.
    pub(super) async fn cloud(&self, region: &str) -> Result<Cloud, Failure> {
        let known = self.cloud.get_or_try_init(|| self.place.connect(&self.stack, region)).await?;
        match known.region == region {
            true => Ok(known.clone()),
            false => Ok(self.place.connect(&self.stack, region).await?),
        }
    }

    /// The state in S3, if it is there that it belongs.
    pub(super) async fn shared(&self) -> Result<Option<SharedState>, Failure> {
        let Some(bucket) = &self.bucket else { return Ok(None) };
        let cloud = self.cloud(&self.region).await?;
        Ok(Some(SharedState::new(&cloud, bucket, &self.stack)))
    }

    /// The state, to look at; `None`: there is none.
    pub(super) async fn read(&self) -> Result<Option<State>, Failure> {
        let folder = &self.global.state_dir;
        let Some(shared) = self.shared().await? else {
            return Ok(file::read(folder, &self.stack)?);
        };
        match shared.read(None).await? {
            Some(state) => Ok(Some(state)),
            None => {
                self.check_moved(&shared)?;
                Ok(None)
            }
        }
    }

    /// The state, for changes; an absent one is an empty one.
    pub(super) async fn open(&self) -> Result<Store, Failure> {
        let Global { state_dir, lock_timeout, .. } = self.global;
        match self.shared().await? {
            None => Ok(file::open(state_dir, &self.stack, &self.region, *lock_timeout)?),
            Some(shared) => {
                // For what is wrong with the state itself, before anything is written.
                self.read().await?;
                self.open_shared(&shared).await
            }
        }
    }

    /// The same, unless the user asks to stop while another run is waited for.
    pub(super) async fn open_unless(
        &self,
        interrupted: &watch::Receiver<bool>,
    ) -> Result<Store, Failure> {
        let mut interrupted = interrupted.clone();
        tokio::select! {
            biased;
            Ok(_) = interrupted.wait_for(|it| *it) => {
                Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed"))
            }
            store = self.open() => store,
        }
    }

    /// The same for the one in S3, whatever else there is.
    pub(super) async fn open_shared(&self, shared: &SharedState) -> Result<Store, Failure> {
        let Global { state_dir, lock_timeout, .. } = self.global;
        let lock = file::lock(state_dir, &self.stack, *lock_timeout)?;
        let tell = |what: &str| self.ui.say(what);
        Ok(shared.open(&self.region, lock, *lock_timeout, &tell).await?)
    }

    /// Refuses to begin anew in S3 what there is a state of in the folder.
    fn check_moved(&self, shared: &SharedState) -> Result<(), Failure> {
        let folder = &self.global.state_dir;
        let there = match file::read(folder, &self.stack) {
            Ok(state) => state.is_some_and(|it| !it.is_empty()),
            Err(StoreError::Unreadable { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        if !there {
            return Ok(());
        }
        let (path, address) = (file::path(folder, &self.stack), shared.address());
        Err(Failure::new(
            Exit::Configuration,
            format!(
                "stack.yaml keeps the state in {address}, where there is none, and there is one in {}; nothing was changed",
                path.display()
            ),
        )
        .hint("move it there: `provisioner state migrate`"))
    }
}
