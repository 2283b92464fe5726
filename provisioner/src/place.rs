//! Where the clouds are: out there, or in this program.

#[cfg(feature = "sandbox")]
use crate::sandbox::Sandbox;
use crate::{
    cloud::{Atlas, Cloud, http::Http},
    engine::Result,
    registry::Registries,
};

/// Where the clouds are.
#[derive(Debug)]
pub enum Place {
    /// AWS and Atlas, or whatever the environment says stands for them.
    Real,
    /// Simulated, in this program.
    #[cfg(feature = "sandbox")]
    Sandbox(Sandbox),
}

impl Place {
    /// The clients of everything.
    ///
    /// # Errors
    ///
    /// When there are no credentials or they are not accepted.
    pub async fn connect(&self, stack: &str, region: &str) -> Result<Cloud> {
        match self {
            Self::Real => Cloud::connect(stack, region).await,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(sandbox) => sandbox.connect(stack, region).await,
        }
    }

    /// The Atlas Admin API, for those who have no use for AWS.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn atlas(&self) -> Result<Atlas> {
        Ok(Atlas::from_variables(self.http()?, |name| self.variable(name)))
    }

    /// The registries that images are in.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn registries(&self) -> Result<Registries> {
        Ok(Registries::from_variables(self.http()?, |name| self.variable(name)))
    }

    fn http(&self) -> Result<Http> {
        match self {
            Self::Real => Http::network(),
            #[cfg(feature = "sandbox")]
            Self::Sandbox(sandbox) => sandbox.http(),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        match self {
            Self::Real => std::env::var(name).ok(),
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => crate::sandbox::variable(name),
        }
    }

    /// A secret that stack.yaml takes from the environment.
    pub fn secret(&self, variable: &str) -> Option<String> {
        match self {
            Self::Real => std::env::var(variable).ok(),
            // A real one has no business in a simulated cloud, whose world is a file.
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => Some(format!("sandbox-value-of-{variable}")),
        }
    }
}
