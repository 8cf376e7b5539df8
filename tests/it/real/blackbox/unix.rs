//! The unix prober.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good("a connection", "", "$unix_greeter"),
    Case::good(
        "a greeting",
        "query_response: [{expect: '^220 '}]",
        "$unix_greeter",
    ),
    Case::bad(
        "another greeting",
        "query_response: [{expect: '^221 '}]",
        "$unix_closing",
    ),
    Case::good(
        "a question",
        "query_response: [{send: hello}, {expect: '^hello$'}]",
        "$unix_echo",
    ),
    Case::good(
        "bytes",
        "query_response: [{expect_bytes: '220 '}]",
        "$unix_greeter",
    ),
    Case::bad(
        "other bytes",
        "query_response: [{expect_bytes: '221 '}]",
        "$unix_greeter",
    ),
    Case::good(
        "labels",
        "query_response: [{expect: '^220 (\\S+)', labels: [{name: host, value: '${1}'}]}]",
        "$unix_greeter",
    ),
    Case::bad("no answer", "query_response: [{expect: '.'}]", "$unix_silent").within("1s"),
    Case::bad("a socket that does not exist", "", "$folder/nothing"),
    Case::bad("a file that is no socket", "", "$body_file"),
    Case::bad("a relative path that does not exist", "", "nothing.sock"),
    Case::good(
        "TLS",
        "tls: true, tls_config: {ca_file: $root, server_name: localhost}",
        "$unix_tls",
    ),
    Case::good(
        "TLS and a greeting",
        "tls: true, tls_config: {ca_file: $root, server_name: localhost}, query_response: [{expect: '^220 '}]",
        "$unix_tls",
    ),
    Case::bad(
        "TLS without a name",
        "tls: true, tls_config: {ca_file: $root}",
        "$unix_tls",
    )
    .differs(&[Difference::SocketName]),
    Case::bad(
        "TLS without a name, not asked",
        "tls: true, tls_config: {insecure_skip_verify: true}",
        "$unix_tls",
    )
    .differs(&[Difference::SocketName]),
    Case::bad(
        "TLS that is not trusted",
        "tls: true, tls_config: {server_name: localhost}",
        "$unix_tls",
    ),
    Case::bad(
        "TLS to a plain socket",
        "tls: true, tls_config: {ca_file: $root, server_name: localhost}",
        "$unix_closing",
    ),
    Case::good(
        "STARTTLS",
        "tls_config: {ca_file: $root, server_name: localhost}, query_response: [{expect: '^220 ', send: STARTTLS}, {expect: '^220', starttls: true}, {expect: '^250 secure'}]",
        "$unix_starttls",
    ),
];
