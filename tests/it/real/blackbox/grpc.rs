//! The grpc prober: health checks. blackbox_exporter 0.28 gives them no limit, so nothing here is silent.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good("the server's own health", "", "$real_health"),
    Case::good("a service that serves", "service: linkwatch.Up", "$real_health"),
    Case::bad(
        "a service that does not",
        "service: linkwatch.Down",
        "$real_health",
    ),
    Case::bad(
        "a service that is not there",
        "service: linkwatch.None",
        "$real_health",
    ),
    Case::good("metadata", "metadata: {x-tenant: [a, b]}", "$real_health"),
    Case::good("a URL", "", "http://$real_health"),
    Case::good("a URL of https without TLS", "", "https://$real_health"),
    Case::bad(
        "IPv6 only, IPv4 there",
        "ip_protocol_fallback: false",
        "$real_health",
    ),
    Case::good("IPv4 first", "preferred_ip_protocol: ip4", "$real_health"),
    Case::bad("a name that does not exist", "", "nothing.onion:80"),
    Case::bad("a port that refuses", "", "$refused"),
    Case::bad("a server of HTTP/1.1", "", "$plain_address"),
    Case::good("serving", "", "$grpc_serving"),
    Case::bad("an unknown status", "", "$grpc_unknown"),
    Case::bad(
        "a service that the server does not know",
        "",
        "$grpc_service_unknown",
    ),
    Case::bad("a call that is not permitted", "", "$grpc_denied"),
    Case::bad("a method that is not there", "", "$grpc_unimplemented"),
    Case::bad("a status after the head", "", "$grpc_late"),
    Case::bad("a page in place of an answer", "", "$grpc_page_404"),
    Case::bad("a page that says OK", "", "$grpc_page_200"),
    Case::bad("an answer without a status", "", "$grpc_unfinished"),
    Case::bad("OK without a message", "", "$grpc_empty"),
    // TLS.
    Case::good("TLS", "tls: true, tls_config: {ca_file: $root}", "$grpc_tls"),
    Case::good(
        "TLS, not verified",
        "tls: true, tls_config: {insecure_skip_verify: true}",
        "$grpc_tls",
    ),
    Case::good(
        "TLS 1.2",
        "tls: true, tls_config: {ca_file: $root, max_version: TLS12}",
        "$grpc_tls",
    ),
    Case::good(
        "TLS for a name of one's own",
        "tls: true, tls_config: {ca_file: $root, server_name: both.test}",
        "$grpc_tls",
    ),
    Case::bad(
        "TLS for another name",
        "tls: true, tls_config: {ca_file: $root, server_name: other.test}",
        "$grpc_tls",
    ),
    Case::bad("TLS of an authority that is not known", "tls: true", "$grpc_tls"),
    Case::bad(
        "TLS that expired",
        "tls: true, tls_config: {ca_file: $root}",
        "$grpc_expired",
    ),
    Case::bad(
        "TLS without HTTP/2 agreed",
        "tls: true, tls_config: {ca_file: $root}",
        "$grpc_unagreed",
    ),
    Case::bad(
        "TLS to a plain port",
        "tls: true, tls_config: {ca_file: $root}",
        "$real_health",
    ),
    Case::bad("no TLS to a port with TLS", "", "$grpc_tls"),
    Case::bad(
        "TLS, and a call that is not permitted",
        "tls: true, tls_config: {ca_file: $root}",
        "$grpc_tls_denied",
    )
    .differs(&[Difference::CheckedTls]),
    Case::bad(
        "TLS, and a service that does not serve",
        "tls: true, tls_config: {ca_file: $root}",
        "$grpc_tls_down",
    ),
];
