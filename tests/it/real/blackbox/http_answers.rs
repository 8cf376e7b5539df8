//! The http prober, continued: what is asked of an answer's head and body, and answers that break off.

use super::case::Case;
use super::difference::Difference;

/// What is asked, in the order of the module's keys.
pub(super) const CASES: &[Case] = &[
    // Rules on the body.
    Case::good(
        "a body that must not match and does not",
        "fail_if_body_matches_regexp: [bad]",
        "$plain/",
    ),
    Case::bad(
        "a body that must not match and does",
        "fail_if_body_matches_regexp: [bad, ok]",
        "$plain/",
    ),
    Case::good(
        "a body that must match and does",
        "fail_if_body_not_matches_regexp: [ok]",
        "$plain/",
    ),
    Case::bad(
        "a body that must match and does not",
        "fail_if_body_not_matches_regexp: [ok, bad]",
        "$plain/",
    ),
    Case::bad(
        "a body is not asked after a wrong status",
        "fail_if_body_matches_regexp: ['.']",
        "$plain/status/404",
    ),
    Case::good(
        "a rule over several lines",
        "fail_if_body_not_matches_regexp: ['(?s)one.two']",
        "$plain/lines",
    ),
    Case::bad(
        "a rule that ends at a line",
        "fail_if_body_not_matches_regexp: ['one.two']",
        "$plain/lines",
    ),
    Case::good(
        "an anchored rule",
        "fail_if_body_not_matches_regexp: ['^one', 'two\\n$']",
        "$plain/lines",
    ),
    Case::good(
        "an empty body",
        "fail_if_body_matches_regexp: ['.']",
        "$plain/empty",
    ),
    Case::good(
        "a body that is no text",
        "fail_if_body_not_matches_regexp: ['(?s)\\x00.']",
        "$plain/binary",
    ),
    // Rules on headers.
    Case::good(
        "a header that must not match and does not",
        "fail_if_header_matches: [{header: X-Kind, regexp: bad}]",
        "$plain/headers",
    ),
    Case::bad(
        "a header that must not match and does",
        "fail_if_header_matches: [{header: x-kind, regexp: goo}]",
        "$plain/headers",
    ),
    Case::bad(
        "a header that must not match and is not there",
        "fail_if_header_matches: [{header: X-None, regexp: goo}]",
        "$plain/headers",
    ),
    Case::good(
        "a header that must not match, is not there and may be so",
        "fail_if_header_matches: [{header: X-None, regexp: goo, allow_missing: true}]",
        "$plain/headers",
    ),
    Case::good(
        "a header that must match and does",
        "fail_if_header_not_matches: [{header: X-Kind, regexp: '^good$'}]",
        "$plain/headers",
    ),
    Case::bad(
        "a header that must match and does not",
        "fail_if_header_not_matches: [{header: X-Kind, regexp: bad}]",
        "$plain/headers",
    ),
    Case::bad(
        "a header that must match and is not there",
        "fail_if_header_not_matches: [{header: X-None, regexp: goo}]",
        "$plain/headers",
    ),
    Case::good(
        "a header that must match, is not there and may be so",
        "fail_if_header_not_matches: [{header: X-None, regexp: goo, allow_missing: true}]",
        "$plain/headers",
    ),
    Case::good(
        "a header twice, the second matches",
        "fail_if_header_not_matches: [{header: X-Twice, regexp: second}]",
        "$plain/headers",
    ),
    Case::bad(
        "a header twice, the second must not match",
        "fail_if_header_matches: [{header: X-Twice, regexp: second}]",
        "$plain/headers",
    ),
    Case::bad(
        "a header is not asked after a wrong status",
        "fail_if_header_matches: [{header: Content-Type, regexp: '.'}]",
        "$plain/status/404",
    ),
    Case::bad(
        "header and body both wrong",
        "fail_if_header_matches: [{header: X-Kind, regexp: good}], fail_if_body_matches_regexp: ['.']",
        "$plain/headers",
    ),
    // Lengths and dates.
    Case::good("a body in chunks", "", "$plain/chunked"),
    Case::good("a body that ends with the connection", "", "$plain/until-close"),
    Case::good("HEAD of a page with a length", "method: HEAD", "$plain/large"),
    Case::good("a large body", "", "$plain/large"),
    Case::good("a body below its limit", "body_size_limit: 2MB", "$plain/large"),
    Case::good("a body as large as its limit", "body_size_limit: 3B", "$plain/"),
    Case::bad("a body beyond its limit", "body_size_limit: 1KB", "$plain/large"),
    Case::bad(
        "a body beyond its limit with a rule",
        "body_size_limit: 1KB, fail_if_body_not_matches_regexp: ['x']",
        "$plain/large",
    )
    .differs(&[Difference::UnreadBody]),
    Case::good("when it was modified", "", "$plain/modified"),
    Case::good("when it was modified, in no date", "", "$plain/modified-garbage"),
    Case::good(
        "when it was modified, in an older form of date",
        "",
        "$plain/modified-old",
    ),
    Case::bad(
        "when it was modified, after a wrong status",
        "",
        "$plain/modified-500",
    ),
    // Compression.
    Case::good("gzip", "compression: gzip", "$plain/gzip"),
    Case::good("brotli", "compression: br", "$plain/br"),
    Case::good("deflate", "compression: deflate", "$plain/deflate"),
    Case::good("identity", "compression: identity", "$plain/"),
    Case::good(
        "gzip with a rule",
        "compression: gzip, fail_if_body_not_matches_regexp: [compressed]",
        "$plain/gzip",
    ),
    Case::good("gzip that nobody asked for", "", "$plain/gzip"),
    Case::good("brotli that nobody asked for", "", "$plain/br"),
    Case::good("deflate that nobody asked for", "", "$plain/deflate"),
    Case::good("a coding that nobody knows", "", "$plain/unknown-coding"),
    Case::bad("gzip that is none", "compression: gzip", "$plain/gzip-garbage"),
    Case::bad("gzip that breaks off", "compression: gzip", "$plain/gzip-short"),
    Case::bad("gzip wanted, none sent", "compression: gzip", "$plain/"),
    Case::bad("brotli wanted, gzip sent", "compression: br", "$plain/gzip"),
    Case::good(
        "gzip below the limit of the body",
        "compression: gzip, body_size_limit: 1KB",
        "$plain/gzip",
    ),
    Case::bad(
        "gzip beyond the limit of the body",
        "compression: gzip, body_size_limit: 8B",
        "$plain/gzip",
    ),
    Case::good(
        "gzip, said in the request too",
        "compression: gzip, headers: {Accept-Encoding: gzip}",
        "$plain/gzip",
    ),
    // Answers that are none.
    Case::bad("a port that refuses", "", "http://$refused/"),
    Case::bad("a connection that is reset", "", "http://$reset/").differs(&[Difference::ResetRace]),
    Case::bad("a connection that is never answered", "", "http://$hang/").within("1s"),
    Case::bad("no answer", "", "$plain/stall").within("1s"),
    Case::bad("a head that breaks off", "", "$plain/stall-head")
        .within("1s")
        .differs(&[Difference::BrokenHead]),
    Case::bad("a body that breaks off", "", "$plain/stall-body").within("1s"),
    Case::good("a slow answer", "", "$plain/slow"),
    Case::bad("closed before the answer", "", "$plain/close"),
    Case::bad("closed in the head", "", "$plain/close-head").differs(&[Difference::BrokenHead]),
    Case::bad("closed in the body", "", "$plain/close-body"),
    Case::bad("reset before the answer", "", "$plain/reset"),
    Case::bad("reset in the body", "", "$plain/reset-body"),
    Case::bad("a chunk that is none", "", "$plain/bad-chunk"),
    Case::bad("a length that is none", "", "$plain/bad-length").differs(&[Difference::BrokenHead]),
    Case::bad("what is no HTTP", "", "$plain/not-http").differs(&[Difference::BrokenHead]),
    Case::bad("a head without end", "", "$plain/endless-head")
        .differs(&[Difference::BrokenHead, Difference::LongHead]),
    Case::bad("interim answers without end", "", "$plain/endless-interim")
        .differs(&[Difference::Interim, Difference::BrokenHead]),
    Case::bad(
        "a body without end",
        "body_size_limit: 1MB",
        "$plain/endless-body",
    ),
];
