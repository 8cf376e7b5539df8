//! What is known of an endpoint beside its probes: what its platform says, and what decides about its renewal.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::outlook::caa::Caa;
use crate::outlook::platform::CertificateState;
use crate::state::foresight::Foresight;
use crate::state::platforms::Platforms;
use crate::state::{EndpointState, Slot, State};

/// What holds for every endpoint of an answer.
#[derive(Debug)]
pub(super) struct Beside {
    platforms: Arc<Platforms>,
    foresight: Arc<Foresight>,
    now: Timestamp,
}

impl Beside {
    pub(super) fn of(state: &State, now: Timestamp) -> Self {
        Self {
            platforms: state.platforms(),
            foresight: state.foresight(),
            now,
        }
    }
}

/// What an endpoint's platform says of it.
#[derive(Debug, Serialize)]
pub(super) struct PlatformView {
    name: String,
    /// Whether the domain is in its list.
    listed: bool,
    expects: Vec<String>,
    status: Option<String>,
    reason: Option<String>,
    certificate: Option<CertificateState>,
    dns_ok: Option<bool>,
    fresh: bool,
    changed: Option<Timestamp>,
    changed_from: Vec<String>,
}

impl PlatformView {
    /// `None` where no platform says where the endpoint must lead.
    pub(super) fn of(slot: &Slot, state: Option<&EndpointState>, beside: &Beside) -> Option<Self> {
        let change = state.and_then(|state| state.target_change.as_ref());
        let said = beside.platforms.about(&slot.endpoint, change, beside.now)?;
        let domain = said.domain;
        let targets =
            |targets: &[crate::endpoint::DnsTarget]| targets.iter().map(ToString::to_string).collect();
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        Some(Self {
            name: said.platform.to_owned(),
            listed: domain.is_some(),
            expects: domain.map_or_else(Vec::new, |domain| targets(&domain.targets)),
            status: domain.and_then(|domain| text(&domain.status)),
            reason: domain.and_then(|domain| text(&domain.reason)),
            certificate: domain.map(|domain| domain.certificate),
            dns_ok: domain.and_then(|domain| domain.dns_ok),
            fresh: said.fresh,
            changed: said.change.map(|change| change.at),
            changed_from: said.change.map_or_else(Vec::new, |change| targets(&change.from)),
        })
    }
}

/// What decides whether the certificate, and the name, will be renewed.
#[derive(Debug, Serialize)]
pub(super) struct RenewalView {
    authority: Option<AuthorityView>,
    window: Option<WindowView>,
    caa: Option<CaaView>,
    registration: Option<RegistrationView>,
}

#[derive(Debug, Serialize)]
struct AuthorityView {
    name: String,
    up: Option<bool>,
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct WindowView {
    start: Timestamp,
    end: Timestamp,
    explanation: Option<String>,
}

#[derive(Debug, Serialize)]
struct CaaView {
    permits: Option<bool>,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct RegistrationView {
    domain: String,
    expiry: Option<Timestamp>,
    statuses: Vec<String>,
    observed: Timestamp,
}

impl RenewalView {
    /// All of it is null where nothing of it is looked at.
    pub(super) fn of(slot: &Slot, state: Option<&EndpointState>, beside: &Beside) -> Self {
        let outlook = slot.outlook();
        let leaf = state.and_then(|state| state.chain.as_ref()?.leaf());
        let authority = leaf.and_then(|leaf| beside.foresight.issuer(leaf));
        let foreseen = beside.foresight.about(&outlook, leaf, None, beside.now);
        Self {
            authority: authority.map(|authority| AuthorityView {
                name: authority.name.clone(),
                up: authority.up,
                problem: authority.problem.clone(),
            }),
            window: foreseen.window.map(|window| WindowView {
                start: window.start,
                end: window.end,
                explanation: window.explanation.clone(),
            }),
            caa: foreseen.caa.map(|caa| match caa {
                Caa::Permits => CaaView {
                    permits: Some(true),
                    reason: None,
                },
                Caa::Forbids(why) => CaaView {
                    permits: Some(false),
                    reason: Some(why.clone()),
                },
                Caa::Unknown(why) => CaaView {
                    permits: None,
                    reason: Some(why.clone()),
                },
            }),
            registration: foreseen.registration.map(|of| RegistrationView {
                domain: of.domain.clone(),
                expiry: of.expiry,
                statuses: of.statuses.clone(),
                observed: of.observed,
            }),
        }
    }
}
