//! Whatever a server presents becomes facts and a verdict, the same one each time.
//!
//! The input is a list of parts, each with its length before it in two bytes: a staple, then the certificates, the
//! last of which is trusted. `examples/fuzz_seeds.rs` writes inputs of this form.
#![no_main]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use linkwatch::certificate::{Presented, Question, Roots, facts, judge};
use linkwatch::outcome::{CertificateFacts, ChainFacts, Staple};
use rustls_pki_types::{CertificateDer, ServerName};

/// 2026-06-01, the date of the seeds.
const NOW: i64 = 1_780_272_000;

fuzz_target!(|bytes: &[u8]| {
    check_certificate(&facts(bytes));
    let mut parts = parts(bytes);
    if parts.len() < 2 {
        return;
    }
    let staple = parts.remove(0);
    let certificates: Vec<_> = parts.into_iter().map(CertificateDer::from).collect();
    let Some((last, others)) = certificates.split_last() else { return };
    let Some((leaf, rest)) = certificates.split_first() else { return };
    let presented = Presented::new(leaf, if others.is_empty() { rest } else { &others[1..] }, staple);
    let Ok(name) = ServerName::try_from("a.test") else { return };
    let pem = pem(last);
    for roots in [Roots::from_pem(pem.as_bytes()), Some(Roots::public())].into_iter().flatten() {
        for now in [NOW, 0, NOW + 10_000_000_000] {
            let Ok(now) = Timestamp::from_second(now) else { continue };
            let question = Question {
                name: &name,
                roots: &roots,
                known: &certificates,
                now,
            };
            let first = judge(&presented, None, &question);
            check(&first.facts);
            let again = judge(&presented, Some(&first), &question);
            assert_eq!(first.facts, again.facts, "a judgement changes when it is made again");
        }
    }
});

fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, rest) = rest.split_at(length);
        parts.push(part);
        bytes = rest;
    }
    parts
}

fn pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn check(chain: &ChainFacts) {
    assert!(!chain.trusted() || chain.verified_until.is_some());
    assert!(!chain.trusted() || chain.staple != Staple::Revoked);
    chain.certificates.iter().for_each(check_certificate);
}

fn check_certificate(facts: &CertificateFacts) {
    assert_eq!(facts.fingerprint_sha256.len(), 64);
    assert!(facts.names.len() <= 100 && facts.names.len() <= facts.name_count);
    assert!(facts.serial.len() <= 128);
    let texts = [&facts.subject, &facts.issuer, &facts.issuer_name];
    for text in texts.into_iter().chain(&facts.names) {
        assert!(text.len() <= 512, "{} bytes of text", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
