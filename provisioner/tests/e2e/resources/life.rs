//! What the tests of several kinds check or do, and the engine does otherwise.

use std::time::Duration;

use provisioner::{
    cloud::Cloud,
    engine::{Class, Existing, Progress, Resource},
};

use crate::support::{plain, read};

/// Nothing is there, by name or tag.
pub async fn absent<R: Resource>(desired: &R, cloud: &Cloud) {
    assert!(read(desired, None, cloud).await.is_none(), "there is a {}", R::KIND.label());
}

/// It is there, and ours.
pub async fn ours<R: Resource>(
    desired: &R,
    recorded: Option<&Existing<R>>,
    cloud: &Cloud,
) -> Existing<R> {
    read(desired, recorded, cloud)
        .await
        .unwrap_or_else(|| panic!("there is no {}", R::KIND.label()))
}

/// Names of the inputs that differ.
pub fn differing<R: Resource>(desired: &R, existing: &Existing<R>) -> Vec<String> {
    let (desired, live) = (plain(desired), plain(&existing.inputs));
    let fields = desired.as_object().unwrap().keys();
    fields.filter(|it| desired[it.as_str()] != live[it.as_str()]).cloned().collect()
}

/// Deletes it, as the engine does: until it is over or there is nothing.
pub async fn gone<R: Resource>(outputs: &R::Outputs, cloud: &Cloud) {
    for _ in 0..100 {
        match R::delete(outputs, cloud).await {
            Ok(Progress::Done) => return,
            Ok(Progress::Waiting(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) if error.class() == Class::Gone => return,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the {} does not go away", R::KIND.label());
}
