//! CAA: a table of cases from the RFCs, asked of a real DNS server and judged.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use hickory_proto::rr::rdata::CAA;
use hickory_proto::rr::{RData, RecordType};
use linkwatch::outlook::caa::{Caa, judge};
use linkwatch::probe::dns::{Resolver, Server, Settings};
use serde::Deserialize;
use tokio::time::Instant;

use crate::lab::{DnsLab, Says};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    host: String,
    zone: BTreeMap<String, Zone>,
    caa: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Zone {
    Records(Vec<String>),
    Word(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wanted {
    Word(String),
    Text(BTreeMap<String, String>),
}

impl Wanted {
    fn verdict(&self) -> Caa {
        match self {
            Self::Word(word) if word == "permits" => Caa::Permits,
            Self::Text(text) => match text.first_key_value().unwrap() {
                (kind, why) if kind == "forbids" => Caa::Forbids(why.clone()),
                (kind, why) if kind == "unknown" => Caa::Unknown(why.clone()),
                (kind, _) => panic!("no verdict {kind}"),
            },
            Self::Word(word) => panic!("no verdict {word}"),
        }
    }
}

/// `tag "value"`, critical with an exclamation mark before it.
fn record(text: &str) -> RData {
    let (tag, value) = text.split_once(' ').unwrap();
    let mut caa = CAA::new_issue(tag.starts_with('!'), None, Vec::new());
    tag.trim_start_matches('!').clone_into(&mut caa.tag);
    caa.value = value.trim_matches('"').as_bytes().to_vec();
    RData::CAA(caa)
}

#[tokio::test]
async fn caa_is_judged_as_the_table_of_cases_says() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("../scenarios/caa.yaml")).unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let dns = DnsLab::start().await;
        for (name, zone) in &case.zone {
            match zone {
                Zone::Records(records) if records.is_empty() => dns.a(name, &["192.0.2.1"]),
                Zone::Records(records) => {
                    let records = records.iter().map(|text| record(text)).collect();
                    dns.set(name, RecordType::CAA, 60, records);
                }
                Zone::Word(word) => match word.strip_prefix("> ") {
                    Some(target) => dns.cname(name, target),
                    None => dns.says(name, Says::ServFail(None)),
                },
            }
        }
        let resolver = Resolver::new(Settings {
            servers: vec![Server::Udp(dns.addr())],
            ..Settings::default()
        });
        let answers = resolver
            .caa(&case.host, Instant::now() + Duration::from_secs(10))
            .await;
        let verdict = judge(&answers, &case.host, &["ca.example.net".to_owned()]);
        assert_eq!(verdict, case.caa.verdict(), "{}: {answers:?}", case.name);
    }
}
