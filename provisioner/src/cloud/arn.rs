//! Amazon Resource Names, taken apart.

/// `arn:partition:service:region:account:kind/id`, where some services have a colon in the place of the slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// All of it.
    pub whole: &'a str,
    /// The service, such as `ec2`.
    pub service: &'a str,
    /// What it is there, such as `instance`.
    pub kind: &'a str,
    /// The rest, such as `i-0123456789abcdef0` or `app/gsm/50dc6c495c0c9188`.
    pub id: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart; `None` for anything else.
    pub fn parse(whole: &'a str) -> Option<Self> {
        let mut parts = whole.splitn(6, ':');
        let (arn, service, resource) = (parts.next()?, parts.nth(1)?, parts.nth(2)?);
        let (kind, id) = resource.split_once(['/', ':']).unwrap_or((resource, ""));
        (arn == "arn").then_some(Self { whole, service, kind, id })
    }

    /// The id, if it is the ARN of this kind of thing.
    pub fn id_of(&self, service: &str, kind: &str) -> Option<&'a str> {
        (self.service == service && self.kind == kind).then_some(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart() {
        let parts = |whole| Arn::parse(whole).map(|it| (it.service, it.kind, it.id));
        for (whole, expected) in [
            ("arn:aws:ec2:eu-central-1:1:instance/i-1", ("ec2", "instance", "i-1")),
            ("arn:aws:logs:eu-central-1:1:log-group:/a:b", ("logs", "log-group", "/a:b")),
            ("arn:aws:ssm:eu-central-1:1:parameter/a/b", ("ssm", "parameter", "a/b")),
            ("arn:aws:ecs:eu-central-1:1:task-definition/a:3", ("ecs", "task-definition", "a:3")),
            ("arn:aws-cn:iam::1:role/a", ("iam", "role", "a")),
            ("arn:aws:s3:::bucket", ("s3", "bucket", "")),
        ] {
            assert_eq!(parts(whole), Some(expected));
        }
        assert_eq!(parts("i-1"), None);
        assert_eq!(parts("urn:aws:ec2:eu-central-1:1:instance/i-1"), None);
        assert_eq!(parts("arn:aws:ec2"), None);
    }
}
