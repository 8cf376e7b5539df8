//! What the platform says of a domain, held against what DNS says.

use super::{Finding, TargetState, text};
use crate::cause::Cause;
use crate::outlook::platform::{CertificateState, Statement, TargetChange};

/// What a probe saw of where the name leads.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) host: &'a str,
    /// The targets that the platform expects now.
    pub(super) expected: String,
    pub(super) state: Option<TargetState>,
    pub(super) drift: Option<&'a Finding>,
}

/// Everything that the platform's word gives reason to warn of.
pub(super) fn findings(says: &Statement<'_>, seen: &Seen<'_>) -> Vec<Finding> {
    let changed = says.change.and_then(|change| target_changed(says, change, seen));
    changed
        .into_iter()
        .chain(missing(says, seen))
        .chain(certificate_failing(says))
        .collect()
}

/// The platform expects another target than before, and DNS has not followed.
///
/// Where addresses cannot tell the two targets apart, the platform's own look at DNS does.
fn target_changed(says: &Statement<'_>, change: &TargetChange, seen: &Seen<'_>) -> Option<Finding> {
    let followed = match seen.state {
        Some(TargetState::Match) => true,
        Some(TargetState::Unverifiable) => says.domain.is_some_and(|domain| domain.dns_ok == Some(true)),
        Some(TargetState::Drift | TargetState::Dangling) | None => false,
    };
    if followed {
        return None;
    }
    let before = || text::list(change.from.iter().map(ToString::to_string));
    let actual = seen.drift.map_or_else(before, |drift| drift.actual.clone());
    Some(Finding::new(
        Cause::PlatformTargetChanged,
        &seen.expected,
        &actual,
    ))
}

fn missing(says: &Statement<'_>, seen: &Seen<'_>) -> Option<Finding> {
    if says.domain.is_some() || !says.fresh {
        return None;
    }
    let expected = format!("{} among the domains of {}", seen.host, says.platform);
    Some(Finding::new(
        Cause::PlatformDomainMissing,
        &expected,
        "the platform does not list it",
    ))
}

fn certificate_failing(says: &Statement<'_>) -> Option<Finding> {
    let domain = says.domain.filter(|_| says.fresh)?;
    if domain.certificate != CertificateState::Failing {
        return None;
    }
    let actual = if domain.reason.is_empty() {
        domain.status.clone()
    } else {
        format!("{}: {}", domain.status, domain.reason)
    };
    let expected = format!("a certificate from {}", says.platform);
    Some(Finding::new(
        Cause::PlatformCertificateFailing,
        &expected,
        &actual,
    ))
}
