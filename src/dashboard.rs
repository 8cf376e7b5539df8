//! Grafana dashboards as data: what is shown, and by which query. The one source of `dashboards/*.json`.
//!
//! Classic JSON, which Grafana 10 to 13 read. Every query aggregates replicas away as the alerts do and leaves out what is
//! stale, so that a dashboard and an alert cannot tell different stories. Pure data and text, no clock and no I/O.

use std::fmt;

use serde_json::Value;

use crate::alert::Parameters;

mod board;
mod certificates;
mod dns;
mod endpoint;
mod fleet;
mod kind;
mod own;
mod panel;
mod query;
mod traffic;
mod wrong;

/// Every dashboard, from the whole to the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DashboardName {
    /// What is wrong, and how all of it stands.
    Fleet,
    /// One endpoint, layer by layer.
    Endpoint,
    /// Certificates, their renewal, and registrations.
    Certificates,
    /// DNS targets and hosting platforms.
    Dns,
    /// Clicks against their baseline.
    Traffic,
    /// linkwatch itself.
    Own,
}

impl DashboardName {
    /// Every dashboard.
    pub const ALL: [Self; 6] = [
        Self::Fleet,
        Self::Endpoint,
        Self::Certificates,
        Self::Dns,
        Self::Traffic,
        Self::Own,
    ];

    /// The fixed uid, which is also the stem of its file.
    #[must_use]
    pub const fn uid(self) -> &'static str {
        match self {
            Self::Fleet => "linkwatch-fleet",
            Self::Endpoint => "linkwatch-endpoint",
            Self::Certificates => "linkwatch-certificates",
            Self::Dns => "linkwatch-dns",
            Self::Traffic => "linkwatch-traffic",
            Self::Own => "linkwatch-own",
        }
    }

    /// The title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fleet => "linkwatch / Fleet",
            Self::Endpoint => "linkwatch / Endpoint",
            Self::Certificates => "linkwatch / Certificates",
            Self::Dns => "linkwatch / DNS and platforms",
            Self::Traffic => "linkwatch / Traffic",
            Self::Own => "linkwatch / Itself",
        }
    }
}

impl fmt::Display for DashboardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uid())
    }
}

/// A dashboard as Grafana reads it.
#[must_use]
pub fn json(name: DashboardName, parameters: &Parameters) -> Value {
    let board = match name {
        DashboardName::Fleet => fleet::board(parameters),
        DashboardName::Endpoint => endpoint::board(parameters),
        DashboardName::Certificates => certificates::board(),
        DashboardName::Dns => dns::board(),
        DashboardName::Traffic => traffic::board(),
        DashboardName::Own => own::board(),
    };
    board.json(name)
}
