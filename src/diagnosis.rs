//! The pure judgement: facts and expectations in, root, symptom and consequences out.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;

/// The judgement of one probe of one endpoint, not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What can be said.
    pub standing: Standing,
    /// The first failing stage's cause; only of an endpoint that is down.
    pub symptom: Option<Finding>,
    /// What explains it: the verdict that is shown first.
    pub root: Option<Finding>,
    /// Every further cause that holds, in causal order.
    pub others: Vec<Finding>,
    /// Addresses behind the name.
    pub addresses: usize,
    /// How many of them answer as expected.
    pub addresses_up: usize,
    /// Where the name leads, if a target is expected.
    pub target: Option<TargetState>,
}

/// What can be said of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does its job, perhaps with warnings.
    Up,
    /// It does not.
    Down,
    /// Nothing: this vantage point is offline.
    Unknown,
}

/// A cause that holds, with what should be and what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// What should be, at most 200 bytes; lists are sorted, so that it changes only when the facts do.
    pub expected: String,
    /// What is, likewise.
    pub actual: String,
    /// The address it was seen at, where not all behave alike.
    pub address: Option<IpAddr>,
}

/// Where a name leads, compared with where it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// It reaches the target, as a CNAME or flattened.
    Match,
    /// It resolves, but elsewhere.
    Drift,
    /// Its CNAME leads to a name that does not exist.
    Dangling,
    /// The comparison proves nothing.
    Unverifiable,
}

impl TargetState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Match, Self::Drift, Self::Dangling, Self::Unverifiable];

    /// The name in metrics and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Drift => "drift",
            Self::Dangling => "dangling",
            Self::Unverifiable => "unverifiable",
        }
    }
}
