//! Brings the state to where stack.yaml says that it belongs.
//!
//! It can be cut off at any point: first the state is in both places, alike; then the old one goes.

use std::path::{Path, PathBuf};

use super::super::home::Home;
use crate::{
    config::{Config, StateBucket},
    engine::{Error, State, Store, store::file},
    failure::{Exit, Failure},
    shared_state::{Bucket, SharedState},
};

pub(super) async fn run(
    config: &Config,
    home: Home<'_>,
    from: Option<&str>,
    yes: bool,
) -> Result<(), Failure> {
    match (home.shared().await?, from.map(place).transpose()?) {
        (Some(shared), None) => to_bucket(&home, &shared, yes).await,
        (None, Some(bucket)) => {
            let home = home.bucket(bucket, &config.region);
            match home.shared().await? {
                Some(shared) => to_folder(&home, &shared, yes).await,
                None => Ok(()),
            }
        }
        (Some(_), Some(_)) => Err(Failure::new(
            Exit::Configuration,
            "stack.yaml keeps the state in S3, to where it can be brought from the folder only",
        )
        .hint("from one bucket to another: first to the folder, with no `state:` in stack.yaml")),
        (None, None) => Err(Failure::new(
            Exit::Configuration,
            "stack.yaml keeps the state in the folder, and nothing says where it is now",
        )
        .hint("from S3 to the folder: `--from s3://BUCKET/PREFIX`")
        .hint("from the folder to S3: first `state: {s3: BUCKET/PREFIX}` in stack.yaml")),
    }
}

fn place(text: &str) -> Result<StateBucket, Failure> {
    let wrong = |what: &str| {
        Failure::new(Exit::Configuration, format!("`--from {text}` {what}"))
            .hint("such as `--from s3://my-bucket/my-prefix`")
    };
    if !text.starts_with("s3://") {
        return Err(wrong("is not a place in S3"));
    }
    StateBucket::parse(text).map_err(|it| wrong(&it.what))
}

async fn to_bucket(home: &Home<'_>, shared: &SharedState, yes: bool) -> Result<(), Failure> {
    let address = shared.address();
    confirm(
        home,
        &format!("Bring the state to {address}, and make the bucket if there is none?"),
        yes,
    )?;
    match shared.make_bucket().await? {
        Bucket::Made => {
            home.ui.say("The bucket was made: it keeps versions, and nothing in it is public.");
        }
        Bucket::There => {}
        Bucket::Unversioned => home.ui.say(
            "The bucket keeps no versions: what is overwritten in it is lost. `aws s3api put-bucket-versioning` turns \
             them on.",
        ),
    }
    let path = file::path(&home.global.state_dir, &home.stack);
    if file::read(&home.global.state_dir, &home.stack)?.is_none() {
        home.ui.say(&format!(
            "There is no state in {} to be moved. {address} is ready.",
            path.display()
        ));
        return Ok(());
    }
    // Its lock is the folder's as well.
    let store = home.open_shared(shared).await?;
    let moved = fill(home, &store, &path, &address).await;
    store.release().await;
    moved
}

async fn fill(home: &Home<'_>, store: &Store, path: &Path, address: &str) -> Result<(), Failure> {
    let old = file::read(&home.global.state_dir, &home.stack)?.unwrap_or_default();
    compare(&old, &path.display().to_string(), &store.state(), address)?;
    store
        .change(|it| {
            let serial = it.serial.max(old.serial);
            *it = State { serial, ..old };
        })
        .await?;
    let aside = aside(path);
    std::fs::rename(path, &aside)
        .map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?;
    home.ui.say(&format!("The state is in {address}; the old file is {}.", aside.display()));
    Ok(())
}

async fn to_folder(home: &Home<'_>, shared: &SharedState, yes: bool) -> Result<(), Failure> {
    let (address, path) = (shared.address(), file::path(&home.global.state_dir, &home.stack));
    if shared.read(None).await?.is_none() {
        return Err(Failure::new(Exit::Failed, format!("there is no state in {address}")));
    }
    confirm(home, &format!("Bring the state from {address} to {}?", path.display()), yes)?;
    // Its lock is the folder's as well.
    let store = home.open_shared(shared).await?;
    let moved = empty(home, shared, &store, &path).await;
    store.release().await;
    moved?;
    home.ui.say(&format!("The state is in {}.", path.display()));
    Ok(())
}

async fn empty(
    home: &Home<'_>,
    shared: &SharedState,
    store: &Store,
    path: &Path,
) -> Result<(), Failure> {
    let (old, folder) = (store.state(), &home.global.state_dir);
    let there = file::read(folder, &home.stack)?.unwrap_or_default();
    compare(&old, &shared.address(), &there, &path.display().to_string())?;
    file::write(folder, &old)?;
    Ok(shared.remove().await?)
}

fn confirm(home: &Home<'_>, question: &str, yes: bool) -> Result<(), Failure> {
    match yes || home.ui.confirm(question, "--yes")? {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "nothing was changed")),
    }
}

/// Refuses to lose what is there already, unless it is what was about to be moved when a run was cut off.
fn compare(old: &State, from: &str, there: &State, to: &str) -> Result<(), Failure> {
    let alike = State { serial: there.serial, ..old.clone() } == *there;
    if there.is_empty() || alike {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Configuration,
        format!(
            "there is a state in {from} (serial {}), and another one in {to} (serial {}); nothing was changed",
            old.serial, there.serial
        ),
    )
    .hint("remove the one that is not right; if in doubt, either will do: `up` looks at the cloud"))
}

/// What the file is called from then on; no command reads it.
fn aside(path: &Path) -> PathBuf {
    path.with_extension("json.moved")
}
