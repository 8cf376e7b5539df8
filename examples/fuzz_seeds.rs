//! Writes what the fuzzers begin with: answers, certificates and configurations as the lab knows them.
//!
//! ```text
//! cargo run --example fuzz_seeds -- fuzz/corpus
//! ```

#![expect(
    clippy::expect_used,
    reason = "a seed that cannot be made stops the fuzzing before it begins"
)]

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use it::lab::{Authority, Flaw, Issued, Staple};

/// The lab that the tests use.
#[path = "../tests/it"]
pub mod it {
    pub mod lab;
}

/// 2026-06-01: the certificates' dates are counted from here, so that they mean the same in every run.
const NOW: Duration = Duration::from_secs(1_780_272_000);

fn main() {
    let folder = std::env::args().nth(1).expect("a folder to write to");
    let folder = Path::new(&folder);
    write(&folder.join("dns"), dns());
    write(&folder.join("certificate"), certificates());
}

fn write(folder: &Path, seeds: Vec<Vec<u8>>) {
    std::fs::create_dir_all(folder).expect("a folder for the seeds");
    for (number, seed) in seeds.into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:03}")), seed).expect("write a seed");
    }
}

fn certificates() -> Vec<Vec<u8>> {
    let authority = Authority::at(SystemTime::UNIX_EPOCH + NOW);
    let good = authority.good("a.test");
    let flawed = Flaw::ALL.map(|flaw| authority.bad("a.test", flaw));
    let stapled = Staple::ALL.map(|staple| good.clone().stapled(authority.staple(&good, staple)));
    let seed = |issued: &Issued| parts(&authority, issued);
    let single = [good.leaf().to_vec(), authority.intermediate().to_vec()];
    let all = std::iter::once(&good).chain(&flawed).chain(&stapled);
    all.map(seed).chain(single).collect()
}

/// A staple, the chain, the root: each with its length before it.
fn parts(authority: &Authority, issued: &Issued) -> Vec<u8> {
    let staple = issued.staple.clone().unwrap_or_default();
    let chain = issued.chain.iter().map(|der| der.to_vec());
    let mut bytes = Vec::new();
    for part in std::iter::once(staple)
        .chain(chain)
        .chain([authority.root().to_vec()])
    {
        let length = u16::try_from(part.len()).expect("a short certificate");
        bytes.extend(length.to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

fn dns() -> Vec<Vec<u8>> {
    let asked = name("a.test.");
    let far = name("b.platform.test.");
    let v4 = RData::A(A(Ipv4Addr::new(192, 0, 2, 1)));
    let v6 = RData::AAAA(AAAA("2001:db8::1".parse().expect("an address")));
    let to = |target: &Name| RData::CNAME(CNAME(target.clone()));
    let soa = SOA::new(asked.clone(), far.clone(), 1, 3600, 600, 86400, 300);
    let mut seeds = vec![
        answer(ResponseCode::NoError, RecordType::A, vec![(&asked, v4.clone())]),
        answer(ResponseCode::NoError, RecordType::AAAA, vec![(&asked, v6)]),
        answer(
            ResponseCode::NoError,
            RecordType::A,
            vec![(&asked, to(&far)), (&far, v4)],
        ),
        answer(
            ResponseCode::NXDomain,
            RecordType::A,
            vec![(&asked, to(&far)), (&far, to(&asked))],
        ),
        answer(ResponseCode::Refused, RecordType::A, Vec::new()),
    ];
    let mut denied = answer(ResponseCode::NXDomain, RecordType::A, Vec::new());
    denied.add_authority(Record::from_rdata(asked.clone(), 300, RData::SOA(soa)));
    seeds.push(denied);
    let mut bogus = answer(ResponseCode::ServFail, RecordType::A, Vec::new());
    let mut edns = Edns::new();
    edns.options_mut()
        .insert(EdnsOption::Unknown(15, vec![0, 6, b'n', b'o']));
    bogus.set_edns(edns);
    seeds.push(bogus);
    seeds
        .iter()
        .map(|seed| seed.to_vec().expect("encode an answer"))
        .collect()
}

fn answer(code: ResponseCode, kind: RecordType, records: Vec<(&Name, RData)>) -> Message {
    let mut message = Message::new(1, MessageType::Response, OpCode::Query);
    message.metadata.response_code = code;
    message.add_query(Query::query(name("a.test."), kind));
    for (owner, data) in records {
        message.add_answer(Record::from_rdata(owner.clone(), 60, data));
    }
    message
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}
