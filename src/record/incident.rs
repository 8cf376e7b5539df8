//! What becomes of a change of what is shown: the incidents that it is part of.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Recorder, keeper};
use crate::cause::Cause;
use crate::diagnosis::{Finding, Standing};
use crate::endpoint::{Endpoint, EndpointName};
use crate::incident::{Book, Changed, Incident, Sighting};
use crate::state::{Catalogue, EndpointState};

impl Recorder {
    /// Goes on with the incidents of an earlier run.
    pub fn remember_incidents(&self, incidents: Vec<Incident>) {
        *self.state.book() = Book::remember(incidents);
    }

    /// Takes in what is shown of an endpoint after a probe that began at `at`, where it is not what was shown before.
    pub(super) fn note_incident(
        &self,
        endpoint: &Endpoint,
        before: Option<&EndpointState>,
        after: &EndpointState,
        at: Timestamp,
    ) {
        if before.map(essence) == Some(essence(after)) {
            return;
        }
        // An outage began with its first failed probe, not with the one that confirmed it.
        let went_down = after.up == Some(false) && before.is_none_or(|before| before.up != Some(false));
        let at = after.since.filter(|_| went_down).unwrap_or(at);
        if let Some(sighting) = sighting(endpoint, after, at) {
            let changed = self.state.book().note(&sighting);
            self.keep_incidents(changed);
        }
    }

    /// Whether this vantage point sees anything at all.
    pub(super) fn note_vantage(&self, up: bool) {
        let offline = Finding::new(Cause::VantageOffline, "an answer of any anchor", "none");
        let now = self.clock.now();
        let changed = self.state.book().note_own(&offline, !up, now);
        self.keep_incidents(changed);
    }

    /// An endpoint is not watched any more.
    pub(super) fn forget_incident(&self, name: &EndpointName) {
        let changed = self.state.book().forget(name, self.clock.now());
        self.keep_incidents(changed);
    }

    /// What stood before a restart stands until a probe says otherwise; what nothing is known of any more is over.
    pub(super) fn resume_incidents(&self, catalogue: &Catalogue) {
        let now = self.clock.now();
        let mut book = self.state.book();
        let mut changes = Vec::new();
        for slot in &catalogue.slots {
            if let Some(state) = slot.current()
                && let Some(sighting) = sighting(&slot.endpoint, &state, now)
            {
                changes.push(book.note(&sighting));
            }
        }
        changes.push(book.settle(now));
        drop(book);
        for changed in changes {
            self.keep_incidents(changed);
        }
    }

    fn keep_incidents(&self, changed: Changed) {
        for incident in changed.written {
            log(&incident);
            self.send(keeper::Kept::Incident(incident));
        }
        for id in changed.forgotten {
            self.send(keeper::Kept::Past(id));
        }
    }
}

/// What an incident is told by.
fn essence(state: &EndpointState) -> (Option<bool>, Option<Standing>, Option<Cause>) {
    let verdict = state.verdict.as_deref();
    let root = verdict.and_then(|verdict| verdict.root.as_ref());
    (
        state.up,
        verdict.map(|verdict| verdict.standing),
        root.map(|root| root.cause),
    )
}

/// What is shown of an endpoint; `None` while nothing can be said of it, which neither begins nor ends anything.
fn sighting<'a>(endpoint: &'a Endpoint, state: &'a EndpointState, at: Timestamp) -> Option<Sighting<'a>> {
    let verdict = state.verdict.as_deref()?;
    if verdict.standing == Standing::Unknown {
        return None;
    }
    Some(Sighting {
        name: &endpoint.name,
        group: &endpoint.group.name,
        root: verdict.root.as_ref(),
        down: state.up == Some(false),
        at,
    })
}

/// One line when an incident ends: how long it lasted. Its beginning is told endpoint by endpoint.
fn log(incident: &Arc<Incident>) {
    let Some(ended) = incident.ended else {
        return;
    };
    let group = incident.group.as_ref().map(tracing::field::display);
    tracing::info!(
        incident = incident.id,
        group,
        cause = %incident.cause,
        endpoints = incident.affected,
        down = incident.down,
        seconds = ended.duration_since(incident.began).as_secs(),
        "the incident is over"
    );
}
