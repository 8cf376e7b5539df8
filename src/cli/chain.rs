//! A certificate chain for people: who vouches for whom, and how much of each life is left.

use jiff::{SignedDuration, Timestamp};

use super::terminal::{BAD, DIM, GOOD, PLAIN, Sheet, Span, WARNING, bar, styled};
use crate::outcome::{CertificateFacts, ChainFacts, ChainProblem};
use crate::outlook::renewal;

/// Columns of a certificate's place in its chain.
const POSITION: usize = 3;

/// Cells of a life bar.
const CELLS: usize = 24;

/// Less of a life than this is shown as a warning: by then an ACME client has renewed.
const LOW: f64 = 1.0 / 3.0;

/// What is wrong with a chain, in words; empty of one that is trusted.
pub(super) fn problems(chain: &ChainFacts) -> Vec<String> {
    chain.problems.iter().map(problem).collect()
}

fn problem(problem: &ChainProblem) -> String {
    let who = |position: &usize| match position {
        0 => "the certificate".to_owned(),
        position => format!("intermediate {position}"),
    };
    match problem {
        ChainProblem::HostnameMismatch => "it is not for this name".to_owned(),
        ChainProblem::Expired { position, not_after } => {
            format!("{} ended {}", who(position), date(*not_after))
        }
        ChainProblem::NotYetValid { position, not_before } => {
            format!("{} begins {}", who(position), date(*not_before))
        }
        ChainProblem::SelfSigned => "it is signed by itself".to_owned(),
        ChainProblem::UnknownIssuer => "no trusted authority vouches for it".to_owned(),
        ChainProblem::IncompleteChain { proven: true } => {
            "an intermediate certificate is missing: with one known from elsewhere it is valid".to_owned()
        }
        ChainProblem::IncompleteChain { proven: false } => {
            "an intermediate certificate seems to be missing".to_owned()
        }
        ChainProblem::Bad(what) => what.clone(),
        ChainProblem::Revoked { at } => format!("its issuer revoked it on {}", date(*at)),
    }
}

/// One word of the whole, and why.
pub(super) fn verdict(chain: &ChainFacts) -> Span<'static> {
    if chain.trusted() {
        let until = chain
            .verified_until
            .map_or_else(String::new, |until| format!(" until {}", date(until)));
        styled(GOOD, format!("trusted{until}"))
    } else {
        styled(BAD, format!("not trusted: {}", problems(chain).join("; ")))
    }
}

/// A row for the whole, and two for each certificate.
pub(super) fn write(sheet: &mut Sheet, label: usize, chain: &ChainFacts, now: Timestamp) {
    sheet.row((PLAIN, "chain"), label, &[verdict(chain)]);
    for (position, certificate) in chain.certificates.iter().enumerate() {
        let issuer = format!("  by {}", named(&certificate.issuer, &certificate.issuer_name));
        sheet.row(
            (PLAIN, &format!("{:label$}{position}", "")),
            label + POSITION,
            &[subject(certificate).into(), styled(DIM, issuer)],
        );
        sheet.row((PLAIN, ""), label + POSITION, &life(certificate, now));
    }
}

/// A bar of what is left of its life, and the same in words.
pub(super) fn life(certificate: &CertificateFacts, now: Timestamp) -> [Span<'static>; 2] {
    let left = renewal::left(certificate, now).unwrap_or(0.0);
    let style = if left <= 0.0 {
        BAD
    } else if left < LOW {
        WARNING
    } else {
        GOOD
    };
    let whole = certificate.not_after.duration_since(certificate.not_before);
    let dates = format!(
        "{} to {}",
        day(certificate.not_before),
        day(certificate.not_after)
    );
    let words = if certificate.not_before > now {
        let until = certificate.not_before.duration_since(now);
        format!("begins in {}", span(until))
    } else if left <= 0.0 {
        format!("ended {} ago", span(now.duration_since(certificate.not_after)))
    } else {
        format!(
            "{:.0} % of {} left: {}",
            left * 100.0,
            span(whole),
            span(certificate.not_after.duration_since(now))
        )
    };
    [
        styled(style, bar(left, CELLS)),
        format!("  {words}, {dates}").into(),
    ]
}

/// Whom it is for: its first name, and how many more there are.
pub(super) fn subject(certificate: &CertificateFacts) -> String {
    match certificate.names.as_slice() {
        [] => certificate.subject.clone(),
        [one] => one.clone(),
        [first, ..] => format!("{first} and {} more", certificate.name_count - 1),
    }
}

/// The whole name where it says more than the short one.
pub(super) fn named(whole: &str, short: &str) -> String {
    if whole.is_empty() { short } else { whole }.to_owned()
}

/// A time to the minute.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// A span in the unit in which it is spoken of.
pub(super) fn span(duration: SignedDuration) -> String {
    let hours = duration.as_hours().abs();
    match hours {
        0 => count(duration.as_mins().abs(), "minute"),
        1..48 => count(hours, "hour"),
        _ => count(hours / 24, "day"),
    }
}

fn count(number: i64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}
