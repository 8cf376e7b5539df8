//! What an answer over HTTP/2 says in gRPC's terms: the status of the call, and the health where it went well.

use http::response::Parts;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;

use super::health;
use crate::outcome::{ExchangeFailure, Failure, GrpcFacts, Rule, ServingStatus, Violation};

/// How much of a status message is kept, in characters.
const SHOWN: usize = 200;

const UNKNOWN: u32 = 2;
const INTERNAL: u32 = 13;

/// Reads a complete answer: what it says, and what is wrong where it is none of gRPC.
pub(super) fn read(
    head: &Parts,
    message: &[u8],
    trailers: Option<&HeaderMap>,
) -> (GrpcFacts, Option<Failure>) {
    // An answer without a message has its status in the head.
    let headers = trailers
        .filter(|trailers| trailers.contains_key("grpc-status"))
        .unwrap_or(&head.headers);
    if !is_grpc(head) {
        let what = format!("HTTP status {} and no content of gRPC", head.status.as_u16());
        return wrong(of_http(head.status), what);
    }
    let Some(status) = headers.get("grpc-status") else {
        return wrong(INTERNAL, "no grpc-status at the end of the answer".to_owned());
    };
    let Some(status) = status.to_str().ok().and_then(|text| text.parse().ok()) else {
        return wrong(UNKNOWN, format!("the grpc-status {status:?}"));
    };
    if status != 0 {
        let facts = GrpcFacts {
            status,
            message: told(headers),
            serving: None,
        };
        return (facts, None);
    }
    match health::read(message) {
        Err(what) => wrong(INTERNAL, what),
        Ok(serving) => {
            let facts = GrpcFacts {
                status,
                message: told(headers),
                serving: Some(serving),
            };
            (facts, None)
        }
    }
}

/// The rule that an answer breaks: the call must go well, and the service must serve.
pub(super) fn violations(facts: &GrpcFacts) -> Option<Violation> {
    let (expected, actual) = match facts.serving {
        Some(ServingStatus::Serving) => return None,
        Some(serving) => ("SERVING".to_owned(), serving.as_str().to_owned()),
        None => ("the status OK".to_owned(), facts.status_and_message()),
    };
    Some(Violation {
        rule: Rule::AnswerStatus,
        expected,
        actual,
    })
}

fn wrong(status: u32, what: String) -> (GrpcFacts, Option<Failure>) {
    let facts = GrpcFacts {
        status,
        message: what.clone(),
        serving: None,
    };
    (facts, Some(Failure::Exchange(ExchangeFailure::Protocol(what))))
}

fn is_grpc(head: &Parts) -> bool {
    let content = head.headers.get(http::header::CONTENT_TYPE);
    content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc"))
}

/// The status that stands for an HTTP status in its place ("HTTP to gRPC Status Code Mapping" of gRPC).
fn of_http(status: StatusCode) -> u32 {
    match status.as_u16() {
        400 => INTERNAL,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => UNKNOWN,
    }
}

/// The message beside a status, which is percent-encoded.
fn told(headers: &HeaderMap) -> String {
    let message = headers.get("grpc-message").map(http::HeaderValue::as_bytes);
    let message = String::from_utf8_lossy(message.unwrap_or_default());
    let message = percent_decode_str(&message).decode_utf8_lossy();
    message
        .chars()
        .filter(|character| !character.is_control())
        .take(SHOWN)
        .collect()
}
