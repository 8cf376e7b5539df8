//! The account of one probe as a person reads it: layer by layer how long it took, what should be beside what is, and
//! what was found.
//!
//! Page and terminal render this, and nothing else of an outcome, so that they cannot tell two stories. Nothing here
//! is about one protocol: a prober says what it did as [`Layer`]s of its own (`http.rs` and `exchange.rs` beside this file),
//! and [`account`] adds what the verdict finds of each. The texts come from outside: whoever shows them makes them fit
//! to be shown.

use std::net::IpAddr;
use std::time::Duration;

use super::{Finding, Verdict};
use crate::cause::{Effect, Stage};
use crate::endpoint::{Endpoint, ProberName};
use crate::outcome::{Attempt, Outcome, Peer, Timings};

mod connection;
mod exchange;
mod http;
mod resolution;
pub(crate) mod servers;

/// What one probe met, in the order in which it met it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whom the layers are about: the address that the verdict names, else the first that fails, else the slowest;
    /// `None` where nothing was tried.
    pub peer: Option<Peer>,
    /// The layers, in the order in which the probe passed through them.
    pub layers: Vec<Layer>,
    /// Where the time went at that address, phase after phase; without those that took none.
    pub phases: Vec<Phase>,
    /// Every address that was tried, with what came of it.
    pub addresses: Vec<Tried>,
}

/// One layer of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What it is called, in one word: `dns`, `connect`, `tls`, `http`, `redirect`, `exchange`.
    pub name: &'static str,
    /// The stage whose causes are causes of this layer; `None` of one that nothing can be wrong with.
    pub stage: Option<Stage>,
    /// How it stands.
    pub state: LayerState,
    /// The time spent in it; `None` where nothing was done.
    pub took: Option<Duration>,
    /// What should be, a line each.
    pub expected: Vec<String>,
    /// What is, a line each; empty where the probe did not come that far.
    pub facts: Vec<Fact>,
    /// The causes that stand in it.
    pub findings: Vec<Finding>,
}

/// How a layer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerState {
    /// As it should be.
    Right,
    /// A warning stands.
    Warned,
    /// It takes the endpoint down, or did not work.
    Wrong,
    /// The probe did not come that far.
    Unreached,
    /// It was left out on purpose: a fact says why.
    Skipped,
}

/// A line of what a layer showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What kind of line it is.
    pub tone: Tone,
    /// What is to be read.
    pub text: String,
}

/// What kind of line a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What the layer came to.
    Plain,
    /// What did not work.
    Bad,
    /// What it rests on: for those who look closer.
    Aside,
}

/// A part of the time that a probe took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// Its name, as in metrics.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// An address that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Whom the attempt was made to.
    pub peer: Peer,
    /// All its phases together.
    pub took: Duration,
    /// What came of it, in one line.
    pub came: Fact,
}

impl Fact {
    fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }

    fn bad(text: impl Into<String>) -> Self {
        Self::new(Tone::Bad, text)
    }

    fn aside(text: impl Into<String>) -> Self {
        Self::new(Tone::Aside, text)
    }

    fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
        }
    }
}

impl Layer {
    /// A layer that was gone through.
    fn passed(name: &'static str, stage: Stage, took: Duration, facts: Vec<Fact>) -> Self {
        Self {
            took: Some(took),
            facts,
            ..Self::new(name, Some(stage), LayerState::Right)
        }
    }

    /// A layer that the probe did not reach.
    const fn unreached(name: &'static str, stage: Stage) -> Self {
        Self::new(name, Some(stage), LayerState::Unreached)
    }

    /// A layer that was left out on purpose.
    fn skipped(name: &'static str, stage: Stage, why: &str) -> Self {
        Self {
            facts: vec![Fact::aside(why)],
            ..Self::new(name, Some(stage), LayerState::Skipped)
        }
    }

    const fn new(name: &'static str, of: Option<Stage>, state: LayerState) -> Self {
        Self {
            name,
            stage: of,
            state,
            took: None,
            expected: Vec::new(),
            facts: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn expecting(self, expected: Vec<String>) -> Self {
        Self { expected, ..self }
    }

    /// Whether something in it did not work, whatever a verdict makes of that.
    fn failed(&self) -> bool {
        self.facts.iter().any(|fact| fact.tone == Tone::Bad)
    }

    /// With the causes that stand in it, and how it stands with them.
    fn found(&mut self, findings: Vec<Finding>) {
        let effects = || findings.iter().map(|finding| finding.cause.effect());
        self.state = if effects().any(|effect| effect == Effect::Down) {
            LayerState::Wrong
        } else if matches!(self.state, LayerState::Unreached | LayerState::Skipped) {
            self.state
        } else if self.failed() {
            LayerState::Wrong
        } else if findings.is_empty() {
            LayerState::Right
        } else {
            LayerState::Warned
        };
        self.findings = findings;
    }
}

/// What an outcome was, with what the verdict says of it.
#[must_use]
pub fn account(endpoint: &Endpoint, outcome: &Outcome, verdict: &Verdict) -> Account {
    let attempt = shown(outcome, verdict);
    let mut layers = vec![resolution::layer(endpoint, &outcome.resolution)];
    layers.extend(match outcome.prober {
        ProberName::Http => http::layers(endpoint, attempt, verdict),
        ProberName::Tcp
        | ProberName::Dns
        | ProberName::Icmp
        | ProberName::Unix
        | ProberName::Grpc
        | ProberName::WebSocket => exchange::layers(endpoint, attempt, verdict),
    });
    judge(&mut layers, verdict);
    Account {
        peer: attempt.map(|attempt| attempt.peer.clone()),
        layers,
        phases: attempt.map_or_else(Vec::new, |attempt| phases(outcome, attempt)),
        addresses: outcome.attempts.iter().map(tried).collect(),
    }
}

/// The attempt that the account is about.
fn shown<'a>(outcome: &'a Outcome, verdict: &Verdict) -> Option<&'a Attempt> {
    let attempts = &outcome.attempts;
    let mut named = verdict.root.iter().chain(&verdict.symptom);
    let named: Option<IpAddr> = named.find_map(|finding| finding.address);
    let clean = |attempt: &&Attempt| attempt.failure().is_none() && attempt.violations.is_empty();
    attempts
        .iter()
        .find(|attempt| named.is_some() && named == attempt.peer.ip())
        // Addresses of a family that cannot be reached from here fail without anything being wrong.
        .or_else(|| {
            attempts
                .iter()
                .find(|attempt| verdict.root.is_some() && !clean(attempt))
        })
        .or_else(|| {
            attempts
                .iter()
                .filter(clean)
                .max_by_key(|attempt| attempt.timings().total())
        })
        .or_else(|| attempts.first())
}

/// Gives each cause to the layer of its stage that did not work, else to the one that says what should be.
fn judge(layers: &mut [Layer], verdict: &Verdict) {
    for place in 0..layers.len() {
        let stage = layers[place]
            .stage
            .filter(|stage| heir(layers, *stage) == Some(place));
        layers[place].found(stage.map_or_else(Vec::new, |stage| standing(stage, verdict)));
    }
}

/// The layer that the causes of a stage belong to; redirects lead through more than one of each.
fn heir(layers: &[Layer], stage: Stage) -> Option<usize> {
    let place = |wanted: fn(&Layer) -> bool| {
        let of_stage = |layer: &Layer| layer.stage == Some(stage);
        layers.iter().position(|layer| of_stage(layer) && wanted(layer))
    };
    place(Layer::failed)
        .or_else(|| place(|layer| !layer.expected.is_empty()))
        .or_else(|| place(|_| true))
}

/// The causes of a stage; a symptom that is its own root is named twice in a verdict, and once here.
fn standing(stage: Stage, verdict: &Verdict) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for finding in verdict
        .findings()
        .filter(|finding| finding.cause.stage() == stage)
    {
        if !findings.contains(finding) {
            findings.push(finding.clone());
        }
    }
    findings
}

/// The phases of the attempt, with the look-up of the endpoint's own name.
fn phases(outcome: &Outcome, attempt: &Attempt) -> Vec<Phase> {
    let Timings {
        dns,
        connect,
        tls,
        processing,
        transfer,
    } = attempt.timings();
    let phases = [
        ("dns", dns.max(outcome.resolution.elapsed)),
        ("connect", connect),
        ("tls", tls),
        ("processing", processing),
        ("transfer", transfer),
    ];
    let phases = phases.map(|(name, took)| Phase { name, took });
    phases.into_iter().filter(|phase| !phase.took.is_zero()).collect()
}

fn tried(attempt: &Attempt) -> Tried {
    let response = attempt.last().and_then(|hop| hop.response.as_ref());
    Tried {
        peer: attempt.peer.clone(),
        took: attempt.timings().total(),
        came: match (attempt.failure(), attempt.violations.first(), response) {
            (Some(failure), ..) => Fact::bad(failure.to_string()),
            (None, Some(broken), _) => {
                Fact::bad(format!("expected {}; actual {}", broken.expected, broken.actual))
            }
            (None, None, Some(response)) => Fact::plain(response.status.to_string()),
            (None, None, None) => Fact::plain("no answer"),
        },
    }
}
