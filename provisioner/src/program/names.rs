//! What things are called in AWS, for those who find them by name.

use crate::config::{Config, SecretSource};

/// The ECS cluster of the stack.
pub fn cluster(config: &Config) -> &str {
    &config.name
}

/// The ECS service of a service of stack.yaml, which is also the family of its task definitions.
pub fn service(config: &Config, service: &str) -> String {
    format!("{}-{service}", config.name)
}

/// The container of a service of stack.yaml.
pub fn container(service: &str) -> &str {
    service
}

/// The alias of the key that encrypts everything.
pub fn key(config: &Config) -> String {
    format!("alias/{}", config.name)
}

/// The parameter that holds a secret of a service, by its variable in the container.
pub fn secret(config: &Config, service: &str, variable: &str, source: &SecretSource) -> String {
    match source {
        SecretSource::Database(_) => database_uri(config),
        SecretSource::Env(_) | SecretSource::Generate(_) => {
            format!("/{}/{service}/{variable}", config.name)
        }
    }
}

/// The parameter that holds the database's connection string.
pub fn database_uri(config: &Config) -> String {
    format!("/{}/database/uri", config.name)
}
