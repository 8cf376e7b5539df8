//! From single verdicts to what is said of an endpoint: a failure is confirmed before `down` is said, an endpoint
//! that flaps is told apart from one that is down, and a vantage point that is offline says nothing.
//!
//! Pure: what is remembered and what was seen now in, what to remember, to show and to do next out.
//!
//! ```text
//!              failure               every attempt fails
//!   up ───────────────▶ confirming ─────────────────────▶ down
//!    ▲                      │                              │
//!    └──────── success ─────┴─── success (while flapping: 20 in a row)
//! ```
//!
//! An offline vantage point ends a confirmation and leaves everything else as it is.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::diagnosis::{Finding, Standing, Verdict};
use crate::endpoint::Group;

mod flapping;

use flapping::History;

/// What is remembered of an endpoint from probe to probe: small, and kept in the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// `Some(true)` up, `Some(false)` down and confirmed, `None` before the first verdict.
    pub up: Option<bool>,
    /// Since when `up` has been what it is; a confirmed outage began with its first failed probe.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub since: Option<Timestamp>,
    /// The run of failures that is being confirmed. A restart begins it anew: what was seen before says nothing now.
    #[serde(skip)]
    failing: Option<Failing>,
    /// Judgement was suspended at the last probe.
    #[serde(default)]
    suspended: bool,
    /// The last probes, and whether they amount to flapping.
    #[serde(default)]
    history: History,
}

/// Failures in a row that are not confirmed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failing {
    /// When the first of them was probed.
    first: Timestamp,
    /// How many there are.
    count: u32,
}

/// A probe's verdict, ready to be folded into what is remembered.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// What the probe found.
    pub verdict: Verdict,
    /// When it began.
    pub at: Timestamp,
    /// Why it was made.
    pub kind: AttemptKind,
    /// The verdict that is shown now, if any.
    pub shown: Option<&'a Verdict>,
}

/// Why a probe was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// Its time had come.
    Scheduled,
    /// To confirm a failure; 1 is the first confirmation.
    Confirming(u32),
    /// Another endpoint of the group failed.
    PulledForward,
}

/// What follows from a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to remember. `up` and `since` are what to export.
    pub memory: Memory,
    /// What to show.
    pub shown: Shown,
    /// What is different from before, for log and store.
    pub changes: Vec<Change>,
    /// What to do.
    pub next: Next,
}

/// Which verdict to show after a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// This one.
    Replaced(Box<Verdict>),
    /// The one before: the failure is not confirmed, or the recovery of an endpoint that flaps.
    Kept,
    /// None: what was shown no longer holds, and a failure is not confirmed.
    Withdrawn,
}

/// What to do after a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing before the next scheduled probe.
    Nothing,
    /// Probe again.
    Confirm {
        /// The number of the confirmation, from 1.
        attempt: u32,
        /// The pause before it.
        after: Duration,
        /// Whether to pull the probes of the group's other endpoints forward: after the first failure of a scheduled
        /// probe only, so that a group that fails together does not call itself again and again.
        pull_siblings: bool,
    },
}

/// Something that is different from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A first failure, not confirmed.
    Failing,
    /// An unconfirmed failure has gone away.
    Cleared,
    /// It is up, for the first time or again.
    Up,
    /// It is down, confirmed.
    Down,
    /// The causes or texts shown are others.
    Verdict,
    /// Judgement is suspended.
    Suspended,
    /// Judgement goes on.
    Resumed,
    /// It fails and recovers in turn.
    FlappingBegan,
    /// It is steady again.
    FlappingEnded,
}

impl Memory {
    /// Whether the endpoint fails and recovers in turn.
    #[must_use]
    pub const fn flapping(&self) -> bool {
        self.history.flapping
    }

    /// Whether a failure is being confirmed.
    #[must_use]
    pub const fn confirming(&self) -> bool {
        self.failing.is_some()
    }
}

/// Folds a probe's verdict into what is remembered.
#[must_use]
pub fn fold(memory: &Memory, observed: &Observed<'_>, group: &Group) -> Step {
    let mut after = *memory;
    after.suspended = observed.verdict.standing == Standing::Unknown;
    let (mut shown, next) = match observed.verdict.standing {
        Standing::Unknown => suspend(&mut after, observed),
        Standing::Up => succeed(&mut after, observed),
        Standing::Down => fail(&mut after, observed, group),
    };
    let raised = after.flapping() && !accepts_flapping(group, observed.at);
    mark_flapping(&mut shown, raised, observed.shown);
    Step {
        changes: changes(memory, &after, &shown, observed.shown),
        memory: after,
        shown,
        next,
    }
}

/// Nothing can be said. An offline vantage point leaves `up` as it was; a wrong clock takes it back, because what was
/// said by that clock may have been wrong.
fn suspend(memory: &mut Memory, observed: &Observed<'_>) -> (Shown, Next) {
    memory.failing = None;
    if observed.verdict.root.is_none() {
        memory.up = None;
        memory.since = None;
    }
    (Shown::Replaced(Box::new(observed.verdict.clone())), Next::Nothing)
}

fn succeed(memory: &mut Memory, observed: &Observed<'_>) -> (Shown, Next) {
    memory.failing = None;
    let was_down = memory.up == Some(false);
    memory.history.succeeded(observed.at, was_down);
    if was_down && memory.flapping() {
        // It pages once, not at every turn.
        return (kept(observed), Next::Nothing);
    }
    if memory.up != Some(true) {
        memory.up = Some(true);
        memory.since = Some(observed.at);
    }
    (Shown::Replaced(Box::new(observed.verdict.clone())), Next::Nothing)
}

fn fail(memory: &mut Memory, observed: &Observed<'_>, group: &Group) -> (Shown, Next) {
    memory.history.failed();
    if memory.up == Some(false) {
        return (Shown::Replaced(Box::new(observed.verdict.clone())), Next::Nothing);
    }
    if observed.kind == AttemptKind::PulledForward && memory.confirming() {
        // Its own confirmation is under way, with the pauses that make it one.
        return (kept(observed), Next::Nothing);
    }
    let failing = memory.failing.get_or_insert(Failing {
        first: observed.at,
        count: 0,
    });
    failing.count = failing.count.saturating_add(1);
    let Failing { first, count } = *failing;
    if count > group.confirm.attempts {
        memory.failing = None;
        memory.up = Some(false);
        memory.since = Some(first);
        return (Shown::Replaced(Box::new(observed.verdict.clone())), Next::Nothing);
    }
    let next = Next::Confirm {
        attempt: count,
        after: group.confirm.pause,
        pull_siblings: count == 1 && observed.kind == AttemptKind::Scheduled,
    };
    (kept(observed), next)
}

/// Keeps what is shown, unless that is a suspension that is over.
fn kept(observed: &Observed<'_>) -> Shown {
    match observed.shown {
        Some(shown) if shown.standing == Standing::Unknown => Shown::Withdrawn,
        _ => Shown::Kept,
    }
}

fn accepts_flapping(group: &Group, now: Timestamp) -> bool {
    group
        .accepted
        .iter()
        .any(|accepted| accepted.cause == Cause::Flapping && accepted.until > now)
}

/// Puts `flapping` among the causes that are shown, or takes it away.
fn mark_flapping(shown: &mut Shown, raised: bool, before: Option<&Verdict>) {
    let marked = before.is_some_and(|verdict| {
        let mut findings = verdict.findings();
        findings.any(|finding| finding.cause == Cause::Flapping)
    });
    if let (Shown::Kept, Some(verdict)) = (&*shown, before)
        && marked != raised
    {
        *shown = Shown::Replaced(Box::new(verdict.clone()));
    }
    if let Shown::Replaced(verdict) = shown {
        if raised && verdict.standing != Standing::Unknown {
            verdict.warn(Finding::new(
                Cause::Flapping,
                "a steady answer",
                "probes fail and recover in turn",
            ));
        } else {
            verdict.unwarn(Cause::Flapping);
        }
    }
}

fn changes(before: &Memory, after: &Memory, shown: &Shown, shown_before: Option<&Verdict>) -> Vec<Change> {
    let verdict = match shown {
        Shown::Replaced(verdict) => !shown_before.is_some_and(|before| same(before, verdict)),
        Shown::Kept => false,
        Shown::Withdrawn => shown_before.is_some(),
    };
    let failing = (before.confirming(), after.confirming());
    let up = |value: bool| after.up == Some(value) && before.up != Some(value);
    let flapping = (before.flapping(), after.flapping());
    [
        (before.suspended && !after.suspended, Change::Resumed),
        (failing == (false, true), Change::Failing),
        (
            failing == (true, false) && after.up != Some(false),
            Change::Cleared,
        ),
        (up(true), Change::Up),
        (up(false), Change::Down),
        (!before.suspended && after.suspended, Change::Suspended),
        (flapping == (false, true), Change::FlappingBegan),
        (flapping == (true, false), Change::FlappingEnded),
        (verdict, Change::Verdict),
    ]
    .into_iter()
    .filter_map(|(happened, change)| happened.then_some(change))
    .collect()
}

/// Whether two verdicts read the same.
fn same(one: &Verdict, other: &Verdict) -> bool {
    one.standing == other.standing && one.findings().eq(other.findings()) && one.target == other.target
}
