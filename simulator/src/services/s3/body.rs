//! The body of a request: out of its chunks, and as whole as its checksums say.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::checksums::Algorithm;
use crate::{call::Call, refusal::Refusal};

/// What was sent, and the checksum that came with it.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) content: Bytes,
    pub(super) checksum: Option<(Algorithm, String)>,
}

/// Names in small letters, and values.
type Headers = Vec<(String, String)>;

/// The body of a call, checked.
pub(super) fn received(call: &Call) -> Result<Body, Refusal> {
    let header = |name: &str| call.headers.get(name).and_then(|it| it.to_str().ok());
    let mut trailers = Headers::new();
    let content = match header("content-encoding") {
        None | Some("") => call.body.clone(),
        Some("aws-chunked") => {
            let length = header("x-amz-decoded-content-length").ok_or_else(missing_length)?;
            let (content, found) = unchunked(&call.body).ok_or_else(incomplete)?;
            if length.parse() != Ok(content.len()) {
                return Err(incomplete());
            }
            if header("x-amz-trailer").is_some_and(|name| found.iter().all(|it| it.0 != name)) {
                let words = "The request contained trailing data that was not well-formed or did not conform to our published schema.";
                return Err(Refusal::new("MalformedTrailerError", words));
            }
            trailers = found;
            content.into()
        }
        Some(other) => {
            return Err(Refusal::not_modelled(format_args!("the content encoding {other} in S3")));
        }
    };
    if let Some(wanted) = header("content-md5") {
        check_md5(wanted, &content)?;
    }
    let whole = header("x-amz-content-sha256").filter(|it| it.len() == 64);
    if whole.is_some_and(|it| it != hex::encode(Sha256::digest(&call.body))) {
        let words = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(Refusal::new("XAmzContentSHA256Mismatch", words));
    }
    let given = |it: Algorithm| {
        let name = it.header();
        let trailer = trailers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        header(&name).or(trailer).map(|value| (it, value.to_owned()))
    };
    let mut given: Vec<_> = Algorithm::ALL.into_iter().filter_map(given).collect();
    if given.len() > 1 {
        let words =
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return Err(Refusal::new("InvalidRequest", words));
    }
    let checksum = given.pop();
    if let Some((algorithm, value)) = &checksum {
        check(*algorithm, value, &content)?;
    }
    Ok(Body { content, checksum })
}

fn check(algorithm: Algorithm, value: &str, content: &[u8]) -> Result<(), Refusal> {
    if BASE64_STANDARD.decode(value).map(|it| it.len()) != Ok(algorithm.size()) {
        let words = format!("Value for {} header is invalid.", algorithm.header());
        return Err(Refusal::new("InvalidRequest", words));
    }
    if algorithm.of(content) != value {
        let words = format!(
            "The {} you specified did not match the calculated checksum.",
            algorithm.name()
        );
        return Err(Refusal::new("BadDigest", words));
    }
    Ok(())
}

fn check_md5(wanted: &str, content: &[u8]) -> Result<(), Refusal> {
    match BASE64_STANDARD.decode(wanted) {
        Ok(wanted) if wanted.len() == 16 => match wanted[..] == Md5::digest(content)[..] {
            true => Ok(()),
            false => {
                let words = "The Content-MD5 you specified did not match what we received.";
                Err(Refusal::new("BadDigest", words))
            }
        },
        _ => Err(Refusal::new("InvalidDigest", "The Content-MD5 you specified was invalid.")),
    }
}

/// The content of a body of chunks, and the headers that follow it. Signatures of chunks are not checked.
fn unchunked(mut rest: &[u8]) -> Option<(Vec<u8>, Headers)> {
    let mut content = Vec::new();
    loop {
        let head = line(&mut rest)?;
        let size = head.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            break;
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while !rest.is_empty() {
        let trailer = line(&mut rest)?;
        if trailer.is_empty() {
            break;
        }
        let (name, value) = trailer.split_once(':')?;
        trailers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some((content, trailers))
}

/// Takes a line of text off the front.
fn line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.windows(2).position(|it| it == b"\r\n")?;
    let text = str::from_utf8(&rest[..end]).ok()?.to_owned();
    *rest = &rest[end + 2..];
    Some(text)
}

fn incomplete() -> Refusal {
    let words =
        "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Refusal::new("IncompleteBody", words)
}

fn missing_length() -> Refusal {
    let words = "You must provide the Content-Length HTTP header.";
    Refusal::new("MissingContentLength", words).with_status(411)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_and_what_follows_them_is_read() {
        let body = b"5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32: DUoRhQ==\r\n\r\n";
        let trailer = ("x-amz-checksum-crc32".to_owned(), "DUoRhQ==".to_owned());
        assert_eq!(unchunked(body), Some((b"hello world".to_vec(), vec![trailer])));
        assert_eq!(unchunked(b"0\r\n\r\n"), Some((Vec::new(), Vec::new())));
        for broken in ["", "5\r\nhell", "5\r\nhello0\r\n\r\n", "x\r\n", "ffffffffffffffff\r\na\r\n"]
        {
            assert_eq!(unchunked(broken.as_bytes()), None, "{broken}");
        }
    }
}
