//! Where the clouds are: out there, or in this program.

#[cfg(feature = "sandbox")]
use crate::sandbox::Sandbox;
use crate::{cloud::Cloud, engine::Result};

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
