//! `cluster`: the ECS cluster.

use super::reader::Field;

/// The ECS cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Metrics about tasks and containers, which cost extra.
    pub container_insights: ContainerInsights,
}

/// CloudWatch Container Insights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerInsights {
    /// None (`disabled`).
    #[default]
    Disabled,
    /// Per task (`enabled`).
    Enabled,
    /// Per container, with more detail (`enhanced`).
    Enhanced,
}

impl Cluster {
    pub(super) fn read(field: Option<Field<'_>>) -> Self {
        let Some(mut section) = field.and_then(|field| field.section()) else {
            return Self::default();
        };
        let insights = section.optional("container_insights").and_then(|field| {
            field.choice(&[
                ("disabled", ContainerInsights::Disabled),
                ("enabled", ContainerInsights::Enabled),
                ("enhanced", ContainerInsights::Enhanced),
            ])
        });
        section.finish();
        Self { container_insights: insights.unwrap_or_default() }
    }
}
