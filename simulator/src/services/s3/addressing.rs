//! Where a request goes: the bucket is in the path or in the name of the host.

use http::Method;

/// The sub-resources that tell calls on a bucket apart.
const OF_BUCKETS: &[(&str, &str, &str)] = &[
    ("GET", "versioning", "GetBucketVersioning"),
    ("PUT", "versioning", "PutBucketVersioning"),
    ("GET", "lifecycle", "GetBucketLifecycleConfiguration"),
    ("PUT", "lifecycle", "PutBucketLifecycleConfiguration"),
    ("GET", "publicAccessBlock", "GetPublicAccessBlock"),
    ("PUT", "publicAccessBlock", "PutPublicAccessBlock"),
    ("GET", "versions", "ListObjectVersions"),
    ("GET", "list-type", "ListObjectsV2"),
];

/// Sub-resources that make another call of one on a bucket or an object: those that are not modelled.
const OTHERS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "inventory",
    "legal-hold",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "website",
];

/// A path in which the bucket comes first, also of requests that have it in the host.
pub(crate) fn path_style(host: &str, path: &str) -> String {
    match bucket_of_host(host) {
        Some(bucket) => format!("/{bucket}{path}"),
        None => path.to_owned(),
    }
}

/// Such as `bucket.s3.eu-central-1.amazonaws.com`, `bucket.s3.amazonaws.com` or, served here, `bucket.localhost:4566`.
fn bucket_of_host(host: &str) -> Option<String> {
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let bucket = match host.strip_suffix(".amazonaws.com") {
        Some(rest) => match rest.strip_suffix(".s3") {
            Some(bucket) => bucket,
            None => rest.rsplit_once(".s3.")?.0,
        },
        None => host.strip_suffix(".localhost")?,
    };
    (!bucket.is_empty()).then(|| bucket.to_owned())
}

/// Bucket and key of a path with the bucket first, decoded; either may be empty.
pub(crate) fn place(path: &str) -> (String, String) {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let decoded = |it| percent_encoding::percent_decode_str(it).decode_utf8_lossy().into_owned();
    (decoded(bucket), decoded(key))
}

/// Which call a request is, by a path with the bucket first.
pub(crate) fn action(method: &Method, path: &str) -> String {
    let (bucket, key) = place(path);
    let query = path.split_once('?').map_or("", |it| it.1);
    let names: Vec<&str> =
        query.split('&').map(|it| it.split('=').next().unwrap_or_default()).collect();
    let is_sub = |it: &&&str| OTHERS.contains(*it) || OF_BUCKETS.iter().any(|of| of.1 == **it);
    let other = names.iter().find(|it| is_sub(it));
    let of_bucket = OF_BUCKETS.iter().find(|it| it.0 == method.as_str() && names.contains(&it.1));
    let action = match (method.as_str(), bucket.is_empty(), key.is_empty(), other) {
        (_, true, _, _) => return format!("{method} /"),
        (_, _, true, _) if of_bucket.is_some() => of_bucket.map_or("", |it| it.2),
        (_, _, true, Some(other)) => return format!("{method} /BUCKET?{other}"),
        (_, _, false, Some(other)) => return format!("{method} /BUCKET/KEY?{other}"),
        ("PUT", _, true, None) => "CreateBucket",
        ("HEAD", _, true, None) => "HeadBucket",
        ("DELETE", _, true, None) => "DeleteBucket",
        ("GET", _, true, None) => "ListObjects",
        ("PUT", _, false, None) => "PutObject",
        ("GET", _, false, None) => "GetObject",
        ("HEAD", _, false, None) => "HeadObject",
        ("DELETE", _, false, None) => "DeleteObject",
        (_, _, true, None) => return format!("{method} /BUCKET"),
        (_, _, false, None) => return format!("{method} /BUCKET/KEY"),
    };
    action.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_host_or_in_the_path() {
        for (host, path, expected) in [
            ("s3.eu-central-1.amazonaws.com", "/b/k", "/b/k"),
            ("s3.amazonaws.com", "/b/k", "/b/k"),
            ("127.0.0.1:4566", "/b/k", "/b/k"),
            ("localhost:4566", "/b/k", "/b/k"),
            ("", "/b/k", "/b/k"),
            ("b.s3.eu-central-1.amazonaws.com", "/k/l?x=1", "/b/k/l?x=1"),
            ("b.s3.eu-central-1.amazonaws.com:443", "/", "/b/"),
            ("b.s3.amazonaws.com", "/k", "/b/k"),
            ("a.s3.b.s3.eu-central-1.amazonaws.com", "/k", "/a.s3.b/k"),
            ("a.b.localhost:4566", "/k", "/a.b/k"),
        ] {
            assert_eq!(path_style(host, path), expected, "{host}");
        }
    }

    #[test]
    fn keys_keep_their_slashes_and_are_decoded_whole() {
        let place = |it| super::place(it);
        assert_eq!(place("/b/a%2Fb//c+%C3%A4/?x=/"), ("b".into(), "a/b//c+ä/".into()));
        assert_eq!(place("/b"), ("b".into(), String::new()));
        assert_eq!(place("/b/"), ("b".into(), String::new()));
    }

    #[test]
    fn method_path_and_query_tell_the_action() {
        for (method, path, expected) in [
            (Method::PUT, "/b", "CreateBucket"),
            (Method::PUT, "/b/", "CreateBucket"),
            (Method::PUT, "/b?versioning", "PutBucketVersioning"),
            (Method::PUT, "/b?versioning=", "PutBucketVersioning"),
            (Method::GET, "/b?lifecycle", "GetBucketLifecycleConfiguration"),
            (Method::GET, "/b/?list-type=2&prefix=versions", "ListObjectsV2"),
            (Method::GET, "/b?versions&prefix=a", "ListObjectVersions"),
            (Method::GET, "/b/versions?x-id=GetObject", "GetObject"),
            (Method::DELETE, "/b/k?versionId=1", "DeleteObject"),
            (Method::GET, "/b?acl", "GET /BUCKET?acl"),
            (Method::GET, "/b/k?tagging", "GET /BUCKET/KEY?tagging"),
            (Method::GET, "/", "GET /"),
            (Method::POST, "/b", "POST /BUCKET"),
            (Method::PUT, "/b/k?versioning", "PUT /BUCKET/KEY?versioning"),
            (Method::DELETE, "/b?lifecycle", "DELETE /BUCKET?lifecycle"),
        ] {
            assert_eq!(action(&method, path), expected, "{method} {path}");
        }
    }
}
