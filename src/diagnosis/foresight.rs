//! What will break if nothing is done: renewal, issuer, registration.

use jiff::Timestamp;

use super::Finding;
use crate::cause::Cause;
use crate::outcome::{CertificateFacts, ChainFacts, ChainProblem};
use crate::outlook::caa::Caa;
use crate::outlook::{Foreseen, renewal};

/// Everything that gives reason to warn, of an endpoint that serves this chain.
pub(super) fn findings(foreseen: &Foreseen<'_>, chain: Option<&ChainFacts>, now: Timestamp) -> Vec<Finding> {
    // A certificate of somebody else's tells nothing of the renewal of ours.
    let own = chain.filter(|chain| !chain.problems.contains(&ChainProblem::HostnameMismatch));
    let leaf = own.and_then(ChainFacts::leaf);
    let of_leaf = leaf.map(|leaf| of_leaf(foreseen, leaf, now)).unwrap_or_default();
    of_leaf.into_iter().chain(registration(foreseen, now)).collect()
}

fn of_leaf(foreseen: &Foreseen<'_>, leaf: &CertificateFacts, now: Timestamp) -> Vec<Finding> {
    let Some(issuer) = foreseen.issuer else {
        return Vec::new();
    };
    let overdue = renewal::overdue(leaf, foreseen.window, foreseen.renewed_with, now);
    let overdue = overdue.map(|(expected, actual)| Finding::new(Cause::RenewalOverdue, &expected, &actual));
    let forbidden = foreseen.caa.and_then(|caa| match caa {
        Caa::Forbids(why) => {
            let expected = format!("CAA records that permit {}", issuer.name);
            Some(Finding::new(Cause::CaaForbidsIssuer, &expected, why))
        }
        Caa::Permits | Caa::Unknown(_) => None,
    });
    // An authority that is down matters to those who need it now.
    let due = renewal::is_due(leaf, foreseen.window, foreseen.renewed_with, now);
    let down = (due && issuer.up == Some(false)).then(|| {
        let expected = format!("{} to answer, for the renewal is due", issuer.name);
        Finding::new(Cause::IssuerDown, &expected, "it does not")
    });
    overdue.into_iter().chain(forbidden).chain(down).collect()
}

fn registration(foreseen: &Foreseen<'_>, now: Timestamp) -> Option<Finding> {
    let (expected, actual) = foreseen.registration?.trouble(now)?;
    Some(Finding::new(Cause::RegistrationExpiring, &expected, &actual))
}
