//! Requests that nobody would send: whatever comes, it is answered, and nothing panics.
//!
//! `PROPTEST_CASES=1000000` plays as many as one likes; a failing one is made small and printed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path, sync::LazyLock};

use bytes::Bytes;
use http::Request;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use simulator::{Setup, Simulator, Times};

/// Services of AWS as requests are signed for them, with the table of their rights, which names their actions.
const SERVICES: [(&str, &str); 12] = [
    ("acm", "acm"),
    ("ec2", "ec2"),
    ("ecs", "ecs"),
    ("elasticloadbalancing", "elasticloadbalancing"),
    ("iam", "iam"),
    ("kms", "kms"),
    ("logs", "logs"),
    ("route53", "route53"),
    ("s3", "s3"),
    ("ssm", "ssm"),
    ("sts", ""),
    ("tagging", "tag"),
];

/// Each service with each of its actions.
static ACTIONS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rights/tables");
    let all = SERVICES.iter().flat_map(|(service, table)| {
        let text = fs::read_to_string(tables.join(format!("{table}.txt"))).unwrap_or_default();
        let named = text.lines().filter_map(|it| it.split_whitespace().next());
        let named: Vec<_> =
            named.map(str::to_owned).chain(["GetCallerIdentity".to_owned()]).collect();
        named.into_iter().map(|action| (*service, action))
    });
    all.collect()
});

/// Names that fields have, so that some of what is sent is read.
const FIELDS: &[&str] = &[
    "Action",
    "CertificateArn",
    "CidrIpv4",
    "Description",
    "DomainName",
    "Filter",
    "FilterName",
    "Filters",
    "GroupId",
    "GroupName",
    "ImageId",
    "InstanceId",
    "InstanceType",
    "IpPermissions",
    "KeyId",
    "ListenerArn",
    "LoadBalancerArn",
    "MaxResults",
    "MinCount",
    "Name",
    "NextToken",
    "Path",
    "PolicyDocument",
    "Protocol",
    "RoleName",
    "Subnets",
    "Tag",
    "TagSpecification",
    "Tags",
    "TargetGroupArn",
    "Type",
    "Value",
    "VpcId",
    "cluster",
    "clusterName",
    "containerDefinitions",
    "count",
    "cpu",
    "deploymentConfiguration",
    "desiredCount",
    "environment",
    "family",
    "image",
    "kmsKeyId",
    "limit",
    "loadBalancers",
    "logGroupName",
    "memory",
    "name",
    "networkConfiguration",
    "nextToken",
    "retentionInDays",
    "serviceName",
    "services",
    "startTime",
    "taskDefinition",
    "tasks",
    "value",
    "clusterType",
    "config",
    "databaseName",
    "groupId",
    "providerSettings",
    "roles",
    "url",
    "username",
    "cidrBlock",
];

/// Headers that S3 reads.
const S3_HEADERS: &[&str] = &[
    "content-encoding",
    "content-md5",
    "if-match",
    "if-none-match",
    "x-amz-checksum-crc32",
    "x-amz-content-sha256",
    "x-amz-expected-bucket-owner",
    "x-amz-trailer",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec![
            "", "0", "1", "-1", "4294967296", "99999999999999999999", "true", "null", "*", "a", "gsm", "default",
            "sg-1", "vpc-1", "0.0.0.0/0", "::/0", "999.0.0.0/99", "arn:aws:iam::123456789012:role/gsm",
            "arn:::::", "../..", "%", "%ff", "{}", "[", "\u{0}", "\u{202e}", "ä", "2026-01-01T00:00:00Z",
        ]).prop_map(str::to_owned),
        1 => ".{0,40}",
        1 => "[a-z]{300}",
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let object = vec((select(FIELDS), inner.clone()), 0..5);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|it| it.into_iter().map(|(name, it)| (name.to_owned(), it)).collect()),
        ]
    })
}

/// `Filter.1.Value.2=…`, also with numbers that no list has.
fn form() -> impl Strategy<Value = String> {
    let number = select(vec!["", ".1", ".2", ".0", ".999999999", ".member.1", ".-1", "."]);
    let name = vec((select(FIELDS), number), 1..4);
    let pair = (name, text()).prop_map(|(name, value)| {
        let name: Vec<_> =
            name.into_iter().map(|(name, number)| format!("{name}{number}")).collect();
        let value: String = value.bytes().map(|it| format!("%{it:02X}")).collect();
        format!("{}={value}", name.join("."))
    });
    vec(pair, 0..8).prop_map(|it| it.join("&"))
}

fn xml() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        select(vec![
            "<ChangeResourceRecordSetsRequest>",
            "</ChangeResourceRecordSetsRequest>",
            "<ChangeBatch>",
            "<Changes>",
            "<Change>",
            "<Action>CREATE</Action>",
            "<ResourceRecordSet>",
            "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>",
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            "<LifecycleConfiguration>",
            "<Rule><Status>Enabled</Status><Prefix/></Rule>",
            "</LifecycleConfiguration>",
            "<Name>a.example.com</Name>",
            "<Type>A</Type>",
            "<TTL>-1</TTL>",
            "</ResourceRecordSet>",
            "</Change>",
            "</Changes>",
            "</ChangeBatch>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]>",
            "&b;",
            "<![CDATA[",
            "<",
            "&",
            "\u{0}",
        ])
        .prop_map(str::to_owned),
        text(),
    ];
    vec(part, 0..16).prop_map(|it| it.concat())
}

fn of_aws() -> impl Strategy<Value = Request<Bytes>> {
    let paths = vec![
        "/",
        "/2013-04-01/hostedzone",
        "/2013-04-01/hostedzone/Z/rrset",
        "/2013-04-01/hostedzonesbyname?a",
        "//%",
        "/?",
    ];
    // A bucket is made in some, and is there for the others.
    let of_s3 = vec![
        "/",
        "/bucket",
        "/bucket",
        "/%ff/%00",
        "/bucket?versioning",
        "/bucket?lifecycle",
        "/bucket?publicAccessBlock",
        "/bucket?versions&key-marker=a&version-id-marker=null&max-keys=1",
        "/bucket?list-type=2&max-keys=99999999999&continuation-token=%ff",
        "/bucket/a//b",
        "/bucket/a//b?versionId=",
        "/bucket/a//b?versionId=null",
        "/taken-by-somebody-else/k",
    ];
    let methods = vec!["GET", "PUT", "HEAD", "DELETE", "POST"];
    let of_s3 = (select(of_s3), select(methods));
    let header = (select(S3_HEADERS), text());
    (select(&ACTIONS[..]), form(), json(), xml(), select(paths), any::<bool>(), of_s3, header)
        .prop_map(
            |((service, action), form, json, xml, path, post, (of_s3, method), (header, value))| {
                let scope = format!(
                    "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/{service}/aws4_request"
                );
                let body = match service {
                    "route53" | "s3" => xml,
                    "ec2" | "elasticloadbalancing" | "iam" | "sts" => {
                        format!("Action={action}&{form}")
                    }
                    _ => json.to_string(),
                };
                let path = match service {
                    "route53" => path,
                    "s3" => of_s3,
                    _ => "/",
                };
                Request::builder()
                    .method(if service == "s3" {
                        method
                    } else if post {
                        "POST"
                    } else {
                        "GET"
                    })
                    .uri(path)
                    .header("authorization", scope)
                    .header("x-amz-target", format!("Any.{action}"))
                    .header(header, value.replace(|it: char| it.is_control(), ""))
                    .body(Bytes::from(body))
                    .unwrap()
            },
        )
}

fn of_others() -> impl Strategy<Value = Request<Bytes>> {
    let paths = vec![
        "/meta",
        "/repos/a/b/hooks",
        "/repos/a/b/hooks?per_page=x&page=99999999999",
        "/repos/a/b/hooks/1",
        "/repos/",
        "/repos/a",
        "/api/oauth/token",
        "/api/atlas/v2/groups",
        "/api/atlas/v2/groups/5f00000000000000000000a1/flexClusters",
        "/api/atlas/v2/groups/5f00000000000000000000a1/databaseUsers",
        "/api/atlas/v2/groups//",
        "/api/atlas/v2/%ff",
        "/api/atlas/v2/groups/5f00000000000000000000a1/accessList?pageNum=-1&itemsPerPage=0",
    ];
    let tokens = vec![
        "",
        "Bearer test-github-token",
        "Bearer x",
        "Digest username=\"test-public\", nc=zz",
        "Digest ,,=",
        "Basic %%%",
    ];
    let methods = vec!["GET", "POST", "PATCH", "DELETE", "PUT"];
    let body = prop_oneof![json().prop_map(|it| it.to_string()), text()];
    (select(paths), select(tokens), select(methods), body).prop_map(
        |(path, token, method, body)| {
            Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", token)
                .header("accept", "application/vnd.atlas.2025-03-12+json")
                .header("content-type", "application/vnd.atlas.2025-03-12+json")
                .body(Bytes::from(body))
                .unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_is_answered(requests in vec(prop_oneof![4 => of_aws().boxed(), 1 => of_others().boxed()], 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let simulator = Simulator::new(Setup { times: Times::none(), seed: 1, now: None });
            for request in requests {
                let answer = simulator.call(request).await.unwrap();
                // 501: it is not modelled. The simulator itself never fails.
                assert_ne!(answer.status(), 500);
            }
            simulator.census();
        });
    }
}
