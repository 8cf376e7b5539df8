//! The unix prober: the dialogues of tcp over sockets of this machine.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good("a connection", "", "$socket_greeter"),
    Case::bad("a path that does not exist", "", "/nowhere/app.sock"),
    Case::bad("a file that is no socket", "", "$body_file"),
    Case::bad(
        "a path that is too long",
        "",
        "$body_file/$body_file/$body_file/$body_file/$body_file/$body_file",
    ),
    Case::bad("a path from elsewhere", "", "app.sock"),
    Case::bad("a path as a URL", "", "unix://$socket_greeter").differs(&[Difference::SocketUrl]),
    Case::good(
        "a greeting",
        "query_response: [{expect: '^220 '}]",
        "$socket_greeter",
    ),
    Case::bad(
        "another greeting",
        "query_response: [{expect: '^221 '}]",
        "$socket_greets_once",
    ),
    Case::bad(
        "no answer at all",
        "query_response: [{expect: '.'}]",
        "$socket_silent",
    )
    .within("1s"),
    Case::bad(
        "closed instead of an answer",
        "query_response: [{expect: '.'}]",
        "$socket_closing",
    ),
    Case::good(
        "a question with what was heard",
        "query_response: [{expect: '^220 (?P<host>\\S+)', send: 'HELO ${host}'}, {expect: '^HELO mail.test'}]",
        "$socket_echo_after_greeting",
    ),
    Case::good(
        "labels",
        "query_response: [{expect: '^220 (\\S+)', labels: [{name: host, value: '${1}'}]}]",
        "$socket_greeter",
    ),
    Case::good(
        "bytes",
        "query_response: [{expect_bytes: '220 '}]",
        "$socket_greeter",
    ),
    Case::bad(
        "other bytes",
        "query_response: [{expect_bytes: '221 '}]",
        "$socket_greeter",
    ),
    Case::good(
        "TLS",
        "tls: true, tls_config: {ca_file: $root, server_name: both.test}, query_response: [{expect: '^220 '}]",
        "$socket_talk_tls",
    ),
    Case::bad(
        "TLS for another name",
        "tls: true, tls_config: {ca_file: $root, server_name: other.test}",
        "$socket_talk_tls",
    ),
    Case::bad(
        "TLS for no name",
        "tls: true, tls_config: {ca_file: $root}",
        "$socket_talk_tls",
    )
    .differs(&[Difference::LocalName]),
    Case::bad(
        "TLS of an authority that is not known, not asked",
        "tls: true, tls_config: {insecure_skip_verify: true}",
        "$socket_talk_tls",
    )
    .differs(&[Difference::LocalName]),
    Case::good(
        "STARTTLS",
        "tls_config: {ca_file: $root, server_name: both.test}, query_response: [{expect: '^220 '}, {send: STARTTLS}, {expect: '^220'}, {starttls: true}, {expect: '^250 secure'}]",
        "$socket_talk_starttls",
    ),
];
