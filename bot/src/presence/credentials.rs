//! What the presence services ask of the place where credentials are kept, and what all replicas have to share.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::Service;
use crate::clock::Time;

/// The credentials of one service, as far as the place they are kept in must understand them.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Tokens as JSON; nobody but the service's own code looks inside.
    pub json: SecretString,
    /// When the access token stops working.
    pub access_expires_at: Option<Time>,
    /// When the refresh token stops working, and somebody must sign in again.
    pub refresh_expires_at: Option<Time>,
}

/// Credentials as they were found.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The credentials.
    pub secrets: Secrets,
    /// Counts how often they were saved.
    pub rev: i64,
}

/// Keeps credentials for all replicas.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// What is stored for a service.
    async fn load(&self, service: Service) -> anyhow::Result<Option<Stored>>;

    /// Replaces revision `rev`, 0 being none at all. False if somebody else has done so meanwhile; then nothing changes.
    async fn save(&self, service: Service, secrets: &Secrets, rev: i64) -> anyhow::Result<bool>;

    /// Replaces whatever is stored: somebody has signed in.
    async fn replace(&self, service: Service, secrets: &Secrets) -> anyhow::Result<()>;

    /// Lets this replica alone renew a service's tokens for a short while, or some while longer. False if another is at
    /// it.
    async fn lock(&self, service: Service) -> anyhow::Result<bool>;

    /// Ends that.
    async fn unlock(&self, service: Service) -> anyhow::Result<()>;

    /// Counts a request of a kind that a service puts up with only so often, each number in its time, from all replicas
    /// together; or says how long to wait for the next.
    async fn take(
        &self,
        service: Service,
        limits: &[(usize, Duration)],
    ) -> anyhow::Result<Result<(), Duration>>;
}
