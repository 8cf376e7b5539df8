//! The http prober: statuses, versions, redirects, bodies, headers, compression, TLS.

use super::case::Case;
use super::difference::Difference;

/// What is asked, in the order of the module's keys.
pub(super) const CASES: &[Case] = &[
    // Targets.
    Case::good("a plain page", "", "$plain/"),
    Case::good("a target without a scheme", "", "$plain_address/"),
    Case::bad("a scheme in capitals", "", "HTTP://$plain_address/").differs(&[Difference::Scheme]),
    Case::good("a target without a path", "", "$plain"),
    Case::good("a query in the target", "", "$plain/echo?a=1&b=2%2526"),
    Case::good(
        "a user and a password in the target",
        "fail_if_body_not_matches_regexp: ['authorization: Basic dTpw']",
        "http://u:p@$plain_address/echo",
    ),
    Case::good("an IPv6 target", "", "http://[::1]:$plain_port/"),
    Case::bad("a target that is no URL", "", "http://[::1").differs(&[Difference::NoTarget]),
    Case::bad("a port that is none", "", "http://127.0.0.1:99999/").differs(&[Difference::NoTarget]),
    Case::bad("another scheme", "", "ftp://127.0.0.1/"),
    // Addresses.
    Case::good("a name with both families", "", "http://both.test:$plain_port/"),
    Case::good(
        "a name with both families, IPv4 preferred",
        "preferred_ip_protocol: ip4",
        "http://both.test:$plain_port/",
    ),
    Case::good(
        "a name with both families, IPv4 only",
        "preferred_ip_protocol: ip4, ip_protocol_fallback: false",
        "http://both.test:$plain_port/",
    ),
    Case::good(
        "a name with IPv4, IPv6 preferred",
        "",
        "http://four.test:$plain_port/",
    ),
    Case::good(
        "a name with IPv6, IPv4 preferred",
        "preferred_ip_protocol: ip4",
        "http://six.test:$plain_port/",
    ),
    Case::bad(
        "a name with IPv4, IPv6 only",
        "ip_protocol_fallback: false",
        "http://four.test:$plain_port/",
    ),
    Case::bad(
        "a name with IPv6, IPv4 only",
        "preferred_ip_protocol: ip4, ip_protocol_fallback: false",
        "http://six.test:$plain_port/",
    ),
    Case::good(
        "an IPv4 address, IPv4 only",
        "preferred_ip_protocol: ip4, ip_protocol_fallback: false",
        "$plain/",
    ),
    Case::bad(
        "an IPv4 address, IPv6 only",
        "ip_protocol_fallback: false",
        "$plain/",
    ),
    Case::bad(
        "an IPv6 address, IPv4 only",
        "preferred_ip_protocol: ip4, ip_protocol_fallback: false",
        "http://[::1]:$plain_port/",
    ),
    Case::bad("a name that does not exist", "", "http://nothing.onion/"),
    // Statuses.
    Case::good("204", "", "$plain/status/204"),
    Case::bad("404", "", "$plain/status/404"),
    Case::bad("500", "", "$plain/status/500"),
    Case::bad("304", "", "$plain/status/304"),
    Case::good(
        "a status that is listed",
        "valid_status_codes: [404, 500]",
        "$plain/status/404",
    ),
    Case::bad(
        "a status that is not listed",
        "valid_status_codes: [404, 500]",
        "$plain/",
    ),
    Case::good(
        "206 with a list of all",
        "valid_status_codes: [200, 201, 202, 203, 204, 205, 206]",
        "$plain/status/206",
    ),
    // Versions.
    Case::good(
        "HTTP/1.1 where it is wanted",
        "valid_http_versions: [HTTP/1.1]",
        "$plain/",
    ),
    Case::bad(
        "HTTP/1.1 where HTTP/2 is wanted",
        "valid_http_versions: [HTTP/2.0]",
        "$plain/",
    ),
    Case::good(
        "HTTP/2 over TLS",
        "tls_config: {ca_file: $root}, valid_http_versions: [HTTP/2.0]",
        "$h2/",
    ),
    Case::good(
        "HTTP/1.1 where HTTP/2 is switched off",
        "tls_config: {ca_file: $root}, enable_http2: false, valid_http_versions: [HTTP/1.1]",
        "$h2/",
    ),
    Case::bad(
        "HTTP/2 where only 1.1 is wanted",
        "tls_config: {ca_file: $root}, valid_http_versions: [HTTP/1.1]",
        "$h2/",
    ),
    Case::bad(
        "a status that is wrong over HTTP/2",
        "tls_config: {ca_file: $root}",
        "$h2/status/404",
    ),
    // Redirects.
    Case::good("a redirect", "", "$plain/redirect/302"),
    Case::good("a redirect by 301", "", "$plain/redirect/301"),
    Case::good("a redirect by 303", "", "$plain/redirect/303"),
    Case::good("a redirect by 307", "", "$plain/redirect/307"),
    Case::good("a redirect by 308", "", "$plain/redirect/308"),
    Case::bad("a redirect by 300", "", "$plain/redirect/300"),
    Case::bad("a redirect to nowhere", "", "$plain/status/302"),
    Case::bad(
        "a redirect that is not followed",
        "follow_redirects: false",
        "$plain/redirect/302",
    ),
    Case::bad(
        "a redirect that is not followed, the old spelling",
        "no_follow_redirects: true",
        "$plain/redirect/302",
    ),
    Case::good(
        "a redirect that is not followed and listed",
        "follow_redirects: false, valid_status_codes: [302]",
        "$plain/redirect/302",
    ),
    Case::good("ten redirects", "", "$plain/chain/10"),
    Case::bad("eleven redirects", "", "$plain/chain/11"),
    Case::bad("redirects without end", "", "$plain/loop").differs(&[Difference::Loop]),
    Case::good(
        "redirects without end, listed",
        "valid_status_codes: [302]",
        "$plain/loop",
    )
    .differs(&[Difference::Loop]),
    Case::good(
        "a redirect to the same page that a cookie ends",
        "",
        "$plain/once",
    ),
    Case::good(
        "a redirect to TLS",
        "tls_config: {ca_file: $root}",
        "$plain/to-tls",
    ),
    Case::bad("a redirect to TLS that is not trusted", "", "$plain/to-tls"),
    Case::good(
        "a redirect from TLS to plain",
        "tls_config: {ca_file: $root}",
        "$tls/to-plain",
    ),
    Case::bad("a redirect to a port that refuses", "", "$plain/to-refused"),
    Case::bad(
        "a redirect to a name that does not exist",
        "",
        "$plain/to-nothing",
    ),
    Case::bad("a redirect to another scheme", "", "$plain/to-ftp"),
    Case::bad("a redirect to what is no URL", "", "$plain/to-garbage"),
    Case::good(
        "a redirect to another host",
        "preferred_ip_protocol: ip4",
        "$plain/to-four",
    ),
    Case::good(
        "a cookie that the redirect sets",
        "fail_if_body_not_matches_regexp: ['cookie: seen=yes']",
        "$plain/cookie",
    ),
    Case::good(
        "a method that a 303 changes",
        "method: POST, body: a=b, fail_if_body_not_matches_regexp: ['^GET ']",
        "$plain/redirect-echo/303",
    ),
    Case::good(
        "a method that a 307 keeps",
        "method: POST, body: a=b, fail_if_body_not_matches_regexp: ['^POST [^\\n]*(?s:.*)a=b']",
        "$plain/redirect-echo/307",
    ),
    // TLS or not.
    Case::bad(
        "TLS where it must not be",
        "tls_config: {ca_file: $root}, fail_if_ssl: true",
        "$tls/",
    ),
    Case::good("no TLS where it must not be", "fail_if_ssl: true", "$plain/"),
    Case::bad("no TLS where it must be", "fail_if_not_ssl: true", "$plain/"),
    Case::good(
        "TLS where it must be",
        "tls_config: {ca_file: $root}, fail_if_not_ssl: true",
        "$tls/",
    ),
    Case::good(
        "TLS at the end where it must be",
        "tls_config: {ca_file: $root}, fail_if_not_ssl: true",
        "$plain/to-tls",
    ),
    // The request.
    Case::good("HEAD", "method: HEAD", "$plain/"),
    Case::good(
        "POST with a body",
        "method: POST, body: 'hello there', fail_if_body_not_matches_regexp: ['^POST ', 'content-length: 11', 'hello there']",
        "$plain/echo",
    ),
    Case::good(
        "a body of a file",
        "method: PUT, body_file: $body_file, fail_if_body_not_matches_regexp: ['^PUT from a file']",
        "$plain/echo-body",
    ),
    Case::good(
        "a body with GET",
        "body: here, fail_if_body_not_matches_regexp: ['^GET ', 'here']",
        "$plain/echo",
    ),
    Case::good(
        "a method of one's own",
        "method: PURGE, fail_if_body_not_matches_regexp: ['^PURGE ']",
        "$plain/echo",
    ),
    Case::good(
        "headers",
        "headers: {X-One: '1', user-agent: me}, fail_if_body_not_matches_regexp: ['x-one: 1\\n', 'user-agent: me\\n']",
        "$plain/echo",
    ),
    Case::good(
        "a Host header",
        "headers: {Host: other.test}, fail_if_body_not_matches_regexp: ['host: other.test\\n']",
        "$plain/echo",
    ),
    Case::good(
        "a host in lower case that is a header",
        "headers: {hOST: other.test}, fail_if_body_not_matches_regexp: ['host: other.test\\n']",
        "$plain/echo",
    ),
    Case::good(
        "headers with values and secrets",
        "http_headers: {X-Two: {values: [a], secrets: [b]}}, fail_if_body_not_matches_regexp: ['x-two: a\\n', 'x-two: b\\n']",
        "$plain/echo",
    ),
    Case::good(
        "basic authentication",
        "basic_auth: {username: u, password: p}",
        "$plain/basic",
    ),
    Case::good(
        "basic authentication by a file",
        "basic_auth: {username: u, password_file: $password_file}",
        "$plain/basic",
    ),
    Case::bad(
        "basic authentication with a wrong password",
        "basic_auth: {username: u, password: q}",
        "$plain/basic",
    ),
    Case::bad("basic authentication left out", "", "$plain/basic"),
    Case::good(
        "a bearer token",
        "bearer_token: t, fail_if_body_not_matches_regexp: ['authorization: Bearer t\\n']",
        "$plain/echo",
    ),
    Case::good(
        "a bearer token by a file",
        "bearer_token_file: $password_file, fail_if_body_not_matches_regexp: ['authorization: Bearer p\\n']",
        "$plain/echo",
    ),
    Case::good(
        "credentials of another kind",
        "authorization: {type: Token, credentials: t}, fail_if_body_not_matches_regexp: ['authorization: Token t\\n']",
        "$plain/echo",
    ),
    Case::good(
        "credentials of a file",
        "authorization: {credentials_file: $password_file}, fail_if_body_not_matches_regexp: ['authorization: Bearer p\\n']",
        "$plain/echo",
    ),
    Case::good(
        "a hostname of the query",
        "fail_if_body_not_matches_regexp: ['host: of-the-query.test\\n']",
        "$plain/echo",
    )
    .query("&hostname=of-the-query.test"),
    Case::good(
        "a hostname of the query beside the same Host",
        "headers: {Host: same.test}",
        "$plain/",
    )
    .query("&hostname=same.test"),
    Case::refused(
        "a hostname of the query against another Host",
        "headers: {Host: other.test}",
        "$plain/",
    )
    .query("&hostname=of-the-query.test"),
];
