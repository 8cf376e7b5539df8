//! What a presented chain says and what it is worth, without a socket.

#![expect(clippy::expect_used, reason = "what a test asks the lab for, it needs")]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use linkwatch::certificate::{Judged, Presented, Question, Roots, facts, judge};
use linkwatch::outcome::{ChainFacts, ChainProblem, Staple as Stapled};
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::lab::authority::issued::pem;
use crate::lab::{Authority, DAY, Flaw, HOUR, Issued, Staple};

const NAME: &str = "a.test";

#[test]
fn a_good_chain_is_trusted_until_the_first_certificate_of_its_path_ends() {
    let authority = Authority::new();
    let chain = verdict(&authority, &authority.good(NAME));
    assert_eq!(chain.problems, []);
    assert_eq!(chain.staple, Stapled::Absent);
    assert_eq!(chain.verified_until, Some(chain.certificates[0].not_after));
    assert_eq!(chain.certificates.len(), 2);
}

#[test]
fn a_certificate_tells_what_it_says() {
    let authority = Authority::new();
    let issued = authority
        .leaf(NAME)
        .also(&["*.b.test", "127.0.0.1", "::1"])
        .issue();
    let leaf = facts(issued.leaf());
    assert_eq!(leaf.subject, "CN=a.test");
    assert_eq!(leaf.issuer, "CN=Lab Intermediate,O=Lab");
    assert_eq!(leaf.issuer_name, "Lab");
    assert_eq!(leaf.names, ["a.test", "*.b.test", "127.0.0.1", "::1"]);
    assert_eq!(leaf.name_count, 4);
    assert_eq!(
        leaf.not_after,
        now(&authority) + SignedDuration::from_hours(24 * 60)
    );
    assert_eq!(leaf.fingerprint_sha256.len(), 64);
    assert!(!leaf.self_signed && !leaf.has_ca_issuers);
    assert!(facts(&authority.root()).self_signed);
}

#[test]
fn a_serial_number_keeps_its_leading_zeros() {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    params.serial_number = Some(vec![0x80, 0x0a, 0x01].into());
    let certificate = params
        .self_signed(&KeyPair::generate().expect("a key"))
        .expect("a certificate");
    assert_eq!(facts(certificate.der()).serial, "00800a01");
}

#[test]
fn special_characters_of_a_name_are_escaped_and_long_texts_cut() {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "DE");
    name.push(DnType::OrganizationName, "#1, \"Best\" + Sons\n");
    name.push(DnType::CommonName, "ü".repeat(2_000));
    let mut params = CertificateParams::new(vec![NAME.to_owned(); 150]).expect("names");
    params.distinguished_name = name;
    let certificate = params
        .self_signed(&KeyPair::generate().expect("a key"))
        .expect("a certificate");
    let facts = facts(certificate.der());
    assert!(
        facts.subject.starts_with("CN=üü") && facts.subject.len() <= 512,
        "{}",
        facts.subject
    );
    assert!(
        facts.subject.ends_with(r#",O=\#1\, \"Best\" \+ Sons\0a,C=DE"#),
        "{}",
        facts.subject
    );
    assert_eq!(facts.issuer_name, "#1, \"Best\" + Sons\\n");
    assert_eq!((facts.names.len(), facts.name_count), (100, 150));
}

#[test]
fn every_flaw_has_its_problem_and_keeps_its_facts() {
    let authority = Authority::new();
    let anchored = now(&authority);
    let hour = SignedDuration::from_secs(HOUR);
    for flaw in Flaw::ALL {
        let chain = verdict(&authority, &authority.bad(NAME, flaw));
        let expected = match flaw {
            Flaw::Expired => vec![expired(0, anchored - hour)],
            Flaw::IntermediateExpired => vec![expired(1, anchored - hour)],
            Flaw::NotYetValid => vec![ChainProblem::NotYetValid {
                position: 0,
                not_before: anchored + hour,
            }],
            Flaw::WrongName | Flaw::NoNames => vec![ChainProblem::HostnameMismatch],
            Flaw::SelfSigned | Flaw::SelfSignedAuthority => vec![ChainProblem::SelfSigned],
            Flaw::UnknownIssuer | Flaw::UnknownIssuerWithoutRoot | Flaw::MissingIntermediate => {
                vec![ChainProblem::UnknownIssuer]
            }
            Flaw::MissingIntermediateWithUrl => vec![ChainProblem::IncompleteChain { proven: false }],
            // Only the handshake can show that the key is another one.
            Flaw::OtherLeafKey => vec![],
            Flaw::DamagedSignature | Flaw::OtherIssuerKey => {
                vec![bad("a signature does not fit the key of its issuer")]
            }
            Flaw::NotForServers => vec![bad(
                "the extended key usage does not include server authentication",
            )],
            Flaw::IssuerNotAuthority => {
                vec![bad("a certificate that is not an authority's has issued another")]
            }
            Flaw::NameConstraint => vec![bad("a name constraint of an issuer is violated")],
            Flaw::UnknownCriticalExtension => vec![bad("a critical extension is unknown")],
            Flaw::BrokenEncoding => vec![bad("the encoding is broken")],
        };
        assert_eq!(chain.problems, expected, "{flaw:?}");
        let leaf = chain.leaf().expect("a leaf");
        assert_eq!(leaf.fingerprint_sha256.len(), 64, "{flaw:?}");
        if flaw != Flaw::BrokenEncoding {
            assert!(
                !leaf.issuer.is_empty() && leaf.not_after > Timestamp::UNIX_EPOCH,
                "{flaw:?}"
            );
        }
    }
}

#[test]
fn independent_faults_are_all_said_in_the_order_of_the_causes() {
    let authority = Authority::new();
    let ended = now(&authority) - SignedDuration::from_hours(1);
    let old = |name: &str| authority.leaf(name).valid(-90 * DAY, -HOUR);
    let wrong_and_expired = verdict(&authority, &old("b.test").issue());
    assert_eq!(
        wrong_and_expired.problems,
        [ChainProblem::HostnameMismatch, expired(0, ended)]
    );
    let expired_and_unknown = verdict(&Authority::named(authority.now(), "Other"), &old(NAME).issue());
    assert_eq!(
        expired_and_unknown.problems,
        [expired(0, ended), ChainProblem::UnknownIssuer]
    );
    let three = verdict(&authority, &old("b.test").self_signed());
    assert_eq!(
        three.problems,
        [
            ChainProblem::HostnameMismatch,
            expired(0, ended),
            ChainProblem::SelfSigned
        ]
    );
    let incomplete = verdict(
        &authority,
        &old(NAME).ca_issuers("http://127.0.0.1:9/").alone().issue(),
    );
    assert_eq!(
        incomplete.problems,
        [expired(0, ended), ChainProblem::IncompleteChain { proven: false }]
    );
}

#[test]
fn a_known_intermediate_proves_a_chain_incomplete_but_never_makes_it_good() {
    let authority = Authority::new();
    let issued = authority.bad(NAME, Flaw::MissingIntermediate);
    let known = [authority.intermediate()];
    let chain = ask(&authority, &issued, None, &known);
    assert_eq!(
        chain.facts.problems,
        [ChainProblem::IncompleteChain { proven: true }]
    );
    let private = authority.bad(NAME, Flaw::UnknownIssuerWithoutRoot);
    let chain = ask(&authority, &private, None, &known);
    assert_eq!(chain.facts.problems, [ChainProblem::UnknownIssuer]);
}

#[test]
fn a_leaf_that_is_itself_a_configured_anchor_is_trusted_for_its_names_while_it_is_valid() {
    let authority = Authority::new();
    for flaw in [Flaw::SelfSigned, Flaw::SelfSignedAuthority] {
        let issued = authority.bad(NAME, flaw);
        let roots = Roots::from_pem(issued.chain_pem().as_bytes()).expect("a root");
        let at = |name, now| judge_with(&issued, &roots, name, now);
        let leaf = facts(issued.leaf());
        let chain = at(NAME, now(&authority));
        assert_eq!(
            (chain.problems.len(), chain.verified_until),
            (0, Some(leaf.not_after)),
            "{flaw:?}"
        );
        assert_eq!(
            at("b.test", now(&authority)).problems,
            [ChainProblem::HostnameMismatch]
        );
        let later = leaf.not_after + SignedDuration::from_secs(1);
        assert_eq!(at(NAME, later).problems, [expired(0, leaf.not_after)]);
    }
    let pinned = authority
        .leaf(NAME)
        .usage(rcgen::ExtendedKeyUsagePurpose::ClientAuth)
        .self_signed();
    let roots = Roots::from_pem(pinned.chain_pem().as_bytes()).expect("a root");
    let chain = judge_with(&pinned, &roots, NAME, now(&authority));
    assert!(matches!(chain.problems[..], [ChainProblem::Bad(_)]), "{chain:?}");
}

#[test]
fn a_staple_is_believed_when_its_issuer_or_its_delegate_signed_it_in_time() {
    let authority = Authority::new();
    let good = authority.good(NAME);
    for staple in Staple::ALL {
        let issued = good.clone().stapled(authority.staple(&good, staple));
        let chain = verdict(&authority, &issued);
        let expected = match staple {
            Staple::Good | Staple::Delegated => Stapled::Good,
            Staple::Revoked | Staple::DelegatedRevoked => Stapled::Revoked,
            Staple::Unknown
            | Staple::RevokedExpired
            | Staple::GoodExpired
            | Staple::WronglySigned
            | Staple::NotDelegated
            | Staple::OtherCertificate
            | Staple::TryLater
            | Staple::Garbage => Stapled::Invalid,
        };
        assert_eq!(chain.staple, expected, "{staple:?}");
        let revoked = matches!(chain.problems[..], [ChainProblem::Revoked { .. }]);
        assert_eq!(
            (chain.trusted(), revoked),
            if expected == Stapled::Revoked {
                (false, true)
            } else {
                (true, false)
            }
        );
    }
}

#[test]
fn a_staple_of_a_stranger_with_the_issuers_name_proves_nothing() {
    let authority = Authority::new();
    let impostor = Authority::at(authority.now());
    let mut issued = authority.good(NAME);
    issued.chain.push(impostor.intermediate());
    let issued = issued.clone().stapled(impostor.staple(&issued, Staple::Revoked));
    assert_eq!(verdict(&authority, &issued).staple, Stapled::Invalid);
}

#[test]
fn a_revoked_certificate_that_has_also_expired_is_both() {
    let authority = Authority::new();
    let issued = authority.bad(NAME, Flaw::Expired);
    let issued = issued.clone().stapled(authority.staple(&issued, Staple::Revoked));
    let problems = verdict(&authority, &issued).problems.clone();
    assert!(
        matches!(
            problems[..],
            [ChainProblem::Expired { .. }, ChainProblem::Revoked { .. }]
        ),
        "{problems:?}"
    );
}

#[test]
fn facts_are_shared_while_nothing_changes_and_time_is_asked_again() {
    let authority = Authority::new();
    let good = authority.good(NAME);
    let issued = good.clone().stapled(authority.staple(&good, Staple::Good));
    let first = ask(&authority, &issued, None, &[]);
    let second = ask(&authority, &issued, Some(&first), &[]);
    assert!(Arc::ptr_eq(&first.facts, &second.facts));
    let later = now(&authority) + SignedDuration::from_hours(24 * 61);
    let third = judge(
        &presented(&issued),
        Some(&second),
        &Question {
            name: &name(NAME),
            roots: &roots(&authority),
            known: &[],
            now: later,
        },
    );
    assert_eq!(
        third.facts.problems,
        [expired(0, first.facts.certificates[0].not_after)]
    );
    assert_eq!(third.facts.staple, Stapled::Invalid);
    assert_eq!(third.facts.certificates, first.facts.certificates);
}

#[test]
fn a_chain_judged_again_is_judged_as_if_for_the_first_time() {
    let authority = Authority::new();
    let good = authority.good(NAME);
    let cases = [
        good.clone(),
        good.clone().stapled(authority.staple(&good, Staple::Good)),
        good.clone().stapled(authority.staple(&good, Staple::Revoked)),
        authority.bad(NAME, Flaw::IntermediateExpired),
        authority.bad(NAME, Flaw::MissingIntermediate),
    ];
    let roots = roots(&authority);
    for issued in &cases {
        let first = ask(&authority, issued, None, &[]);
        let ends = first.facts.certificates.iter();
        let dates = ends.flat_map(|read| [read.not_before, read.not_after]);
        let around = dates.flat_map(|date| [-1, 0, 1].map(|second| date + SignedDuration::from_secs(second)));
        for at in around {
            let question = Question {
                name: &name(NAME),
                roots: &roots,
                known: &[],
                now: at,
            };
            let afresh = judge(&presented(issued), None, &question);
            let again = judge(&presented(issued), Some(&first), &question);
            assert_eq!(again.facts, afresh.facts, "at {at}");
            assert_eq!(again.used, afresh.used, "at {at}");
        }
    }
}

#[test]
fn an_expired_cross_certificate_beside_the_path_does_no_harm() {
    let authority = Authority::new();
    let mut issued = authority.good(NAME);
    let stale = authority.bad(NAME, Flaw::IntermediateExpired);
    issued.chain.insert(1, stale.chain[1].clone());
    assert!(verdict(&authority, &issued).trusted());
}

#[test]
fn a_root_with_two_certificates_ends_with_the_later_one_wherever_it_stands() {
    let authority = Authority::new();
    let earlier = authority.root_until(DAY);
    let mut issued = authority.leaf(NAME).valid(-DAY, 2 * DAY).issue();
    issued.chain.push(earlier.clone());
    let (later, earlier) = (authority.root_pem(), pem("CERTIFICATE", &earlier));
    for both in [format!("{later}{earlier}"), format!("{earlier}{later}")] {
        let roots = Roots::from_pem(both.as_bytes()).unwrap();
        let chain = judge_with(&issued, &roots, NAME, now(&authority));
        assert_eq!(chain.verified_until, Some(chain.certificates[0].not_after));
        assert!(chain.certificates[2].not_after < chain.certificates[0].not_after);
    }
}

#[test]
fn only_sixteen_certificates_are_kept_and_garbage_among_them_is_recorded() {
    let authority = Authority::new();
    let mut issued = authority.good(NAME);
    issued
        .chain
        .extend((0..100_u8).map(|n| CertificateDer::from(vec![0x30, n, n])));
    let chain = verdict(&authority, &issued);
    assert_eq!(chain.certificates.len(), 16);
    assert!(chain.trusted());
    assert_eq!(chain.certificates[15].fingerprint_sha256.len(), 64);
}

#[test]
fn roots_skip_what_is_no_certificate_and_are_none_when_nothing_is_left() {
    let authority = Authority::new();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mixed = format!("{broken}{}", authority.root_pem());
    assert!(Roots::from_pem(mixed.as_bytes()).is_some());
    assert!(Roots::from_pem(broken.as_bytes()).is_none());
    assert!(Roots::from_pem(b"nothing").is_none());
}

#[test]
fn a_public_authority_is_trusted_by_default_and_the_lab_is_not() {
    let authority = Authority::new();
    let chain = judge_with(&authority.good(NAME), &Roots::public(), NAME, now(&authority));
    assert_eq!(chain.problems, [ChainProblem::UnknownIssuer]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_judged(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        survive(vec![CertificateDer::from(bytes.clone())], bytes);
    }

    #[test]
    fn a_damaged_chain_is_read_and_judged(
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        which in 0..3_usize,
    ) {
        let (chain, staple) = specimen();
        let mut parts = [chain[0].to_vec(), chain[1].to_vec(), staple];
        for (place, value) in damages {
            let place = place.index(parts[which].len());
            parts[which][place] = value;
        }
        if cut.index(4) == 0 {
            let length = cut.index(parts[which].len());
            parts[which].truncate(length);
        }
        let [leaf, issuer, staple] = parts;
        survive(vec![leaf.into(), issuer.into()], staple);
    }
}

/// A chain with a delegated staple, made once.
fn specimen() -> (Vec<CertificateDer<'static>>, Vec<u8>) {
    static SPECIMEN: std::sync::OnceLock<(Vec<CertificateDer<'static>>, Vec<u8>)> =
        std::sync::OnceLock::new();
    let made = SPECIMEN.get_or_init(|| {
        let authority = Authority::new();
        let issued = authority.leaf(NAME).ca_issuers("http://127.0.0.1:9/").issue();
        let staple = authority.staple(&issued, Staple::Delegated);
        (issued.chain, staple)
    });
    made.clone()
}

fn survive(chain: Vec<CertificateDer<'static>>, staple: Vec<u8>) {
    let judged = judge(
        &Presented { chain, staple },
        None,
        &Question {
            name: &name(NAME),
            roots: &Roots::public(),
            known: &[],
            now: Timestamp::UNIX_EPOCH,
        },
    );
    assert!(!judged.facts.trusted());
    let leaf = &judged.facts.certificates[0];
    assert!(leaf.subject.len() <= 512 && leaf.names.len() <= 100);
}

fn verdict(authority: &Authority, issued: &Issued) -> ChainFacts {
    ChainFacts::clone(&ask(authority, issued, None, &[]).facts)
}

fn ask(
    authority: &Authority,
    issued: &Issued,
    earlier: Option<&Judged>,
    known: &[CertificateDer<'_>],
) -> Judged {
    let question = Question {
        name: &name(NAME),
        roots: &roots(authority),
        known,
        now: now(authority),
    };
    judge(&presented(issued), earlier, &question)
}

fn judge_with(issued: &Issued, roots: &Roots, host: &str, now: Timestamp) -> ChainFacts {
    let question = Question {
        name: &name(host),
        roots,
        known: &[],
        now,
    };
    ChainFacts::clone(&judge(&presented(issued), None, &question).facts)
}

fn presented(issued: &Issued) -> Presented {
    let staple = issued.staple.as_deref().unwrap_or_default();
    Presented::new(issued.leaf(), &issued.chain[1..], staple)
}

fn roots(authority: &Authority) -> Roots {
    Roots::from_pem(authority.root_pem().as_bytes()).expect("a root")
}

fn name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).expect("a name")
}

/// To the second, as certificates are dated.
fn now(authority: &Authority) -> Timestamp {
    let now = Timestamp::try_from(authority.now()).expect("a date");
    Timestamp::from_second(now.as_second()).expect("a date")
}

fn expired(position: usize, not_after: Timestamp) -> ChainProblem {
    ChainProblem::Expired { position, not_after }
}

fn bad(what: &str) -> ChainProblem {
    ChainProblem::Bad(what.to_owned())
}
