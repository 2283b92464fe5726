//! Policies that AWS keeps: those that stacks of ours and our tests attach.
//!
//! Source: AWS Managed Policy Reference.

/// ARN behind `arn:aws:iam::aws:policy/`, and the document.
const POLICIES: &[(&str, &str)] = &[
    (
        "service-role/AmazonECSTaskExecutionRolePolicy",
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
            "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents"]}]}"#,
    ),
    // The real one lists thousands of actions; these are what it comes to for the services here.
    (
        "ReadOnlyAccess",
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
            "acm:Describe*", "acm:List*", "ec2:Describe*", "ecs:Describe*", "ecs:List*",
            "elasticloadbalancing:Describe*", "iam:Get*", "iam:List*", "kms:Describe*", "kms:Get*", "kms:List*",
            "logs:Describe*", "logs:FilterLogEvents", "logs:Get*", "logs:ListTagsForResource", "route53:Get*",
            "route53:List*", "ssm:Describe*", "ssm:Get*", "ssm:List*", "tag:Get*"]}]}"#,
    ),
    (
        "AmazonSSMManagedInstanceCore",
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
            "ssm:DescribeAssociation", "ssm:GetDeployablePatchSnapshotForInstance", "ssm:GetDocument",
            "ssm:DescribeDocument", "ssm:GetManifest", "ssm:GetParameter", "ssm:GetParameters",
            "ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutInventory",
            "ssm:PutComplianceItems", "ssm:PutConfigurePackageResult", "ssm:UpdateAssociationStatus",
            "ssm:UpdateInstanceAssociationStatus", "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel", "ec2messages:*"]}]}"#,
    ),
];

/// The document of a policy, by its ARN.
pub(super) fn document(arn: &str) -> Option<&'static str> {
    let name = arn.strip_prefix("arn:aws:iam::aws:policy/")?;
    POLICIES.iter().find(|(known, _)| *known == name).map(|(_, document)| *document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::iam::policy::{Place, read};

    #[test]
    fn every_document_is_well_formed() {
        for (name, document) in POLICIES {
            assert!(read(document, Place::Identity).is_ok(), "{name}");
        }
    }
}
