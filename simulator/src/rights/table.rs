//! What rights each call needs, as the Service Authorization Reference lists it: a table for each service in `tables/`.
//!
//! A line is a call and what it needs, in words:
//!
//! - `KIND:FIELD`: the action of the call's name on the resources that a field of the input names; see `resources.rs`
//! - `*`: the same on no resource in particular; `new:KIND`: on one that has no name yet
//! - `tags:ACTION=RESOURCE`: that action as well if tags are given; `tags`: the same as EC2 has it, for each type of resource
//! - `pass:FIELD>SERVICE`: `iam:PassRole` on the role that a field names; `pass-profile:FIELD`: on that of an instance profile
//! - `as:ACTION=RESOURCE`: that action in place of the call's own; `if:NAME>ACTION=RESOURCE`, `unless:…`: the same if the
//!   call has, or has not, this parameter or header
//! - `encrypts:FIELD`, `decrypts:FIELD`: the use of a customer's key by Systems Manager

use crate::call::Service;

/// One word of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word {
    /// The call's own action.
    On(Resource),
    /// Another action in its place.
    As(&'static str, Resource),
    /// Another action, if the call has a parameter or a header.
    If(&'static str, &'static str, Resource),
    /// Another action, if it has not.
    Unless(&'static str, &'static str, Resource),
    /// Another action, if the call gives tags.
    IfTagged(&'static str, Resource),
    /// `ec2:CreateTags` on each type of resource that is given tags.
    Ec2Tags,
    /// `iam:PassRole` on a role, for a service.
    Pass(&'static str, &'static str),
    /// `iam:PassRole` on the role of an instance profile.
    PassProfile(&'static str),
    /// The key of a parameter that is written.
    Encrypts(&'static str),
    /// The keys of parameters that are read.
    Decrypts(&'static str),
}

/// Which resources: a kind, and the field of the input that names them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Resource {
    pub(super) kind: &'static str,
    pub(super) field: &'static str,
}

/// The name of a service in actions, and its table. None: it is not one of AWS, or needs no rights.
pub(super) fn of(service: Service) -> Option<(&'static str, &'static str)> {
    Some(match service {
        Service::Acm => ("acm", include_str!("tables/acm.txt")),
        Service::Ec2 => ("ec2", include_str!("tables/ec2.txt")),
        Service::Ecs => ("ecs", include_str!("tables/ecs.txt")),
        Service::Elb => ("elasticloadbalancing", include_str!("tables/elasticloadbalancing.txt")),
        Service::Iam => ("iam", include_str!("tables/iam.txt")),
        Service::Kms => ("kms", include_str!("tables/kms.txt")),
        Service::Logs => ("logs", include_str!("tables/logs.txt")),
        Service::Route53 => ("route53", include_str!("tables/route53.txt")),
        Service::S3 => ("s3", include_str!("tables/s3.txt")),
        Service::Ssm => ("ssm", include_str!("tables/ssm.txt")),
        Service::Tagging => ("tag", include_str!("tables/tag.txt")),
        // GetCallerIdentity cannot be denied.
        Service::Sts | Service::Atlas | Service::GitHub | Service::Registry => {
            return None;
        }
    })
}

/// The words of a call.
pub(super) fn words(table: &'static str, call: &str) -> Option<Vec<Word>> {
    let mut lines = table.lines().map(str::split_whitespace);
    lines.find_map(|mut line| (line.next() == Some(call)).then(|| line.map(word).collect()))
}

fn word(text: &'static str) -> Word {
    match text.split_once(':') {
        None if text == "tags" => Word::Ec2Tags,
        Some(("tags", rest)) => {
            let (action, on) = action(rest);
            Word::IfTagged(action, on)
        }
        Some(("as", rest)) => {
            let (action, on) = action(rest);
            Word::As(action, on)
        }
        Some((word @ ("if" | "unless"), rest)) => {
            let (name, rest) = rest.split_once('>').unwrap_or(("", rest));
            let (action, on) = action(rest);
            match word {
                "if" => Word::If(name, action, on),
                _ => Word::Unless(name, action, on),
            }
        }
        Some(("pass", rest)) => {
            let (field, service) = rest.split_once('>').unwrap_or((rest, ""));
            Word::Pass(field, service)
        }
        Some(("pass-profile", field)) => Word::PassProfile(field),
        Some(("encrypts", field)) => Word::Encrypts(field),
        Some(("decrypts", field)) => Word::Decrypts(field),
        _ => Word::On(resource(text)),
    }
}

fn action(text: &'static str) -> (&'static str, Resource) {
    let (action, on) = text.split_once('=').unwrap_or((text, "*"));
    (action, resource(on))
}

fn resource(text: &'static str) -> Resource {
    let (kind, field) = text.split_once(':').unwrap_or((text, ""));
    Resource { kind, field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_word_by_word() {
        let table = "A *\nB  kind:Field.Part as:C=new:kind if:x>D=* unless:x>E=new:kind tags:Tag=new:kind pass:Role>it tags\n";
        let on = |kind, field| Resource { kind, field };
        assert_eq!(
            words(table, "B"),
            Some(vec![
                Word::On(on("kind", "Field.Part")),
                Word::As("C", on("new", "kind")),
                Word::If("x", "D", on("*", "")),
                Word::Unless("x", "E", on("new", "kind")),
                Word::IfTagged("Tag", on("new", "kind")),
                Word::Pass("Role", "it"),
                Word::Ec2Tags,
            ])
        );
        assert_eq!(words(table, "A"), Some(vec![Word::On(on("*", ""))]));
        assert_eq!(words(table, "kind"), None);
    }
}
