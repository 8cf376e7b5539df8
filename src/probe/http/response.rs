//! The facts of a response's head.

use http::header::{CONTENT_LENGTH, DATE, LAST_MODIFIED, LOCATION};
use http::response::Parts;
use http::{HeaderMap, HeaderName, StatusCode, Version};
use jiff::{SignedDuration, Timestamp};

use super::body::Read;
use crate::outcome::ResponseFacts;

/// Bytes of `Location` that are kept.
const LOCATION_LIMIT: usize = 2048;

/// The facts of a response whose head came at `now`.
pub(super) fn facts(head: &Parts, body: &Read, now: Timestamp) -> ResponseFacts {
    ResponseFacts {
        status: head.status.as_u16(),
        version: version_number(head.version),
        location: location(&head.headers).map(|location| cut(&location, LOCATION_LIMIT).to_owned()),
        content_length: content_length(head, body),
        body_length: body.length,
        last_modified: date(&head.headers, &LAST_MODIFIED),
        clock_offset: date(&head.headers, &DATE).map(|theirs| offset(theirs, now)),
        limited: limited(head.status, &head.headers),
    }
}

/// The length that is announced, or follows from how the answer is framed: these statuses have no content, and an
/// answer of HTTP/2 that ends with its head has none either (RFC 9110 section 8.6).
fn content_length(head: &Parts, body: &Read) -> Option<u64> {
    if matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Some(0);
    }
    let announced = text(&head.headers, &CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
    let nothing_came = || head.version == Version::HTTP_2 && body.complete && body.length == 0;
    announced.or_else(|| nothing_came().then_some(0))
}

/// `Location` as text, whatever its bytes; `None` when there is none or it is empty.
pub(super) fn location(headers: &HeaderMap) -> Option<std::borrow::Cow<'_, str>> {
    let value = headers.get(LOCATION)?;
    (!value.is_empty()).then(|| String::from_utf8_lossy(value.as_bytes()))
}

/// The version in the words of the status line, as blackbox_exporter's `valid_http_versions` has it.
pub(super) fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// The beginning of a text, at most so many bytes long.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn version_number(version: Version) -> f64 {
    match version {
        Version::HTTP_09 => 0.9,
        Version::HTTP_10 => 1.0,
        Version::HTTP_2 => 2.0,
        Version::HTTP_3 => 3.0,
        _ => 1.1,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An HTTP date (RFC 9110 section 5.6.7) in the form that servers must send, or in one of the two that they once did.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let text = text(headers, name)?;
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

fn offset(theirs: Timestamp, ours: Timestamp) -> SignedDuration {
    SignedDuration::from_secs(theirs.as_second() - ours.as_second())
}

/// A rate limit (RFC 6585 section 4), or a challenge that says so in a documented header: Cloudflare's
/// `cf-mitigated`, AWS WAF's `x-amzn-waf-action` (challenge 202, captcha 405), Vercel's `x-vercel-mitigated`.
fn limited(status: StatusCode, headers: &HeaderMap) -> bool {
    let says = |name: HeaderName, words: &[&str]| {
        text(headers, &name)
            .is_some_and(|value| words.iter().any(|word| value.trim().eq_ignore_ascii_case(word)))
    };
    match status.as_u16() {
        429 => true,
        202 | 405 => says(AMZN_WAF_ACTION, &["challenge", "captcha"]),
        403 | 503 => {
            says(CF_MITIGATED, &["challenge"])
                || says(AMZN_WAF_ACTION, &["challenge", "captcha"])
                || says(VERCEL_MITIGATED, &["challenge"])
        }
        _ => false,
    }
}

const CF_MITIGATED: HeaderName = HeaderName::from_static("cf-mitigated");
const AMZN_WAF_ACTION: HeaderName = HeaderName::from_static("x-amzn-waf-action");
const VERCEL_MITIGATED: HeaderName = HeaderName::from_static("x-vercel-mitigated");

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    #[test]
    fn dates_are_read_to_the_second() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let head = head(
            200,
            &[
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("last-modified", "Sat, 05 Nov 1994 08:49:37 GMT"),
            ],
        );
        let facts = facts(&head, &Read::default(), now);
        assert_eq!(facts.clock_offset, Some(SignedDuration::from_secs(7)));
        assert_eq!(facts.last_modified, "1994-11-05T08:49:37Z".parse().ok());
    }

    #[test]
    fn a_date_that_is_none_is_no_fact() {
        let facts = facts(
            &head(200, &[("date", "yesterday")]),
            &Read::default(),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(facts.clock_offset, None);
    }

    #[test]
    fn only_walls_that_name_themselves_are_limits() {
        let limited = |status, headers: &[_]| {
            let head = head(status, headers);
            limited(head.status, &head.headers)
        };
        assert!(limited(429, &[]));
        assert!(limited(403, &[("cf-mitigated", "challenge")]));
        assert!(limited(405, &[("x-amzn-waf-action", "captcha")]));
        assert!(limited(503, &[("x-vercel-mitigated", "challenge")]));
        assert!(!limited(403, &[]));
        assert!(!limited(503, &[("retry-after", "5")]));
        assert!(!limited(200, &[("cf-mitigated", "challenge")]));
    }

    #[test]
    fn a_long_location_is_cut_between_characters() {
        let long = "/ä".repeat(LOCATION_LIMIT);
        let mut head = head(302, &[]);
        head.headers
            .insert(LOCATION, http::HeaderValue::from_bytes(long.as_bytes()).unwrap());
        let facts = facts(&head, &Read::default(), Timestamp::UNIX_EPOCH);
        let location = facts.location.unwrap();
        assert!(location.len() <= LOCATION_LIMIT && long.starts_with(&location));
    }

    #[test]
    fn the_content_length_is_announced_or_follows_from_the_framing() {
        let body = Read {
            length: 10,
            complete: true,
            ..Read::default()
        };
        let of = |head: &Parts| facts(head, &body, Timestamp::UNIX_EPOCH).content_length;
        assert_eq!(of(&head(200, &[])), None);
        assert_eq!(of(&head(200, &[("content-length", "4")])), Some(4));
        assert_eq!(of(&head(204, &[])), Some(0));
        let mut ends_with_its_head = head(200, &[]);
        ends_with_its_head.version = Version::HTTP_2;
        let nothing = Read { length: 0, ..body };
        let facts = facts(&ends_with_its_head, &nothing, Timestamp::UNIX_EPOCH);
        assert_eq!(facts.content_length, Some(0));
    }

    #[test]
    fn dates_of_older_forms_are_read_too() {
        for date in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            let facts = facts(
                &head(200, &[("last-modified", date)]),
                &Read::default(),
                Timestamp::UNIX_EPOCH,
            );
            assert_eq!(facts.last_modified, "1994-11-06T08:49:37Z".parse().ok(), "{date}");
        }
    }
}
