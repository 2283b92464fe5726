//! `network`: where in AWS's network the services run. Nothing here is ever created or deleted.

use std::collections::BTreeSet;

use super::names;
use super::reader::Field;

/// Where in AWS's network the services run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The id of the VPC (`vpc-…`); the region's default VPC if absent.
    pub vpc: Option<String>,
    /// Ids of at least two subnets (`subnet-…`); empty for all default subnets of the VPC.
    pub subnets: Vec<String>,
}

impl Network {
    pub(super) fn read(field: Option<Field<'_>>) -> Self {
        let Some(mut section) = field.and_then(|field| field.section()) else {
            return Self::default();
        };
        let network = Self {
            vpc: section.parsed("vpc", names::id("vpc")),
            subnets: section.optional("subnets").map(|field| subnets(&field)).unwrap_or_default(),
        };
        section.finish();
        network
    }
}

fn subnets(field: &Field<'_>) -> Vec<String> {
    let Some(elements) = field.elements() else { return Vec::new() };
    if elements.len() == 1 {
        field.refuse("has only one subnet", |problem| {
            problem.help("at least two, in different availability zones, or none for all of the VPC's: a load balancer needs two")
        });
    }
    let mut seen = BTreeSet::new();
    let mut subnets = Vec::new();
    for element in &elements {
        let Some(subnet) = element.parsed(names::id("subnet")) else { continue };
        if !seen.insert(subnet.clone()) {
            element.refuse("is in the list already", |problem| problem);
        }
        subnets.push(subnet);
    }
    subnets
}
