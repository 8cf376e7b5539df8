//! DNS servers, and a record of every type that users have patterns for.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{RData, RecordType};

use crate::lab::{Authority, DnsLab, RawAnswer, RawDns, Says};

/// The servers; dropping them ends them.
pub(super) struct NameServers {
    _zones: [DnsLab; 2],
    _raw: Vec<RawDns>,
}

/// A record of each type at one name, as on the wire.
const RECORDS: &[(u16, &[u8])] = &[
    (1, b"\xc0\0\x02\x01"),
    (2, b"\x03a b\x04test\0"),
    (12, b"\x01a\x04test\0"),
    (13, b"\x03cpu\x02os"),
    (15, b"\0\x0a\x04Mail\x07example\x04test\0"),
    (16, b"\x04a\"b\\\x03\xc3\xbc;\0"),
    (17, b"\x01a\x04test\0\x01b\x04test\0"),
    (28, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
    (33, b"\0\x01\0\x02\0\x35\x01a\x04test\0"),
    (35, b"\0\x01\0\x02\x01s\x07SIP+D2U\0\x01a\x04test\0"),
    (39, b"\x01a\x04test\0"),
    (43, b"\x12\x34\x0d\x02\xab\xcd"),
    (44, b"\x04\x02\xab\xcd"),
    (46, b"\0\x01\x0d\x03\0\0\0\x3c\x69\x55\xb9\0\x69\x2c\xda\x80\x12\x34\x07example\x04test\0\0\x01\x02\x03"),
    (47, b"\x01b\x04test\0\0\x06\x40\0\0\0\0\x03"),
    (48, b"\x01\x01\x03\x0d\0\x01\x02\x03"),
    (
        50,
        b"\x01\0\0\x05\x02\xab\xcd\x14\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\0\x06\x40\0\0\0\0\x02",
    ),
    (51, b"\x01\0\0\0\0"),
    (52, b"\x03\x01\x01\xab\xcd"),
    (61, b"\0\x01\x02\x03"),
    (62, b"\0\0\0\x01\0\x03\0\x01\x60"),
    (63, b"\0\0\0\x01\x01\x01\xab\xcd"),
    (65, b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x20\xfb\0\x04\0\x04\x7f\0\0\x01"),
    (256, b"\0\x01\0\x02https://a.test/"),
    (257, b"\x80\x05issueca.test; a=b"),
];

/// An answer with a record, two of authority and three beside them.
fn every_section(query: &[u8]) -> Vec<Vec<u8>> {
    const COUNTS: &[u8] = &[0x85, 0x80, 0, 1, 0, 1, 0, 2, 0, 3];
    const RECORDS: &[&[u8]] = &[
        b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
        b"\xc0\x10\0\x02\0\x01\0\0\0\x3c\0\x0a\x03ns1\x04test\0",
        b"\xc0\x10\0\x02\0\x01\0\0\0\x3c\0\x0a\x03ns2\x04test\0",
        b"\x03ns1\x04test\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x02",
        b"\x03ns1\x04test\0\0\x1c\0\x01\0\0\0\x3c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02",
        b"\x03ns2\x04test\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x03",
    ];
    let question = query.get(12..).unwrap_or_default();
    vec![[&query[..2], COUNTS, question, &RECORDS.concat()].concat()]
}

/// Starts the servers and names them.
pub(super) async fn start(authority: &Authority, values: &mut BTreeMap<&'static str, String>) -> NameServers {
    let issued = authority.leaf("127.0.0.1").also(&["both.test"]).issue();
    let zone = DnsLab::spec().tls(issued).start().await;
    zone.soa("example.test");
    zone.a("www.example.test", &["192.0.2.1", "192.0.2.2"]);
    zone.a("cut.example.test", &["192.0.2.1"]);
    zone.cname("alias.example.test", "www.example.test");
    for (name, says) in [
        ("silent.example.test", Says::Silent),
        ("cut.example.test", Says::Truncated),
        ("fails.example.test", Says::ServFail(None)),
        ("refused.example.test", Says::Refused),
    ] {
        zone.says(name, says);
    }
    for (code, bytes) in RECORDS {
        let record = RecordType::from(*code);
        let data = RData::Unknown {
            code: record,
            rdata: NULL::with(bytes.to_vec()),
        };
        zone.set("one.example.test", record, 60, vec![data]);
    }
    values.insert("dns", zone.addr().to_string());
    values.insert("dns_port", zone.addr().port().to_string());
    values.insert("dns_tls", zone.tls_addr().to_string());
    values.insert("dns_tls_port", zone.tls_addr().port().to_string());
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let other_family = DnsLab::spec().at(six).start().await;
    other_family.copy_records(&zone);
    values.insert("dns_six_port", other_family.addr().port().to_string());
    let mut raw = Vec::new();
    for (name, answer) in [
        ("dns_sections", RawAnswer::Custom(Arc::new(every_section))),
        ("dns_garbage", RawAnswer::Garbage),
        ("dns_wrong_id", RawAnswer::WrongId),
        ("dns_late_id", RawAnswer::WrongIdThenRight),
        ("dns_forged", RawAnswer::ForgedQuestion),
    ] {
        let server = RawDns::start(answer).await;
        values.insert(name, server.addr().to_string());
        raw.push(server);
    }
    NameServers {
        _zones: [zone, other_family],
        _raw: raw,
    }
}
