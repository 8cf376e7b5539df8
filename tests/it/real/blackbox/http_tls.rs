//! The http prober over TLS: certificates good and bad, versions, names, clients.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good("a good certificate", "tls_config: {ca_file: $root}", "$tls/"),
    Case::good(
        "a good certificate for a name",
        "preferred_ip_protocol: ip4, tls_config: {ca_file: $root}",
        "https://both.test:$tls_port/",
    ),
    Case::bad(
        "a scheme of TLS in capitals",
        "tls_config: {ca_file: $root}",
        "HTTPS://$tls_address/",
    )
    .differs(&[Difference::Scheme]),
    Case::good(
        "an authority within the module",
        "tls_config: {ca: \"$root_inline\"}",
        "$tls/",
    ),
    Case::bad("an authority that is not known", "", "$tls/"),
    Case::good(
        "an authority that is not known, not asked",
        "tls_config: {insecure_skip_verify: true}",
        "$tls/",
    ),
    Case::good(
        "a name of one's own",
        "tls_config: {ca_file: $root, server_name: named.test}",
        "$named/",
    ),
    Case::bad(
        "a name of one's own that the certificate lacks",
        "tls_config: {ca_file: $root, server_name: other.test}",
        "$tls/",
    ),
    Case::bad(
        "a certificate for another name",
        "tls_config: {ca_file: $root}",
        "$named/",
    ),
    Case::good(
        "a Host that the certificate has",
        "tls_config: {ca_file: $root}, headers: {Host: named.test}",
        "$named/",
    ),
    Case::good(
        "a hostname of the query that the certificate has",
        "tls_config: {ca_file: $root}",
        "$named/",
    )
    .query("&hostname=named.test"),
    Case::good("TLS 1.2", "tls_config: {ca_file: $root}", "$tls12/"),
    Case::good(
        "TLS 1.2 where no more is offered",
        "tls_config: {ca_file: $root, max_version: TLS12}",
        "$tls/",
    ),
    Case::good(
        "TLS 1.3 where no less is offered",
        "tls_config: {ca_file: $root, min_version: TLS13}",
        "$tls/",
    ),
    Case::bad(
        "TLS 1.2 where 1.3 is wanted",
        "tls_config: {ca_file: $root, min_version: TLS13}",
        "$tls12/",
    ),
    Case::bad("expired", "tls_config: {ca_file: $root}", "$expired/"),
    Case::good(
        "expired, not asked",
        "tls_config: {ca_file: $root, insecure_skip_verify: true}",
        "$expired/",
    ),
    Case::bad("not yet valid", "tls_config: {ca_file: $root}", "$early/"),
    Case::bad(
        "an intermediate that expired",
        "tls_config: {ca_file: $root}",
        "$intermediate_expired/",
    ),
    Case::good(
        "an intermediate that expired, not asked",
        "tls_config: {insecure_skip_verify: true}",
        "$intermediate_expired/",
    ),
    Case::bad(
        "signed by itself",
        "tls_config: {ca_file: $root}",
        "$self_signed/",
    ),
    Case::good(
        "signed by itself, not asked",
        "tls_config: {insecure_skip_verify: true}",
        "$self_signed/",
    ),
    Case::bad(
        "signed by another authority",
        "tls_config: {ca_file: $root}",
        "$unknown/",
    ),
    Case::good(
        "signed by another authority, not asked",
        "tls_config: {insecure_skip_verify: true}",
        "$unknown/",
    ),
    Case::bad(
        "an intermediate that is missing",
        "tls_config: {ca_file: $root}",
        "$incomplete/",
    ),
    Case::good(
        "an intermediate that is missing, not asked",
        "tls_config: {insecure_skip_verify: true}",
        "$incomplete/",
    ),
    Case::bad(
        "for clients only",
        "tls_config: {ca_file: $root}",
        "$for_clients/",
    ),
    Case::bad(
        "no name but the common one",
        "tls_config: {ca_file: $root}",
        "$nameless/",
    ),
    Case::good(
        "names in an order of their own",
        "tls_config: {ca_file: $root}",
        "$ordered/",
    ),
    Case::good(
        "a serial number that begins with zeros",
        "tls_config: {ca_file: $root}",
        "$zeros/",
    ),
    Case::good(
        "a tls_config and a plain page",
        "tls_config: {ca_file: $root}",
        "$plain/",
    ),
    Case::bad(
        "a signature that is damaged",
        "tls_config: {ca_file: $root}",
        "$damaged/",
    ),
    Case::good(
        "several names",
        "preferred_ip_protocol: ip4, tls_config: {ca_file: $root}",
        "https://both.test:$many_names_port/",
    ),
    Case::good(
        "a client that identifies itself",
        "tls_config: {ca_file: $root, cert_file: $client, key_file: $client_key}",
        "$clients/",
    ),
    Case::bad(
        "a client that does not",
        "tls_config: {ca_file: $root}",
        "$clients/",
    )
    .differs(&[Difference::RefusedClient]),
    Case::bad(
        "a client of another authority",
        "tls_config: {ca_file: $root, cert_file: $stranger, key_file: $stranger_key}",
        "$clients/",
    )
    .differs(&[Difference::RefusedClient]),
    Case::bad(
        "TLS to a plain port",
        "tls_config: {ca_file: $root}",
        "https://$plain_address/",
    )
    .differs(&[Difference::StageBudget]),
    Case::bad("no TLS to a port of TLS", "", "http://$tls_address/").differs(&[Difference::BrokenHead]),
    Case::bad("an alert", "", "$alert/"),
    Case::bad("closed in the handshake", "", "$closes/"),
    Case::bad("no handshake", "", "$stalls/").within("1s"),
    Case::bad("bytes that are no TLS", "", "$garbage/"),
    Case::good(
        "a good certificate of a real server",
        "tls_config: {ca_file: $root}",
        "$nginx_tls/",
    ),
    Case::good(
        "HTTP/2 of a real server",
        "tls_config: {ca_file: $root}, valid_http_versions: [HTTP/2.0]",
        "$nginx_tls/",
    ),
    Case::bad(
        "404 of a real server",
        "tls_config: {ca_file: $root}",
        "$nginx_tls/nothing",
    ),
    Case::good("a real server without TLS", "", "$nginx/"),
    Case::good(
        "gzip of a real server",
        "compression: gzip, headers: {Accept-Encoding: gzip}",
        "$nginx/",
    ),
    Case::good(
        "a redirect of a real server",
        "tls_config: {ca_file: $root}",
        "$nginx/moved",
    ),
    Case::bad("a realm of a real server", "", "$nginx/private"),
];
