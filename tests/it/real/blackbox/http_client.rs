//! The http prober: expressions on JSON, proxies, tokens, HTTP/3, old versions of TLS.

use super::case::Case;
use super::difference::Difference;

pub(super) const CASES: &[Case] = &[
    // Expressions.
    Case::good(
        "an expression that must hold and does",
        "fail_if_body_json_not_matches_cel: \"body.foo == 'bar' && body.baz.startsWith('q')\"",
        "$plain/json",
    ),
    Case::bad(
        "an expression that must hold and does not",
        "fail_if_body_json_not_matches_cel: \"body.foo == 'baz'\"",
        "$plain/json",
    ),
    Case::bad(
        "an expression that must not hold and does",
        "fail_if_body_json_matches_cel: \"body.count == 3\"",
        "$plain/json",
    ),
    Case::good(
        "an expression that must not hold and does not",
        "fail_if_body_json_matches_cel: \"body.count > 3\"",
        "$plain/json",
    ),
    Case::good(
        "both expressions",
        "fail_if_body_json_matches_cel: \"body.count > 3\", fail_if_body_json_not_matches_cel: \"has(body.foo)\"",
        "$plain/json",
    ),
    Case::good(
        "lists and maps",
        "fail_if_body_json_not_matches_cel: \"body.list.all(x, x > 0) && body.list.exists(x, x == 2) && \
         body.list.filter(x, x > 1).size() == 2 && body.list.map(x, x * 2.0)[0] == 2.0 && 'foo' in body && \
         body.list[1] == 2 && size(body.list) == 3\"",
        "$plain/json",
    ),
    Case::good(
        "types and conversions",
        "fail_if_body_json_not_matches_cel: \"type(body.count) == double && int(body.count) % 2 == 1 && \
         string(body.flag) == 'true' && body.nothing == null && body.foo.matches('^b.r$') && \
         (body.flag ? 1 : 2) == 1\"",
        "$plain/json",
    ),
    Case::bad(
        "arithmetic of a number of JSON with a whole one",
        "fail_if_body_json_not_matches_cel: \"body.count + 1 == 4\"",
        "$plain/json",
    ),
    Case::bad(
        "a key that is missing",
        "fail_if_body_json_not_matches_cel: \"body.other == 'x'\"",
        "$plain/json",
    ),
    Case::bad(
        "a key that is missing where nothing must hold",
        "fail_if_body_json_matches_cel: \"body.other == 'x'\"",
        "$plain/json",
    ),
    Case::good(
        "a key that is missing behind another answer",
        "fail_if_body_json_not_matches_cel: \"body.other == 'x' || body.foo == 'bar'\"",
        "$plain/json",
    ),
    Case::bad(
        "an expression that gives a text",
        "fail_if_body_json_not_matches_cel: body.foo",
        "$plain/json",
    ),
    Case::bad(
        "an expression that gives a text where nothing must hold",
        "fail_if_body_json_matches_cel: body.foo",
        "$plain/json",
    ),
    Case::bad(
        "a key that an object without any lacks",
        "fail_if_body_json_not_matches_cel: \"body.foo.bar == 'qux'\"",
        "$plain/json-object",
    ),
    Case::bad(
        "a key that an object without any lacks where nothing must hold",
        "fail_if_body_json_matches_cel: \"body.foo.bar == 'qux'\"",
        "$plain/json-object",
    ),
    Case::good(
        "a key that must be missing",
        "fail_if_body_json_not_matches_cel: \"!has(body.foo)\"",
        "$plain/json-object",
    ),
    Case::good(
        "a body that is a text of JSON",
        "fail_if_body_json_not_matches_cel: \"body == 'foo'\"",
        "$plain/json-text",
    ),
    Case::bad(
        "a body that is a text of JSON and must not be",
        "fail_if_body_json_matches_cel: \"body == 'foo'\"",
        "$plain/json-text",
    ),
    Case::good(
        "a body that is a list",
        "fail_if_body_json_not_matches_cel: \"body[2] == 'baz'\"",
        "$plain/json-list",
    ),
    Case::bad(
        "a body that is a list and must not be",
        "fail_if_body_json_matches_cel: \"body[2] == 'baz'\"",
        "$plain/json-list",
    ),
    Case::good(
        "a body that is true",
        "fail_if_body_json_not_matches_cel: body",
        "$plain/json-true",
    ),
    Case::bad(
        "a body that is true and must not be",
        "fail_if_body_json_matches_cel: body",
        "$plain/json-true",
    ),
    Case::good(
        "letters beyond the common ones",
        "fail_if_body_json_not_matches_cel: \"body.foo.bar == '🤠🤠🤠'\"",
        "$plain/json-emoji",
    ),
    Case::good(
        "letters beyond the common ones that must not be",
        "fail_if_body_json_matches_cel: \"body.foo.bar == '😿😿😿'\"",
        "$plain/json-emoji",
    ),
    Case::bad(
        "an expression on letters that are no JSON",
        "fail_if_body_json_not_matches_cel: \"body.foo.bar == 'baz'\"",
        "$plain/emoji",
    ),
    Case::bad(
        "an expression on an empty body",
        "fail_if_body_json_not_matches_cel: \"body.foo.bar == 'baz'\"",
        "$plain/empty",
    ),
    Case::bad(
        "an expression on an empty body where nothing must hold",
        "fail_if_body_json_matches_cel: \"body.foo.bar == 'baz'\"",
        "$plain/empty",
    ),
    Case::bad(
        "an expression on what is no JSON where nothing must hold",
        "fail_if_body_json_matches_cel: \"body.foo == 'bar'\"",
        "$plain/lines",
    ),
    Case::bad(
        "an expression on what is no JSON",
        "fail_if_body_json_not_matches_cel: \"body.foo == 'bar'\"",
        "$plain/lines",
    ),
    Case::bad(
        "an expression after a wrong status",
        "valid_status_codes: [404], fail_if_body_json_not_matches_cel: \"body.foo == 'bar'\"",
        "$plain/json",
    ),
    Case::bad(
        "an expression on nothing",
        "fail_if_body_json_not_matches_cel: \"body.foo == 'bar'\"",
        "http://$refused/",
    ),
    Case::bad(
        "a pattern that breaks before an expression",
        "fail_if_body_not_matches_regexp: [nowhere], fail_if_body_json_not_matches_cel: \"body.foo == 'bar'\"",
        "$plain/json",
    ),
    Case::bad(
        "a pattern and an expression that both hold",
        "fail_if_body_not_matches_regexp: [bar], fail_if_body_json_not_matches_cel: \"body.foo == 'bar'\"",
        "$plain/json",
    )
    .differs(&[Difference::PatternAndCel]),
    // Proxies.
    Case::good("a proxy", "proxy_url: '$proxy'", "$plain/"),
    Case::good(
        "what a proxy hands on",
        "proxy_url: '$proxy', fail_if_body_not_matches_regexp: ['host: 127']",
        "$plain/echo",
    ),
    Case::good(
        "a tunnel",
        "proxy_url: '$tunnel', tls_config: {ca_file: '$root'}",
        "$tls/",
    ),
    Case::good(
        "a redirect through a proxy",
        "proxy_url: '$proxy'",
        "$plain/redirect/302",
    ),
    Case::good(
        "a proxy that resolves",
        "proxy_url: '$proxy', skip_resolve_phase_with_proxy: true",
        "http://hidden.test/",
    ),
    Case::good(
        "a proxy that resolves, with a redirect",
        "proxy_url: '$proxy', skip_resolve_phase_with_proxy: true",
        "http://hidden.test/redirect/302",
    ),
    Case::bad(
        "a proxy that resolves and refuses",
        "proxy_url: 'http://$refused', skip_resolve_phase_with_proxy: true",
        "$plain/",
    ),
    Case::good(
        "a proxy that resolves, where there is none",
        "skip_resolve_phase_with_proxy: true",
        "$plain/",
    ),
    Case::good(
        "a proxy of the environment",
        "proxy_from_environment: true",
        "$plain/",
    ),
    Case::good(
        "a proxy of the environment that resolves",
        "proxy_from_environment: true, skip_resolve_phase_with_proxy: true",
        "http://hidden.test/",
    ),
    Case::good(
        "what goes past a proxy of the environment that resolves",
        "proxy_from_environment: true, skip_resolve_phase_with_proxy: true",
        "$plain/",
    )
    .differs(&[Difference::PastProxy]),
    Case::good("a proxy by SOCKS", "proxy_url: 'socks5://$socks'", "$plain/"),
    Case::good(
        "what goes past a proxy",
        "proxy_url: 'http://$refused', no_proxy: 'other.test'",
        "$plain/",
    ),
    Case::bad("a proxy that refuses", "proxy_url: 'http://$refused'", "$plain/"),
    Case::bad("a proxy that lets nobody through", "proxy_url: 'http://$closed'", "$tls/"),
    Case::bad(
        "a proxy that wants to know who asks",
        "proxy_url: 'http://$closed'",
        "$plain/",
    ),
    // Tokens.
    Case::good(
        "a token",
        "oauth2: {client_id: me, client_secret: s, token_url: '$plain/token'}, \
         fail_if_body_not_matches_regexp: ['authorization: Bearer abc']",
        "$plain/echo",
    ),
    Case::bad(
        "an endpoint without a token",
        "oauth2: {client_id: me, client_secret: s, token_url: '$plain/status/404'}",
        "$plain/",
    ),
    Case::bad(
        "an endpoint of tokens that refuses",
        "oauth2: {client_id: me, client_secret: s, token_url: 'http://$refused/'}",
        "$plain/",
    ),
    // HTTP/3.
    Case::good(
        "HTTP/3",
        "enable_http3: true, enable_http2: false, valid_http_versions: ['HTTP/3.0'], tls_config: {ca_file: '$root'}",
        "$quic/",
    )
    .differs(&[Difference::QuicPhases]),
    Case::good(
        "HTTP/3 without a word on versions",
        "enable_http3: true, enable_http2: false, tls_config: {ca_file: '$root'}",
        "$quic/",
    )
    .differs(&[Difference::QuicPhases]),
    // Versions of TLS.
    Case::good(
        "an old least version of TLS",
        "tls_config: {ca_file: '$root', min_version: TLS10}",
        "$tls12/",
    ),
];
