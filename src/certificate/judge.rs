//! Everything that is wrong with a presented chain, each fault found independently of the others.
//!
//! In the good case there is one look for a path, and none when the same bytes are judged again while everything on
//! the path is valid. An expired chain is verified once more at a time at which it was valid, so that "expired" and
//! "expired and never trusted" are told apart.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::{EndEntityCert, Error};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;

use super::facts::{facts, is_dated};
use super::fault::describe;
use super::ocsp::{self, Evidence};
use super::path::{self, Path};
use super::{Presented, Roots};
use crate::outcome::{CertificateFacts, ChainFacts, ChainProblem};

/// The most times at which an untimely chain is verified again.
const MAX_MOMENTS: usize = 4;

/// What a chain is judged against.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The name or address that the leaf must be for.
    pub name: &'a ServerName<'a>,
    /// Who is trusted.
    pub roots: &'a Roots,
    /// Intermediate certificates known from elsewhere: they can prove a chain incomplete, never make it good.
    pub known: &'a [CertificateDer<'a>],
    /// The time.
    pub now: Timestamp,
}

/// A judged chain.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was seen and what it is worth.
    pub facts: Arc<ChainFacts>,
    /// The positions of the intermediates on the path that was verified; empty when none was.
    pub used: Vec<usize>,
    staple: Evidence,
    /// When everything on that path is valid: nothing but time can end the trust in the same bytes.
    window: Option<RangeInclusive<i64>>,
}

impl Judged {
    /// Its verdict, if that must be the same at another time: signatures do not change, only dates pass.
    fn still(&self, now: Timestamp) -> Option<Verdict> {
        let window = self.window.as_ref()?;
        (self.facts.trusted() && window.contains(&now.as_second())).then(|| Verdict {
            problems: Vec::new(),
            until: self.facts.verified_until,
            used: self.used.clone(),
            window: Some(window.clone()),
        })
    }
}

/// Judges a chain. `earlier` is the judgement on the very same bytes for the same name and roots: what does not
/// change with time is taken from there (of a trusted chain even the path), and the facts are shared where nothing
/// changed.
#[must_use]
pub fn judge(presented: &Presented, earlier: Option<&Judged>, question: &Question<'_>) -> Judged {
    let certificates = match earlier {
        Some(earlier) => Cow::Borrowed(&earlier.facts.certificates),
        None => Cow::Owned(presented.chain.iter().map(|der| facts(der)).collect()),
    };
    let anchors = &question.roots.anchors;
    let evidence = earlier.map(|earlier| earlier.staple);
    let evidence = evidence.unwrap_or_else(|| ocsp::read(&presented.staple, &presented.chain, anchors));
    let mut verdict = earlier
        .and_then(|earlier| earlier.still(question.now))
        .unwrap_or_else(|| Case::hear(&presented.chain, &certificates, *question));
    let (staple, revoked) = evidence.at(question.now);
    verdict
        .problems
        .extend(revoked.map(|at| ChainProblem::Revoked { at }));
    verdict.problems.sort_by_key(rank);
    let facts = match earlier {
        Some(earlier) if verdict.is_that_of(&earlier.facts) && staple == earlier.facts.staple => {
            Arc::clone(&earlier.facts)
        }
        Some(_) | None => Arc::new(ChainFacts {
            certificates: certificates.into_owned(),
            problems: verdict.problems,
            staple,
            verified_until: verdict.until,
        }),
    };
    Judged {
        facts,
        used: verdict.used,
        staple: evidence,
        window: verdict.window,
    }
}

/// The order of the causes.
const fn rank(problem: &ChainProblem) -> u8 {
    match problem {
        ChainProblem::HostnameMismatch => 0,
        ChainProblem::Expired { .. } => 1,
        ChainProblem::NotYetValid { .. } => 2,
        ChainProblem::SelfSigned => 3,
        ChainProblem::UnknownIssuer => 4,
        ChainProblem::IncompleteChain { .. } => 5,
        ChainProblem::Bad(_) => 6,
        ChainProblem::Revoked { .. } => 7,
    }
}

#[derive(Debug, Default)]
struct Verdict {
    problems: Vec<ChainProblem>,
    until: Option<Timestamp>,
    used: Vec<usize>,
    window: Option<RangeInclusive<i64>>,
}

impl Verdict {
    fn is_that_of(&self, facts: &ChainFacts) -> bool {
        self.problems == facts.problems && self.until == facts.verified_until
    }
}

/// A chain before the judge.
#[derive(Debug)]
struct Case<'a> {
    chain: &'a [CertificateDer<'static>],
    certificates: &'a [CertificateFacts],
    question: Question<'a>,
    verdict: Verdict,
}

impl<'a> Case<'a> {
    fn hear(
        chain: &'a [CertificateDer<'static>],
        certificates: &'a [CertificateFacts],
        question: Question<'a>,
    ) -> Verdict {
        let mut case = Self {
            chain,
            certificates,
            question,
            verdict: Verdict::default(),
        };
        match (chain.first(), certificates.first()) {
            (Some(leaf), Some(read)) => case.leaf(leaf, read),
            _ => case.blame(ChainProblem::Bad("no certificate was presented".to_owned())),
        }
        case.verdict
    }

    fn leaf(&mut self, leaf: &CertificateDer<'_>, read: &CertificateFacts) {
        let certificate = match EndEntityCert::try_from(leaf) {
            Ok(certificate) => certificate,
            Err(error) => return self.unusable(&error, read),
        };
        if certificate
            .verify_is_valid_for_subject_name(self.question.name)
            .is_err()
        {
            self.blame(ChainProblem::HostnameMismatch);
        }
        if self.question.roots.hold(leaf) {
            return self.pinned(leaf, read);
        }
        match self.verify(self.question.now) {
            Ok(path) => self.trusted(&path),
            Err(error @ (Error::CertExpired { .. } | Error::CertNotValidYet { .. })) => {
                self.untimely(&error, read);
            }
            Err(error) => self.untrusted(&error, read, self.question.now),
        }
    }

    fn blame(&mut self, problem: ChainProblem) {
        self.verdict.problems.push(problem);
    }

    fn verify(&self, at: Timestamp) -> Result<Path<'a>, Error> {
        let (leaf, others) = self.chain.split_first().ok_or(Error::BadDer)?;
        path::verify(leaf, others, &self.question.roots.anchors, at)
    }

    fn trusted(&mut self, path: &Path<'_>) {
        let root = self.question.roots.end_of(path.anchor);
        let used: Vec<_> = path.used.iter().map(|intermediate| intermediate + 1).collect();
        let presented: Vec<_> = std::iter::once(&0)
            .chain(&used)
            .filter_map(|position| self.certificates.get(*position))
            .collect();
        let ends = presented.iter().map(|read| read.not_after).chain(root).min();
        let begins = presented.iter().map(|read| read.not_before).max();
        let window = begins
            .zip(ends)
            .map(|(begins, ends)| begins.as_second()..=ends.as_second());
        self.verdict.window = window;
        self.verdict.until = ends;
        self.verdict.used = used;
    }

    /// A leaf that is itself a configured anchor: time and usage are all that is left to check.
    fn pinned(&mut self, leaf: &CertificateDer<'_>, read: &CertificateFacts) {
        self.out_of_time(&[0]);
        let usage = X509Certificate::from_der(leaf).ok().map(|(_, certificate)| {
            let usage = certificate.extended_key_usage().ok().flatten();
            usage.is_none_or(|usage| usage.value.any || usage.value.server_auth)
        });
        if usage == Some(false) {
            self.blame(ChainProblem::Bad(describe(&Error::EmptyEkuExtension)));
        }
        self.verdict.until = Some(read.not_after);
    }

    /// The leaf cannot even be read as TLS needs it; what its facts tell is said all the same.
    fn unusable(&mut self, error: &Error, read: &CertificateFacts) {
        self.out_of_time(&[0]);
        if read.self_signed {
            self.blame(ChainProblem::SelfSigned);
        }
        self.blame(ChainProblem::Bad(describe(error)));
    }

    /// Something on the way is out of its time: was it ever good?
    fn untimely(&mut self, error: &Error, read: &CertificateFacts) {
        let mut found = None;
        for at in self.moments(read) {
            match self.verify(at) {
                Ok(path) => {
                    let line: Vec<_> = std::iter::once(0)
                        .chain(path.used.iter().map(|one| one + 1))
                        .collect();
                    return self.out_of_time(&line);
                }
                Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }) => {}
                Err(error) => found = found.or(Some((error, at))),
            }
        }
        let before = self.verdict.problems.len();
        self.out_of_time(&path::lineage(self.chain));
        if self.verdict.problems.len() == before {
            // The fault lies on a branch beside the line of names.
            let all: Vec<_> = (0..self.chain.len()).collect();
            self.out_of_time(&all);
        }
        if self.verdict.problems.len() == before {
            // Its dates could be read there but not here: still no good.
            self.blame(ChainProblem::Bad(describe(error)));
        }
        if let Some((error, at)) = found {
            self.untrusted(&error, read, at);
        }
    }

    /// The times nearest to now at which the path may have been valid. Where its certificates share any time at all,
    /// they share the end of the one that ended first and the beginning of the one that began last.
    fn moments(&self, leaf: &CertificateFacts) -> Vec<Timestamp> {
        let now = self.question.now;
        let dated = || self.certificates.iter().filter(|read| is_dated(read));
        let ends = dated().map(|read| read.not_after).filter(|end| *end < now);
        let begins = dated().map(|read| read.not_before).filter(|begin| *begin > now);
        let mut moments: Vec<_> = ends
            .chain(begins)
            .filter(|at| (leaf.not_before..=leaf.not_after).contains(at))
            .collect();
        moments.sort_by_key(|at| at.duration_since(now).abs());
        moments.dedup();
        moments.truncate(MAX_MOMENTS);
        moments
    }

    fn out_of_time(&mut self, positions: &[usize]) {
        let now = self.question.now.as_second();
        for &position in positions {
            let Some(read) = self.certificates.get(position).filter(|read| is_dated(read)) else {
                continue;
            };
            let (not_before, not_after) = (read.not_before, read.not_after);
            if not_after.as_second() < now {
                self.blame(ChainProblem::Expired { position, not_after });
            } else if not_before.as_second() > now {
                self.blame(ChainProblem::NotYetValid { position, not_before });
            }
        }
    }

    /// There is no path, for another reason than time.
    fn untrusted(&mut self, error: &Error, read: &CertificateFacts, at: Timestamp) {
        if read.self_signed {
            self.blame(ChainProblem::SelfSigned);
            if !matches!(error, Error::UnknownIssuer | Error::CaUsedAsEndEntity) {
                self.blame(ChainProblem::Bad(describe(error)));
            }
        } else if matches!(error, Error::UnknownIssuer) {
            let problem = self.without_issuer(at);
            self.blame(problem);
        } else {
            self.blame(ChainProblem::Bad(describe(error)));
        }
    }

    /// Nobody presented leads to an anchor. The bytes alone cannot tell a missing intermediate from a private root:
    /// a known intermediate that closes the gap proves the first, the last certificate's caIssuers makes it likely.
    fn without_issuer(&self, at: Timestamp) -> ChainProblem {
        if self.is_closed_by_known(at) {
            return ChainProblem::IncompleteChain { proven: true };
        }
        let last = path::lineage(self.chain).last().copied().unwrap_or(0);
        let is_open = !self.chain.get(last).is_some_and(path::is_self_issued);
        if is_open
            && self
                .certificates
                .get(last)
                .is_some_and(|read| read.has_ca_issuers)
        {
            ChainProblem::IncompleteChain { proven: false }
        } else {
            ChainProblem::UnknownIssuer
        }
    }

    fn is_closed_by_known(&self, at: Timestamp) -> bool {
        let Some((leaf, others)) = self.chain.split_first() else {
            return false;
        };
        let known = self.question.known.iter();
        let all = others
            .iter()
            .chain(known)
            .map(|der| CertificateDer::from(der.as_ref()));
        let all: Vec<_> = all.collect();
        all.len() > others.len() && path::verify(leaf, &all, &self.question.roots.anchors, at).is_ok()
    }
}
