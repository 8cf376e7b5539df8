//! Sequences of probes: one verdict after the other, and what is said after each.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use linkwatch::cause::{Cause, Effect};
use linkwatch::diagnosis::{Finding, Standing, Verdict};
use linkwatch::endpoint::{Accepted, Confirm, Expectation, Group};
use linkwatch::observation::{AttemptKind, Change, Memory, Next, Observed, Shown, Step, fold};
use serde::Deserialize;

use super::facts::{group, now};

/// One scenario of `tests/scenarios/sequences/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sequence {
    /// A sentence of behaviour.
    name: String,
    /// Confirmations wanted; 2 unless said otherwise.
    attempts: Option<u32>,
    /// Whether flapping is accepted.
    #[serde(default)]
    accept_flapping: bool,
    probes: Vec<Probe>,
}

/// A probe, and what must be true after it; what is left out is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    /// Seconds since the sequence began.
    at: i64,
    /// `up`, `offline`, `clock`, or a cause.
    sees: String,
    /// `confirming`, `pulled` or nothing.
    kind: Option<String>,
    /// Repeat so many times in all, this many seconds apart.
    #[serde(default)]
    times: Option<(i64, i64)>,
    /// `up`, `down` or `unknown`.
    is: Option<String>,
    /// Seconds since the sequence began.
    since: Option<i64>,
    /// The causes shown.
    shows: Option<Vec<String>>,
    /// `nothing`, `confirm` or `confirm and pull`.
    next: Option<String>,
    changes: Option<Vec<String>>,
    flapping: Option<bool>,
}

/// Plays probes one after the other, as the program does.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) memory: Memory,
    pub(super) shown: Option<Verdict>,
    pub(super) group: Group,
}

impl Player {
    pub(super) fn new(group: Group) -> Self {
        Self {
            memory: Memory::default(),
            shown: None,
            group,
        }
    }

    pub(super) fn play(&mut self, verdict: Verdict, at: Timestamp, kind: AttemptKind) -> Step {
        let observed = Observed {
            verdict,
            at,
            kind,
            shown: self.shown.as_ref(),
        };
        let step = fold(&self.memory, &observed, &self.group);
        self.memory = step.memory;
        match &step.shown {
            Shown::Replaced(verdict) => self.shown = Some((**verdict).clone()),
            Shown::Kept => {}
            Shown::Withdrawn => self.shown = None,
        }
        step
    }

    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = self.shown.iter().flat_map(super::causes).collect();
        causes.dedup();
        causes
    }
}

/// A verdict with a single cause.
pub(super) fn verdict(sees: &str) -> Verdict {
    let cause = Cause::ALL.iter().copied().find(|cause| cause.as_str() == sees);
    let root = match sees {
        "up" | "clock" => None,
        "offline" => Some(Cause::VantageOffline),
        _ => Some(cause.unwrap_or_else(|| panic!("no cause {sees}"))),
    }
    .map(|cause| Finding::new(cause, "this", "that"));
    let standing = match root.as_ref().map(|root| root.cause.effect()) {
        None if sees == "clock" => Standing::Unknown,
        None | Some(Effect::Warns) => Standing::Up,
        Some(Effect::Down) => Standing::Down,
        Some(Effect::Suspends) => Standing::Unknown,
    };
    Verdict {
        standing,
        symptom: root.clone().filter(|_| standing == Standing::Down),
        root,
        others: Vec::new(),
        addresses: 1,
        addresses_up: usize::from(standing == Standing::Up),
        target: None,
    }
}

impl Sequence {
    fn player(&self) -> Player {
        let accepted = Accepted {
            cause: Cause::Flapping,
            reason: "known".to_owned(),
            until: Timestamp::MAX,
        };
        let mut group = group(
            Expectation::default(),
            self.accept_flapping.then_some(accepted).into_iter().collect(),
        );
        group.confirm = Confirm {
            attempts: self.attempts.unwrap_or(2),
            pause: Duration::from_secs(2),
        };
        Player::new(group)
    }

    /// Every cause that is ever shown.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut player = self.player();
        let mut causes = Vec::new();
        for probe in &self.probes {
            probe.play(&mut player);
            causes.extend(player.causes());
        }
        causes
    }

    pub(super) fn check(&self) {
        let mut player = self.player();
        for probe in &self.probes {
            let step = probe.play(&mut player);
            let differences = probe.differences(&step, &player);
            assert!(
                differences.is_empty(),
                "{}, at {}: {differences:?}",
                self.name,
                probe.at
            );
        }
    }
}

impl Probe {
    fn play(&self, player: &mut Player) -> Step {
        let kind = match self.kind.as_deref() {
            None => AttemptKind::Scheduled,
            Some("confirming") => AttemptKind::Confirming(1),
            Some("pulled") => AttemptKind::PulledForward,
            Some(other) => panic!("no kind {other}"),
        };
        let (times, apart) = self.times.unwrap_or((1, 0));
        let mut step = player.play(verdict(&self.sees), second(self.at), kind);
        for time in 1..times {
            step = player.play(verdict(&self.sees), second(self.at + time * apart), kind);
        }
        step
    }

    fn differences(&self, step: &Step, player: &Player) -> Vec<(&'static str, String, String)> {
        let is = match step.memory.up {
            Some(true) => "up",
            Some(false) => "down",
            None => "unknown",
        };
        let next = match step.next {
            Next::Nothing => "nothing",
            Next::Confirm {
                pull_siblings: true, ..
            } => "confirm and pull",
            Next::Confirm { .. } => "confirm",
        };
        let mut checks = Vec::new();
        let mut check = |what: &'static str, should: Option<String>, is: String| {
            if let Some(should) = should
                && should != is
            {
                checks.push((what, should, is));
            }
        };
        check("is", self.is.clone(), is.to_owned());
        check(
            "since",
            self.since.map(|since| format!("{:?}", Some(second(since)))),
            format!("{:?}", step.memory.since),
        );
        let shown: Vec<&str> = player.causes().iter().map(|cause| cause.as_str()).collect();
        check(
            "shows",
            self.shows.as_ref().map(|causes| format!("{causes:?}")),
            format!("{shown:?}"),
        );
        check("next", self.next.clone(), next.to_owned());
        let changes: Vec<String> = step.changes.iter().copied().map(change).collect();
        check(
            "changes",
            self.changes.as_ref().map(|changes| format!("{changes:?}")),
            format!("{changes:?}"),
        );
        check(
            "flapping",
            self.flapping.map(|flapping| flapping.to_string()),
            step.memory.flapping().to_string(),
        );
        checks
    }
}

fn change(change: Change) -> String {
    format!("{change:?}").to_lowercase()
}

fn second(second: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_secs(second)).unwrap()
}
