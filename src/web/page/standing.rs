//! What a page says of an endpoint in one word, and what that rests on.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::cause::{Cause, Effect};
use crate::diagnosis::{Finding, Verdict};
use crate::state::{Catalogue, EndpointState, Slot};

/// What is not probed for so many intervals is not known any more.
const STALE_AFTER: i32 = 3;

/// One word, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::web) enum Standing {
    Down,
    Warned,
    Unknown,
    Up,
}

impl Standing {
    pub(in crate::web) const ALL: [Self; 4] = [Self::Down, Self::Warned, Self::Unknown, Self::Up];

    /// On pages, in badges and in the address of a page.
    pub(in crate::web) const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Warned => "warning",
            Self::Unknown => "unknown",
            Self::Up => "up",
        }
    }

    /// For those who do not see the colour.
    const fn sign(self) -> &'static str {
        match self {
            Self::Down => "✕",
            Self::Warned => "!",
            Self::Unknown => "?",
            Self::Up => "✓",
        }
    }

    /// The word in its colour.
    pub(super) fn pill(self) -> Markup {
        html! { span class={ "pill " (self.as_str()) } { span aria-hidden="true" { (self.sign()) " " } (self.as_str()) } }
    }

    /// Of what is known of an endpoint.
    pub(in crate::web) fn of(slot: &Slot, state: Option<&EndpointState>, now: Timestamp) -> Self {
        let Some(state) = state else {
            return Self::Unknown;
        };
        let warned = state.verdict.as_deref().is_some_and(|verdict| {
            let mut findings = verdict.findings();
            findings.any(|finding| finding.cause.effect() != Effect::Suspends)
        });
        match state.up {
            None => Self::Unknown,
            Some(false) => Self::Down,
            Some(true) if is_stale(slot, state, now) => Self::Unknown,
            Some(true) if warned => Self::Warned,
            Some(true) => Self::Up,
        }
    }
}

/// Whether an endpoint has not been probed for too long: what was seen then says nothing of now.
pub(super) fn is_stale(slot: &Slot, state: &EndpointState, now: Timestamp) -> bool {
    let most = SignedDuration::try_from(slot.endpoint.group.interval)
        .ok()
        .and_then(|interval| interval.checked_mul(STALE_AFTER))
        .unwrap_or(SignedDuration::MAX);
    state.last_run.is_none_or(|last| now.duration_since(last) > most)
}

/// An endpoint at the moment of the page.
#[derive(Debug)]
pub(in crate::web) struct Seen {
    pub(in crate::web) slot: Arc<Slot>,
    pub(in crate::web) state: Option<Arc<EndpointState>>,
    pub(in crate::web) standing: Standing,
}

impl Seen {
    /// Every endpoint, in order of group and name.
    pub(in crate::web) fn all(catalogue: &Catalogue, now: Timestamp) -> Vec<Self> {
        let seen = catalogue.slots.iter().map(|slot| Self::at(slot, now));
        seen.collect()
    }

    /// One of them.
    pub(in crate::web) fn at(slot: &Arc<Slot>, now: Timestamp) -> Self {
        let state = slot.current();
        let standing = Standing::of(slot, state.as_deref(), now);
        Self {
            slot: Arc::clone(slot),
            state,
            standing,
        }
    }

    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.state.as_ref()?.verdict.as_deref()
    }

    pub(super) fn root(&self) -> Option<&Finding> {
        self.verdict()?.root.as_ref()
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        self.root().map(|root| root.cause)
    }
}

/// How many stand how.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::web) struct Tally([usize; 4]);

impl Tally {
    pub(in crate::web) fn of<'a>(seen: impl IntoIterator<Item = &'a Seen>) -> Self {
        let mut tally = Self::default();
        for seen in seen {
            tally.0[seen.standing as usize] += 1;
        }
        tally
    }

    pub(in crate::web) const fn count(self, standing: Standing) -> usize {
        self.0[standing as usize]
    }

    pub(in crate::web) fn total(self) -> usize {
        self.0.iter().sum()
    }

    /// The worst of which there is any; `None` of nothing.
    pub(in crate::web) fn worst(self) -> Option<Standing> {
        Standing::ALL
            .into_iter()
            .find(|standing| self.count(*standing) > 0)
    }

    /// As `2 down, 1 warning, 7 up`: what there is none of is not said.
    pub(super) fn words(self) -> String {
        let said: Vec<String> = Standing::ALL
            .into_iter()
            .filter(|standing| self.count(*standing) > 0)
            .map(|standing| format!("{} {}", self.count(standing), standing.as_str()))
            .collect();
        said.join(", ")
    }
}
