//! The life cycle of each kind of resource.

mod access_entry;
mod atlas_cluster;
mod atlas_project;
mod certificate;
mod database_user;
mod dns_record;
mod ecs_cluster;
mod ecs_service;
mod elastic_ip;
mod github_ranges;
mod instance;
mod instance_profile;
mod kms_key;
mod life;
mod listener;
mod listener_rule;
mod load_balancer;
mod log_group;
mod lookups;
mod oidc_provider;
mod parameter;
mod role;
mod security_group;
mod security_group_rule;
mod target_group;
mod task_definition;
