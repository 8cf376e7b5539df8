//! What becomes of a slow look: state, what is kept, and a log line for each change.

use std::sync::Arc;

use super::{Recorder, keeper};
use crate::outlook::caa::Caa;
use crate::outlook::feed::{Feed, Report};
use crate::outlook::registration::Registration;
use crate::outlook::renewal::Window;
use crate::state::Slot;
use crate::state::foresight::Outlook;
use crate::text::bounded;

impl Recorder {
    /// Makes known whether an authority answers, and what is wrong with it.
    pub fn authority(&self, name: &str, problem: Option<&str>) {
        let problem = problem.map(bounded);
        let before = self.state.change_foresight(|foresight| {
            let mut after = foresight.clone();
            let authority = after
                .authorities
                .iter_mut()
                .find(|authority| authority.name == name);
            if let Some(authority) = authority {
                authority.up = Some(problem.is_none());
                authority.problem.clone_from(&problem);
            }
            after
        });
        let before = before.authorities.iter().find(|authority| authority.name == name);
        match (before.map(|before| before.up), &problem) {
            (Some(Some(true) | None), Some(problem)) => {
                tracing::error!(
                    authority = name,
                    problem,
                    "the certificate authority does not answer"
                );
            }
            (Some(Some(false)), None) => {
                tracing::info!(authority = name, "the certificate authority answers again");
            }
            (Some(Some(true) | None), None) | (Some(Some(false)), Some(_)) | (None, _) => {}
        }
    }

    /// Makes known what a status page says, or why it says nothing; gives all that is known of it now.
    pub fn feed(&self, name: &str, look: Result<Report, String>) -> Option<Feed> {
        let now = self.clock.now();
        let before = self
            .state
            .foresight()
            .feeds
            .iter()
            .find(|feed| feed.name == name)?
            .clone();
        let after = before.clone().after(look, now);
        if before.report != after.report {
            let (indicator, headline) = (after.report.indicator.as_str(), &after.report.headline);
            tracing::info!(
                feed = name,
                indicator,
                headline,
                "the status page says something else"
            );
        }
        if let (None, Some(problem)) = (&before.problem, &after.problem) {
            tracing::warn!(
                feed = name,
                problem,
                "the status page cannot be read: its last word stays"
            );
        }
        self.state.change_foresight(|foresight| {
            let mut changed = foresight.clone();
            let feeds = changed.feeds.iter_mut().filter(|feed| feed.name == name);
            feeds.for_each(|feed| feed.clone_from(&after));
            changed
        });
        Some(after)
    }

    /// Makes known when an endpoint's certificate should be renewed.
    pub fn renewal_window(&self, slot: &Slot, window: Option<Window>) {
        if let Some(window) = &window
            && slot.outlook().window.as_ref() != Some(window)
        {
            tracing::info!(endpoint = %slot.endpoint.name, start = %window.start, end = %window.end,
                explanation = window.explanation, "the authority says when to renew");
        }
        change(slot, |outlook| outlook.window = window);
    }

    /// Makes known whether the issuer of an endpoint's certificate may renew it.
    pub fn caa(&self, slot: &Slot, caa: Caa) {
        if slot.outlook().caa.as_ref() != Some(&caa) {
            match &caa {
                Caa::Forbids(why) => {
                    tracing::warn!(endpoint = %slot.endpoint.name, why, "CAA forbids the issuer");
                }
                Caa::Unknown(why) => {
                    tracing::warn!(endpoint = %slot.endpoint.name, why, "CAA cannot be told");
                }
                Caa::Permits => {
                    tracing::debug!(endpoint = %slot.endpoint.name, "CAA permits the issuer");
                }
            }
            change(slot, |outlook| outlook.caa = Some(caa));
        }
    }

    /// Makes known what domain an endpoint's host is registered under.
    pub fn registered_under(&self, slot: &Slot, domain: &str) {
        if slot.outlook().domain.as_deref() != Some(domain) {
            change(slot, |outlook| outlook.domain = Some(domain.to_owned()));
        }
    }

    /// Makes known what a registry says.
    pub fn registration(&self, registration: Registration) {
        let registration = Arc::new(registration);
        self.send(keeper::Kept::Registration(Arc::clone(&registration)));
        self.state.change_foresight(|foresight| {
            let mut after = foresight.clone();
            let domain = registration.domain.clone();
            after.registrations.insert(domain, Arc::clone(&registration));
            after
        });
    }

    /// A look at a registration has come to nothing: what was learnt before ages.
    pub fn no_registration(&self, domain: &str, problem: &str) {
        tracing::warn!(
            domain,
            problem,
            "the registration cannot be looked up: it is unknown"
        );
    }

    /// A configuration names these authorities, each with what its certificates call it; what an earlier run knew of
    /// registrations is taken over.
    pub fn foresight_replaced(
        &self,
        authorities: &[(String, Vec<String>)],
        feeds: &[String],
        registrations: bool,
        remembered: &[Arc<Registration>],
    ) {
        self.state.change_foresight(|before| {
            let mut after = before.succeed(authorities, feeds, registrations);
            for registration in remembered.iter().filter(|_| registrations) {
                after
                    .registrations
                    .entry(registration.domain.clone())
                    .or_insert_with(|| Arc::clone(registration));
            }
            after
        });
    }
}

fn change(slot: &Slot, change: impl FnOnce(&mut Outlook)) {
    let mut outlook = Outlook::clone(&slot.outlook());
    change(&mut outlook);
    slot.foresee(outlook);
}
