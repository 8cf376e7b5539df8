//! Judgements on chains that were seen before: an endpoint presents the same bytes at every probe.
//!
//! What a chain says is read once; whether it is still trusted is asked again every time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use crate::certificate::{Judged, Presented};
use crate::outcome::CertificateFacts;

/// The most judgements of a generation.
const MAX_ENTRIES: usize = 8_192;

/// The most bytes of facts of a generation, roughly counted.
const MAX_BYTES: usize = 16 << 20;

/// What a judgement takes beside its texts, in bytes, roughly.
const FIXED_BYTES: usize = 512;

/// Names presented bytes: SHA-256 over the server's name, the staple and the chain.
pub(super) type Key = [u8; 32];

/// Remembers in two generations: when the younger is full, the older is forgotten. So what is in use stays, and what
/// was seen once goes, without a date on every entry.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    younger: HashMap<Key, Judged>,
    older: HashMap<Key, Judged>,
    /// Of the younger.
    bytes: usize,
}

impl Memory {
    /// The earlier judgement on the same bytes for the same name.
    pub(super) fn recall(&self, key: &Key) -> Option<Judged> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(judged) = generations.younger.get(key) {
            return Some(judged.clone());
        }
        let judged = generations.older.remove(key)?;
        generations.keep(*key, judged.clone());
        Some(judged)
    }

    /// Keeps a judgement in place of an earlier one.
    pub(super) fn keep(&self, key: Key, judged: Judged) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(key, judged);
    }
}

impl Generations {
    fn keep(&mut self, key: Key, judged: Judged) {
        let bytes = weight(&judged);
        if self.younger.len() >= MAX_ENTRIES || self.bytes + bytes > MAX_BYTES {
            self.older = std::mem::take(&mut self.younger);
            self.bytes = 0;
        }
        if self.younger.insert(key, judged).is_none() {
            self.bytes += bytes;
        }
    }
}

fn weight(judged: &Judged) -> usize {
    judged.facts.certificates.iter().map(certificate_weight).sum()
}

fn certificate_weight(facts: &CertificateFacts) -> usize {
    let names: usize = facts
        .names
        .iter()
        .map(|name| size_of::<String>() + name.len())
        .sum();
    FIXED_BYTES + names + facts.subject.len() + facts.issuer.len() + facts.issuer_name.len()
}

/// The key of what a server of this name presented.
pub(super) fn key(name: &str, presented: &Presented) -> Key {
    let mut context = Context::new(&SHA256);
    let certificates = presented.chain.iter().map(AsRef::as_ref);
    for part in [name.as_bytes(), &presented.staple]
        .into_iter()
        .chain(certificates)
    {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rustls_pki_types::{CertificateDer, ServerName};

    use super::*;
    use crate::certificate::{Question, Roots, judge};

    #[test]
    fn what_is_in_use_stays_and_what_was_seen_once_goes() {
        let memory = Memory::default();
        let judged = judged();
        memory.keep(numbered(0), judged.clone());
        for number in 1..50_000 {
            memory.keep(numbered(number), judged.clone());
            if number % 1_000 == 0 {
                assert!(memory.recall(&numbered(0)).is_some());
            }
        }
        assert!(memory.recall(&numbered(1)).is_none());
        let generations = memory.0.lock().unwrap();
        assert!(generations.younger.len() + generations.older.len() <= 2 * MAX_ENTRIES);
    }

    #[test]
    fn large_facts_leave_room_for_fewer() {
        let memory = Memory::default();
        let mut judged = judged();
        let mut facts = judged.facts.as_ref().clone();
        facts.certificates[0].names = vec!["x".repeat(253); 100];
        judged.facts = facts.into();
        for number in 0..5_000 {
            memory.keep(numbered(number), judged.clone());
        }
        let generations = memory.0.lock().unwrap();
        assert!((generations.younger.len() + generations.older.len()) * 25_300 <= 2 * MAX_BYTES);
    }

    #[test]
    fn a_key_depends_on_every_part_and_on_where_it_ends() {
        let presented = |parts: [&[u8]; 2], staple: &[u8]| Presented {
            chain: parts.map(|part| CertificateDer::from(part.to_vec())).to_vec(),
            staple: staple.to_vec(),
        };
        let keys = [
            key("a.test", &presented([b"12", b"3"], b"")),
            key("a.test", &presented([b"1", b"23"], b"")),
            key("a.test", &presented([b"12", b"3"], b"4")),
            key("b.test", &presented([b"12", b"3"], b"")),
        ];
        for (position, one) in keys.iter().enumerate() {
            assert!(!keys[..position].contains(one));
        }
    }

    fn numbered(number: u32) -> Key {
        let mut key = Key::default();
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    }

    fn judged() -> Judged {
        let presented = Presented {
            chain: vec![CertificateDer::from(vec![0x30, 0])],
            staple: Vec::new(),
        };
        let question = Question {
            name: &ServerName::try_from("a.test").unwrap(),
            roots: &Roots::public(),
            known: &[],
            now: Timestamp::UNIX_EPOCH,
        };
        judge(&presented, None, &question)
    }
}
