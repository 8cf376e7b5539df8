//! The dns prober: transports, response codes, and rules on records as users write them.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good(
        "an address",
        "query_name: www.example.test, query_type: A",
        "$dns",
    ),
    Case::good(
        "a name with its final dot",
        "query_name: www.example.test., query_type: A",
        "$dns",
    ),
    Case::good(
        "over TCP",
        "query_name: www.example.test, query_type: A, transport_protocol: tcp",
        "$dns",
    ),
    Case::good(
        "an alias",
        "query_name: alias.example.test, query_type: A",
        "$dns",
    ),
    Case::good(
        "a server by a name",
        "query_name: www.example.test, query_type: A, preferred_ip_protocol: ip4",
        "both.test:$dns_port",
    ),
    Case::good(
        "a server over IPv6",
        "query_name: www.example.test, query_type: A",
        "both.test:$dns_six_port",
    ),
    Case::good(
        "a server over IPv6 and TCP",
        "query_name: www.example.test, query_type: A, transport_protocol: tcp",
        "both.test:$dns_six_port",
    ),
    Case::bad(
        "IPv6 only, IPv4 there",
        "query_name: www.example.test, query_type: A, ip_protocol_fallback: false",
        "$dns",
    ),
    Case::good(
        "a server with another source",
        "query_name: www.example.test, query_type: A, source_ip_address: 127.0.0.2",
        "$dns",
    ),
    Case::bad(
        "a source that is not here",
        "query_name: www.example.test, query_type: A, source_ip_address: 192.0.2.1",
        "$dns",
    ),
    Case::bad(
        "a server that does not exist",
        "query_name: www.example.test",
        "nothing.onion",
    ),
    Case::bad(
        "a port that refuses over UDP",
        "query_name: www.example.test",
        "$refused",
    ),
    Case::bad(
        "a port that refuses over TCP",
        "query_name: www.example.test, transport_protocol: tcp",
        "$refused",
    ),
    Case::bad(
        "a port that hangs over TCP",
        "query_name: www.example.test, transport_protocol: tcp",
        "$silent",
    )
    .within("1s"),
    Case::bad(
        "a port that closes over TCP",
        "query_name: www.example.test, transport_protocol: tcp",
        "$closing",
    ),
    Case::bad(
        "no answer",
        "query_name: silent.example.test, query_type: A",
        "$dns",
    )
    .within("1s"),
    Case::bad(
        "no answer over TCP",
        "query_name: silent.example.test, query_type: A, transport_protocol: tcp",
        "$dns",
    )
    .within("1s"),
    Case::good(
        "no records",
        "query_name: www.example.test, query_type: MX",
        "$dns",
    ),
    Case::good("cut short", "query_name: cut.example.test, query_type: A", "$dns"),
    Case::good(
        "without recursion",
        "query_name: www.example.test, query_type: A, recursion_desired: false",
        "$dns",
    ),
    Case::good(
        "another class",
        "query_name: www.example.test, query_class: CH, query_type: TXT",
        "$dns",
    ),
    // Response codes.
    Case::bad(
        "a name that does not exist",
        "query_name: none.example.test, query_type: A",
        "$dns",
    ),
    Case::good(
        "a name that must not exist",
        "query_name: none.example.test, query_type: A, valid_rcodes: [NXDOMAIN]",
        "$dns",
    ),
    Case::bad(
        "a server that fails",
        "query_name: fails.example.test, query_type: A",
        "$dns",
    ),
    Case::good(
        "a server that may fail",
        "query_name: fails.example.test, query_type: A, valid_rcodes: [SERVFAIL, NXDOMAIN]",
        "$dns",
    ),
    Case::bad(
        "a server that should fail",
        "query_name: www.example.test, query_type: A, valid_rcodes: [SERVFAIL, NXDOMAIN]",
        "$dns",
    ),
    Case::bad(
        "a server that refuses",
        "query_name: refused.example.test, query_type: A, valid_rcodes: [NOERROR, SERVFAIL]",
        "$dns",
    ),
    Case::good(
        "a server that may refuse",
        "query_name: refused.example.test, query_type: A, valid_rcodes: [NOERROR, REFUSED]",
        "$dns",
    ),
    // Serials.
    Case::good("a serial", "query_name: example.test, query_type: SOA", "$dns"),
    Case::good(
        "a serial where there is none",
        "query_name: www.example.test, query_type: SOA",
        "$dns",
    ),
    Case::bad(
        "a serial that must not be",
        "query_name: none.example.test, query_type: SOA",
        "$dns",
    ),
    // Rules.
    Case::bad(
        "a record that must not match",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_matches_regexp: ['192\.0\.2\.2']}",
        "$dns",
    ),
    Case::good(
        "no record that must not match",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_matches_regexp: ['192\.0\.2\.9']}",
        "$dns",
    ),
    Case::good(
        "every record matches",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['192\.0\.2\.\d$', '^www']}",
        "$dns",
    ),
    Case::bad(
        "not every record matches",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['192\.0\.2\.1$']}",
        "$dns",
    ),
    Case::bad(
        "no record that could match",
        "query_name: www.example.test, query_type: MX, validate_answer_rrs: {fail_if_not_matches_regexp: ['.']}",
        "$dns",
    ),
    Case::good(
        "all match",
        "query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_all_match_regexp: ['^www']}",
        "$dns",
    ),
    Case::bad(
        "not all match",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_all_match_regexp: ['192\.0\.2\.1$']}",
        "$dns",
    ),
    Case::good(
        "none that could match all",
        "query_name: www.example.test, query_type: MX, validate_answer_rrs: {fail_if_all_match_regexp: ['.']}",
        "$dns",
    ),
    Case::good(
        "one matches",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_none_matches_regexp: [no, '192\.0\.2\.2$']}",
        "$dns",
    ),
    Case::bad(
        "none matches",
        r"query_name: www.example.test, query_type: A, validate_answer_rrs: {fail_if_none_matches_regexp: ['192\.0\.2\.9$']}",
        "$dns",
    ),
    Case::bad(
        "none that could match one",
        "query_name: www.example.test, query_type: MX, validate_answer_rrs: {fail_if_none_matches_regexp: ['.']}",
        "$dns",
    ),
    Case::good(
        "authority",
        r"query_name: none.example.test, query_type: A, valid_rcodes: [NXDOMAIN], validate_authority_rrs: {fail_if_not_matches_regexp: ['\tSOA\tns1\.example\.test\. hostmaster\.example\.test\. 1 3600 600 86400 60$']}",
        "$dns",
    ),
    Case::bad(
        "additional",
        "query_name: www.example.test, query_type: A, validate_additional_rrs: {fail_if_none_matches_regexp: ['.']}",
        "$dns",
    ),
    Case::good(
        "records in every section",
        r"query_name: www.example.test, query_type: A, validate_authority_rrs: {fail_if_not_matches_regexp: ['\tNS\tns\d\.']}, validate_additional_rrs: {fail_if_not_matches_regexp: ['^ns\d\.']}",
        "$dns_sections",
    ),
    Case::bad(
        "a record of the authority that must not match",
        r"query_name: www.example.test, query_type: A, validate_authority_rrs: {fail_if_matches_regexp: ['ns1\.']}",
        "$dns_sections",
    ),
    Case::bad(
        "an additional record that must not match",
        "query_name: www.example.test, query_type: A, validate_additional_rrs: {fail_if_matches_regexp: ['^ns']}",
        "$dns_sections",
    ),
    Case::bad(
        "not all additional records match",
        r"query_name: www.example.test, query_type: A, validate_additional_rrs: {fail_if_all_match_regexp: ['192\.0\.2\.']}",
        "$dns_sections",
    ),
    Case::bad(
        "no additional record matches",
        r"query_name: www.example.test, query_type: A, validate_additional_rrs: {fail_if_none_matches_regexp: ['192\.0\.2\.9$']}",
        "$dns_sections",
    ),
    // Records as text: each is exactly this.
    Case::good(
        "a record of A",
        r"query_name: one.example.test, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ['^one\.example\.test\.\t60\tIN\tA\t192\.0\.2\.1$']}",
        "$dns",
    ),
    Case::good(
        "a record of AAAA",
        r"query_name: one.example.test, query_type: AAAA, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tAAAA\t2001:db8::1$']}",
        "$dns",
    ),
    Case::good(
        "a record of MX",
        r"query_name: one.example.test, query_type: MX, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tMX\t10 Mail\.example\.test\.$']}",
        "$dns",
    ),
    Case::good(
        "a record of NS",
        r"query_name: one.example.test, query_type: NS, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tNS\ta\\ b\.test\.$']}",
        "$dns",
    ),
    Case::good(
        "a record of TXT",
        r#"query_name: one.example.test, query_type: TXT, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tTXT\t"a\\"b\\\\" "\\195\\188;" ""$']}"#,
        "$dns",
    ),
    Case::good(
        "a record of SRV",
        r"query_name: one.example.test, query_type: SRV, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tSRV\t1 2 53 a\.test\.$']}",
        "$dns",
    ),
    Case::good(
        "a record of PTR",
        r"query_name: one.example.test, query_type: PTR, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tPTR\ta\.test\.$']}",
        "$dns",
    ),
    Case::good(
        "a record of HINFO",
        r#"query_name: one.example.test, query_type: HINFO, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tHINFO\t"cpu" "os"$']}"#,
        "$dns",
    ),
    Case::good(
        "a record of CAA",
        r#"query_name: one.example.test, query_type: CAA, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tCAA\t128 issue "ca\.test; a=b"$']}"#,
        "$dns",
    ),
    Case::good(
        "a record of NAPTR",
        r#"query_name: one.example.test, query_type: NAPTR, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tNAPTR\t1 2 "s" "SIP\+D2U" "" a\.test\.$']}"#,
        "$dns",
    ),
    Case::good(
        "a record of TLSA",
        r"query_name: one.example.test, query_type: TLSA, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tTLSA\t3 1 1 abcd$']}",
        "$dns",
    ),
    Case::good(
        "a record of SSHFP",
        r"query_name: one.example.test, query_type: SSHFP, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tSSHFP\t4 2 ABCD$']}",
        "$dns",
    ),
    Case::good(
        "a record of DS",
        r"query_name: one.example.test, query_type: DS, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tDS\t4660 13 2 ABCD$']}",
        "$dns",
    ),
    Case::good(
        "a record of DNSKEY",
        r"query_name: one.example.test, query_type: DNSKEY, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tDNSKEY\t257 3 13 AAECAw==$']}",
        "$dns",
    ),
    Case::good(
        "a record of RRSIG",
        r"query_name: one.example.test, query_type: RRSIG, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tRRSIG\tA 13 3 60 20260101000000 20251201000000 4660 example\.test\. AAECAw==$']}",
        "$dns",
    ),
    Case::good(
        "a record of NSEC",
        r"query_name: one.example.test, query_type: NSEC, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tNSEC\tb\.test\. A RRSIG NSEC$']}",
        "$dns",
    ),
    Case::good(
        "a record of NSEC3",
        r"query_name: one.example.test, query_type: NSEC3, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tNSEC3\t1 0 5 ABCD 000G40O40K30E209185GO38E1S8124GJ A RRSIG$']}",
        "$dns",
    ),
    Case::good(
        "a record of NSEC3PARAM",
        r"query_name: one.example.test, query_type: NSEC3PARAM, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tNSEC3PARAM\t1 0 0 -$']}",
        "$dns",
    ),
    Case::good(
        "a record of DNAME",
        r"query_name: one.example.test, query_type: DNAME, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tDNAME\ta\.test\.$']}",
        "$dns",
    ),
    Case::good(
        "a record of RP",
        r"query_name: one.example.test, query_type: RP, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tRP\ta\.test\. b\.test\.$']}",
        "$dns",
    ),
    Case::good(
        "a record of URI",
        r#"query_name: one.example.test, query_type: URI, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tURI\t1 2 "https://a\.test/"$']}"#,
        "$dns",
    ),
    Case::good(
        "a record of HTTPS",
        r#"query_name: one.example.test, query_type: HTTPS, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tHTTPS\t1 \. alpn="h2,h3" port="8443" ipv4hint="127\.0\.0\.1"$']}"#,
        "$dns",
    ),
    Case::good(
        "a record of OPENPGPKEY",
        r"query_name: one.example.test, query_type: OPENPGPKEY, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tOPENPGPKEY\tAAECAw==$']}",
        "$dns",
    ),
    Case::good(
        "a record of CSYNC",
        r"query_name: one.example.test, query_type: CSYNC, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tCSYNC\t1 3 A NS$']}",
        "$dns",
    ),
    Case::good(
        "a record of ZONEMD",
        r"query_name: one.example.test, query_type: ZONEMD, validate_answer_rrs: {fail_if_not_matches_regexp: ['\tZONEMD\t1 1 1 abcd$']}",
        "$dns",
    ),
    // TLS.
    Case::good(
        "over TLS",
        "query_name: www.example.test, query_type: A, dns_over_tls: true, transport_protocol: tcp, tls_config: {ca_file: $root}",
        "$dns_tls",
    ),
    Case::good(
        "over TLS to a name",
        "query_name: www.example.test, query_type: A, preferred_ip_protocol: ip4, dns_over_tls: true, transport_protocol: tcp, tls_config: {ca_file: $root}",
        "both.test:$dns_tls_port",
    ),
    Case::bad(
        "over TLS for another name",
        "query_name: www.example.test, dns_over_tls: true, transport_protocol: tcp, tls_config: {ca_file: $root, server_name: other.test}",
        "$dns_tls",
    ),
    Case::bad(
        "over TLS of an authority that is not known",
        "query_name: www.example.test, dns_over_tls: true, transport_protocol: tcp",
        "$dns_tls",
    ),
    Case::good(
        "over TLS of an authority that is not known, not asked",
        "query_name: www.example.test, query_type: A, dns_over_tls: true, transport_protocol: tcp, tls_config: {insecure_skip_verify: true}",
        "$dns_tls",
    ),
    Case::bad(
        "over TLS to a plain port",
        "query_name: www.example.test, dns_over_tls: true, transport_protocol: tcp",
        "$dns",
    )
    .differs(&[Difference::StageBudget]),
    // What is no answer.
    Case::bad(
        "garbage",
        "query_name: www.example.test, query_type: A",
        "$dns_garbage",
    ),
    Case::bad(
        "another id",
        "query_name: www.example.test, query_type: A",
        "$dns_wrong_id",
    )
    .within("1s"),
    Case::good(
        "another id, then the right one",
        "query_name: www.example.test, query_type: A",
        "$dns_late_id",
    ),
    Case::good(
        "another question",
        "query_name: www.example.test, query_type: A",
        "$dns_forged",
    )
    .within("1s")
    .differs(&[Difference::OtherQuestion]),
];
