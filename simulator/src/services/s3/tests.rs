//! Requests as the SDK in this process sends them, on a clock that stands still.

use bytes::Bytes;
use http::{Request, Response};

use super::*;
use crate::{Global, Setup, Simulator, Time, Times};

/// 2026-11-22T12:00:00.900Z.
const NOON: Time = Time(1_795_348_800_900);

fn simulator() -> Simulator {
    let simulator = Simulator::new(Setup { times: Times::none(), seed: 1, now: Some(NOON) });
    simulator.hold(NOON);
    simulator
}

async fn send(
    simulator: &Simulator,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<Bytes> {
    let scope = "AWS4-HMAC-SHA256 Credential=x/20261123/eu-central-1/s3/aws4_request";
    let mut request = Request::builder().method(method).uri(url).header("authorization", scope);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    simulator.call(request.body(Bytes::from(body.to_owned())).unwrap()).await.unwrap()
}

const LOCATION: &str = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";

async fn with_bucket() -> Simulator {
    let simulator = simulator();
    let host = "https://states.s3.eu-central-1.amazonaws.com/";
    assert_eq!(send(&simulator, "PUT", host, &[], LOCATION).await.status(), 200);
    simulator
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |it| it.to_str().unwrap())
}

#[tokio::test]
async fn both_ways_to_address_a_bucket_mean_the_same() {
    let simulator = with_bucket().await;
    let virtual_host = "https://states.s3.eu-central-1.amazonaws.com/api/gsm";
    let path = "https://s3.eu-central-1.amazonaws.com/states/api/gsm?x-id=GetObject";
    // A path that looks like Atlas's is S3's, for it is signed so.
    assert_eq!(send(&simulator, "PUT", virtual_host, &[], "{}").await.status(), 200);
    let got = send(&simulator, "GET", path, &[], "").await;
    assert_eq!(got.body(), "{}");
    let served = send(&simulator, "GET", "/states/api/gsm", &[("host", "127.0.0.1:1")], "").await;
    assert_eq!(served.body(), "{}");
    let served = [("host", "states.localhost:4566")];
    assert_eq!(send(&simulator, "GET", "/api/gsm", &served, "").await.body(), "{}");
    let versions: Vec<_> = simulator.calls().iter().map(|it| it.path.clone()).collect();
    assert_eq!(versions[1], "/states/api/gsm");
    let census = simulator.census();
    assert_eq!(
        census["objects"],
        json!([{ "Name": "states/api/gsm", "Bucket": "states", "Key": "api/gsm", "Versions": 1 }])
    );
}

#[tokio::test]
async fn every_answer_tells_the_time_of_the_cloud() {
    let simulator = with_bucket().await;
    let url = "https://states.s3.eu-central-1.amazonaws.com/k";
    let put = send(&simulator, "PUT", url, &[], "x").await;
    assert_eq!(header(&put, "date"), "Sun, 22 Nov 2026 12:00:00 GMT");
    simulator.hold(Time(NOON.0 + 61_000));
    let head = send(&simulator, "HEAD", url, &[], "").await;
    assert_eq!(header(&head, "date"), "Sun, 22 Nov 2026 12:01:01 GMT");
    assert_eq!(header(&head, "last-modified"), "Sun, 22 Nov 2026 12:00:00 GMT");
    assert_eq!((header(&head, "content-length"), head.body().len()), ("1", 0));
    let absent = send(&simulator, "HEAD", &format!("{url}2"), &[], "").await;
    assert_eq!((absent.status().as_u16(), absent.body().len()), (404, 0));
    assert_eq!(header(&absent, "date"), "Sun, 22 Nov 2026 12:01:01 GMT");
    let planned =
        json!({ "status": 503, "code": "SlowDown", "message": "Please reduce your request rate." });
    simulator.faults(|it| it.add(serde_json::from_value(planned).unwrap()));
    let slow = send(&simulator, "GET", url, &[], "").await;
    assert_eq!(header(&slow, "date"), "Sun, 22 Nov 2026 12:01:01 GMT");
    assert_eq!(
        slow.body(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message><RequestId>00000000-0000-4000-8000-000000000005</RequestId><HostId>c2ltdWxhdG9yc2ltdWxhdG9yc2ltdWxhdG9yc2ltdWxhdG9y</HostId></Error>"
    );
}

#[tokio::test]
async fn chunks_are_decoded_and_their_checksum_counts() {
    let simulator = with_bucket().await;
    let url = "https://states.s3.eu-central-1.amazonaws.com/k";
    let headers = [
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "9"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    ];
    let put = async |body: &str| {
        let answer = send(&simulator, "PUT", url, &headers, body).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let code = text.split("<Code>").nth(1).and_then(|it| it.split('<').next());
        (answer.status().as_u16(), code.unwrap_or_default().to_owned())
    };
    let whole = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    assert_eq!(put(whole).await, (200, String::new()));
    let got = send(&simulator, "GET", url, &[("x-amz-checksum-mode", "ENABLED")], "").await;
    assert_eq!(
        (got.body().as_ref(), header(&got, "x-amz-checksum-crc32")),
        (&b"123456789"[..], "y/Q5Jg==")
    );
    for (broken, code) in [
        ("9\r\n12345678X\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", "BadDigest"),
        ("9\r\n123456789\r\n0\r\n\r\n", "MalformedTrailerError"),
        ("8\r\n12345678\r\n0\r\nx-amz-checksum-crc32:mufhmw==\r\n\r\n", "IncompleteBody"),
        ("9\r\n1234", "IncompleteBody"),
    ] {
        assert_eq!(put(broken).await, (400, code.to_owned()));
    }
    assert_eq!(send(&simulator, "GET", url, &[], "").await.body(), "123456789");
}

#[tokio::test]
async fn worlds_are_saved_with_their_objects_and_old_ones_are_read() {
    let simulator = with_bucket().await;
    let url = "https://states.s3.eu-central-1.amazonaws.com/k";
    send(&simulator, "PUT", url, &[], "{}").await;
    let saved = simulator.world(|it| serde_json::to_value(&it.global).unwrap());
    let mut again: Global = serde_json::from_value(saved.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), saved);
    assert_eq!(again.s3.buckets["states"].objects["k"].current().unwrap().content.0, "{}");
    let mut old = saved;
    old.as_object_mut().unwrap().remove("s3");
    let old: Global = serde_json::from_value(old).unwrap();
    assert_eq!(old.s3.buckets.keys().collect::<Vec<_>>(), [TAKEN]);
    // A test can say whose a name is.
    again.s3.give_away("states", "eu-central-1");
    simulator.world(|it| it.global = again);
    assert_eq!(simulator.census()["buckets"], json!([]));
    let url = "https://states.s3.eu-central-1.amazonaws.com/";
    assert_eq!(send(&simulator, "HEAD", url, &[], "").await.status(), 403);
    assert_eq!(send(&simulator, "PUT", url, &[], LOCATION).await.status(), 409);
}

#[tokio::test]
async fn no_read_lags_behind() {
    let simulator = with_bucket().await;
    let url = "https://states.s3.eu-central-1.amazonaws.com/k";
    let stale = json!({ "stale_ms": 60_000, "times": null });
    simulator.faults(|it| {
        (it.chaos.stale, it.chaos.stale_ms) = (1.0, 60_000);
        it.add(serde_json::from_value(stale).unwrap())
    });
    for content in ["one", "two"] {
        simulator.hold(simulator.now() + std::time::Duration::from_secs(1));
        send(&simulator, "PUT", url, &[], content).await;
        assert_eq!(send(&simulator, "GET", url, &[], "").await.body(), content);
    }
}

#[tokio::test]
async fn what_goes_wrong_by_chance_is_said_in_its_words() {
    let simulator = with_bucket().await;
    let url = "https://states.s3.eu-central-1.amazonaws.com/k";
    let told = async || {
        let answer = send(&simulator, "GET", url, &[], "").await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let code = text.split("<Code>").nth(1).and_then(|it| it.split('<').next());
        (answer.status().as_u16(), code.unwrap_or_default().to_owned())
    };
    simulator.faults(|it| it.chaos.throttled = 1.0);
    assert_eq!(told().await, (503, "SlowDown".to_owned()));
    simulator.faults(|it| (it.chaos.throttled, it.chaos.unavailable) = (0.0, 1.0));
    let mut all = BTreeMap::new();
    for _ in 0..20 {
        let (status, code) = told().await;
        all.insert(status, code);
    }
    let expected = [(500, "InternalError".to_owned()), (503, "ServiceUnavailable".to_owned())];
    assert_eq!(all, BTreeMap::from(expected));
}
