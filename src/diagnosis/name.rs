//! What is to be said of a name alone, without a probe of what is behind it.

use jiff::Timestamp;

use super::target::Target;
use super::{Finding, TargetState, dns, view};
use crate::endpoint::DnsExpectation;
use crate::outcome::{Disagreement, Resolution};

/// Judges what DNS says of a name: where it leads, and every cause that holds, in causal order.
#[must_use]
pub fn judge(
    resolution: &Resolution,
    expectation: Option<&DnsExpectation>,
    now: Timestamp,
) -> (Option<TargetState>, Vec<Finding>) {
    let views = view::resolved(resolution);
    let target = expectation.map(|expectation| Target::new(expectation, resolution, now));
    let state = target.as_ref().map(|target| target.state(&views));
    let mut findings = Vec::new();
    if resolution.addresses.is_empty() {
        findings.push(dns::unresolved(resolution, &views, target.as_ref()));
    } else if let Some(target) = target.as_ref().filter(|_| state == Some(TargetState::Dangling)) {
        findings.push(target.dangling(&views));
    }
    findings.extend(target.as_ref().and_then(|target| target.drift(&views, None)));
    let standing = Disagreement::of(resolution, now);
    findings.extend(dns::disagreement(&views, target.as_ref(), standing, now));
    findings.sort_by(super::causal_order);
    (state, findings)
}
