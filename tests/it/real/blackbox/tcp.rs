//! The tcp prober: connections, TLS, questions and answers.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good("a connection", "", "$greeter"),
    Case::good(
        "a connection by a name",
        "preferred_ip_protocol: ip4",
        "both.test:$greeter_port",
    ),
    Case::good("a connection over IPv6", "", "[::1]:$plain_port"),
    Case::good(
        "a connection by a name with both families",
        "",
        "both.test:$plain_port",
    ),
    Case::bad("IPv6 only, IPv4 there", "ip_protocol_fallback: false", "$greeter"),
    Case::bad(
        "IPv4 only, IPv6 there",
        "preferred_ip_protocol: ip4, ip_protocol_fallback: false",
        "six.test:$plain_port",
    ),
    Case::bad("no port", "", "127.0.0.1").differs(&[Difference::NoTarget]),
    Case::bad("a port that refuses", "", "$refused"),
    Case::bad("a port that never answers", "", "$hang").within("1s"),
    Case::bad("a name that does not exist", "", "nothing.onion:80"),
    Case::bad("a port that is none", "", "127.0.0.1:99999").differs(&[Difference::NoTarget]),
    Case::good("another source", "source_ip_address: 127.0.0.2", "$greeter"),
    Case::bad(
        "a source that is not here",
        "source_ip_address: 192.0.2.1",
        "$greeter",
    ),
    // Questions and answers.
    Case::good("a greeting", "query_response: [{expect: '^220 '}]", "$greeter"),
    Case::bad(
        "another greeting",
        "query_response: [{expect: '^221 '}]",
        "$greeter",
    )
    .within("1s"),
    Case::good(
        "a line further down",
        "query_response: [{expect: '^250 '}]",
        "$many_lines",
    ),
    Case::bad(
        "a line that never comes",
        "query_response: [{expect: '^500 '}]",
        "$many_lines",
    ),
    Case::good(
        "a question",
        "query_response: [{expect: '^220 '}, {send: 'HELO me'}, {expect: '^250 me$'}]",
        "$helo",
    ),
    Case::good(
        "a question with what was heard",
        "query_response: [{expect: '^220 (\\S+)', send: 'HELO ${1}'}, {expect: '^HELO mail.test'}]",
        "$echo_after_greeting",
    ),
    Case::good(
        "a question with what was heard by name",
        "query_response: [{expect: '^220 (?P<host>\\S+)', send: 'HELO ${host}'}, {expect: '^HELO mail.test'}]",
        "$echo_after_greeting",
    ),
    Case::good(
        "a question without an answer",
        "query_response: [{send: hello}]",
        "$echo",
    ),
    Case::good(
        "what is sent comes back with a line feed",
        "query_response: [{send: hello}, {expect: '^hello$'}]",
        "$echo",
    ),
    Case::bad("no answer at all", "query_response: [{expect: '.'}]", "$silent").within("1s"),
    Case::bad(
        "closed instead of an answer",
        "query_response: [{expect: '.'}]",
        "$closing",
    ),
    Case::good(
        "labels",
        "query_response: [{expect: '^220 (\\S+) (\\S+)', labels: [{name: host, value: '${1}'}, {name: protocol, value: '${2}'}]}]",
        "$greeter",
    ),
    Case::good(
        "labels that are empty",
        "query_response: [{expect: '^220 ', labels: [{name: nothing, value: ''}]}]",
        "$greeter",
    ),
    Case::bad(
        "labels before a line that never comes",
        "query_response: [{expect: '^220 (\\S+)', labels: [{name: host, value: '${1}'}]}, {expect: never}]",
        "$greets_once",
    ),
    Case::good("bytes", "query_response: [{expect_bytes: '220 '}]", "$greeter"),
    Case::bad(
        "other bytes",
        "query_response: [{expect_bytes: '221 '}]",
        "$greeter",
    ),
    Case::bad(
        "bytes that never come",
        "query_response: [{expect_bytes: '220 '}]",
        "$silent",
    )
    .within("1s"),
    Case::bad(
        "bytes of a server that closes",
        "query_response: [{expect_bytes: '220 '}]",
        "$closing",
    ),
    Case::good(
        "bytes, then a question",
        "query_response: [{expect_bytes: \"220 mail.test ESMTP\\r\\n\", send: hello}]",
        "$echo_after_greeting",
    ),
    Case::bad("a line too long", "query_response: [{expect: end}]", "$long_line"),
    // TLS.
    Case::good("TLS", "tls: true, tls_config: {ca_file: $root}", "$talk_tls"),
    Case::good(
        "TLS by a name",
        "preferred_ip_protocol: ip4, tls: true, tls_config: {ca_file: $root}",
        "both.test:$tls_port",
    ),
    Case::good(
        "TLS and a greeting",
        "tls: true, tls_config: {ca_file: $root}, query_response: [{expect: '^220 '}]",
        "$talk_tls",
    ),
    Case::bad(
        "TLS and another greeting",
        "tls: true, tls_config: {ca_file: $root}, query_response: [{expect: '^221 '}]",
        "$talk_tls",
    ),
    Case::good(
        "TLS of a root that has two certificates",
        "tls: true, tls_config: {ca_file: $roots}",
        "127.0.0.1:$two_roots_port",
    ),
    Case::good(
        "TLS of a root that has two certificates, the earlier first",
        "tls: true, tls_config: {ca_file: $roots_earlier_first}",
        "127.0.0.1:$two_roots_port",
    ),
    Case::bad("TLS of an authority that is not known", "tls: true", "$talk_tls"),
    Case::good(
        "TLS of an authority that is not known, not asked",
        "tls: true, tls_config: {insecure_skip_verify: true}",
        "$talk_tls",
    ),
    Case::bad(
        "TLS for another name",
        "tls: true, tls_config: {ca_file: $root, server_name: other.test}",
        "$talk_tls",
    ),
    Case::good(
        "TLS for a name of one's own",
        "tls: true, tls_config: {ca_file: $root, server_name: named.test}",
        "127.0.0.1:$named_port",
    ),
    Case::good(
        "TLS for the hostname of the query",
        "tls: true, tls_config: {ca_file: $root}",
        "127.0.0.1:$named_port",
    )
    .query("&hostname=named.test"),
    Case::bad(
        "TLS that expired",
        "tls: true, tls_config: {ca_file: $root}",
        "127.0.0.1:$expired_port",
    ),
    Case::good(
        "TLS 1.2",
        "tls: true, tls_config: {ca_file: $root, max_version: TLS12}",
        "$talk_tls",
    ),
    Case::bad(
        "TLS to a plain port",
        "tls: true, tls_config: {ca_file: $root}",
        "$greeter",
    ),
    Case::bad(
        "TLS that hangs",
        "tls: true, tls_config: {ca_file: $root}",
        "$silent",
    )
    .within("1s"),
    // STARTTLS.
    Case::good(
        "STARTTLS",
        "tls_config: {ca_file: $root}, query_response: [{expect: '^220 '}, {send: STARTTLS}, {expect: '^220'}, {starttls: true}, {expect: '^250 secure'}]",
        "$talk_starttls",
    ),
    Case::good(
        "STARTTLS for a name of one's own",
        "tls_config: {ca_file: $root, server_name: localhost}, query_response: [{expect: '^220 ', send: STARTTLS}, {expect: '^220', starttls: true}, {expect: '^250 secure'}]",
        "$talk_starttls",
    ),
    Case::bad(
        "STARTTLS that is not trusted",
        "query_response: [{expect: '^220 '}, {send: STARTTLS}, {expect: '^220'}, {starttls: true}]",
        "$talk_starttls",
    ),
    Case::bad(
        "STARTTLS that is refused",
        "tls_config: {ca_file: $root}, query_response: [{expect: '^220 '}, {send: STARTTLS}, {expect: '^220'}]",
        "$greets_once",
    ),
    Case::good(
        "STARTTLS of a real server",
        "tls_config: {ca_file: $root}, query_response: [{expect: '^220 '}, {send: \"EHLO prober\\r\"}, {expect: '^250.STARTTLS'}, {send: \"STARTTLS\\r\"}, {expect: '^220'}, {starttls: true}, {send: \"EHLO prober\\r\"}, {expect: '^250 HELP'}, {send: \"QUIT\\r\"}]",
        "$smtp",
    ),
    Case::bad(
        "a real server that says something else",
        "query_response: [{expect: '^220 '}, {send: \"NONSENSE\\r\"}, {expect: '^250'}]",
        "$smtp",
    )
    .within("1s"),
];
