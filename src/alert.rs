//! The alert catalogue: what is worth waking somebody for, and what is worth a ticket.
//!
//! The one source of `alerts/rules/linkwatch.yml`; the rule tests in `alerts/tests` and the runbooks in
//! `docs/runbooks` are held to it one to one by a test. Pure data and text, no clock and no I/O.
//!
//! Three rules hold for every alert:
//!
//! - Replicas are aggregated away with `without`, so that users' labels survive and an HA pair is one alert.
//! - Paging alerts carry neither cause nor expected nor actual as labels: a change of cause would be a resolve
//!   and a new page. Their annotations ask for them when they fire.
//! - What is stale, or seen from an offline vantage point, is not believed.

mod catalogue;
mod certificate;
mod coverage;
pub(crate) mod expression;
mod foresight;
mod itself;
mod platform;
mod recording;
mod rules;
mod runbook;
pub(crate) mod text;
mod traffic;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::dashboard::DashboardName;

pub use catalogue::{alert_of, catalogue};
pub use expression::REPLICA_LABELS;
pub use recording::recording_rules_yaml;
pub use rules::{RulesError, rules_yaml};

/// What differs from one installation to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The `job` label of linkwatch's scrapes; `None` takes its metrics from any job.
    pub job: Option<String>,
    /// The URL of a runbook without the alert's name and `.md`.
    pub runbook_base: String,
    /// The URL of Grafana, with its final slash.
    pub grafana_base: String,
    /// The share of its lifetime, 0 to 1, below which a leaf certificate should have been renewed.
    pub lifetime_left: f64,
    /// The skew of the clock, in seconds either way, from which certificates are no longer judged by it.
    pub clock_skew_seconds: u32,
    /// The version of linkwatch that the rules belong to.
    pub version: String,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            job: None,
            runbook_base: "https://github.com/linkwatch/linkwatch/blob/main/docs/runbooks/".to_owned(),
            grafana_base: "http://localhost:3000/".to_owned(),
            lifetime_left: 0.25,
            clock_skew_seconds: 120,
            version: crate::build_info::VERSION.to_owned(),
        }
    }
}

/// Every alert, by the condition that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertName {
    /// An endpoint is down, confirmed, and all fresh replicas agree.
    EndpointDown,
    /// Three or more endpoints and over half of a group are down.
    GroupDown,
    /// Some addresses fail, replicas disagree, or a warning stands that has no alert of its own.
    EndpointDegraded,
    /// Probes fail and recover in turn.
    EndpointFlapping,
    /// The name resolves, but not to where it should.
    DnsTargetDrift,
    /// The hosting platform expects another target than before, and DNS has not followed.
    PlatformTargetChanged,
    /// The hosting platform fails to get or renew a certificate.
    PlatformCertificateFailing,
    /// The certificate that is served would not be accepted by a browser.
    CertificateInvalid,
    /// Little of a certificate's lifetime is left.
    CertificateExpiring,
    /// The certificate should have been renewed, and is not.
    RenewalOverdue,
    /// A certificate authority does not answer.
    CertificateAuthorityDown,
    /// A CAA record forbids the next renewal.
    CaaForbidsIssuer,
    /// The registration of a domain is about to end.
    RegistrationExpiring,
    /// Far fewer clicks arrive than expected, and nothing that is down explains it.
    TrafficLow,
    /// Endpoints are not probed any more.
    ProbeStale,
    /// A source of click counts does not answer.
    TrafficSourceDown,
    /// Public hosts are not watched.
    HostUnwatched,
    /// A hosting platform does not tell what it expects.
    PlatformDown,
    /// A vantage point has lost its network.
    VantageOffline,
    /// The clock is off by minutes against the servers'.
    ClockSkewed,
    /// The configuration file is not the configuration that runs.
    ConfigReloadFailed,
    /// Rules and binary are of different versions.
    RulesOutdated,
    /// No linkwatch is scraped.
    Down,
    /// Always fires: its silence means that alerting itself is broken.
    Watchdog,
}

impl AlertName {
    /// Every alert, in the order of the rules.
    pub const ALL: &'static [Self] = &[
        Self::EndpointDown,
        Self::GroupDown,
        Self::EndpointDegraded,
        Self::EndpointFlapping,
        Self::DnsTargetDrift,
        Self::PlatformTargetChanged,
        Self::PlatformCertificateFailing,
        Self::CertificateInvalid,
        Self::CertificateExpiring,
        Self::RenewalOverdue,
        Self::CertificateAuthorityDown,
        Self::CaaForbidsIssuer,
        Self::RegistrationExpiring,
        Self::TrafficLow,
        Self::ProbeStale,
        Self::TrafficSourceDown,
        Self::HostUnwatched,
        Self::PlatformDown,
        Self::VantageOffline,
        Self::ClockSkewed,
        Self::ConfigReloadFailed,
        Self::RulesOutdated,
        Self::Down,
        Self::Watchdog,
    ];

    /// The name in rules, pages and runbooks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndpointDown => "LinkwatchEndpointDown",
            Self::GroupDown => "LinkwatchGroupDown",
            Self::EndpointDegraded => "LinkwatchEndpointDegraded",
            Self::EndpointFlapping => "LinkwatchEndpointFlapping",
            Self::DnsTargetDrift => "LinkwatchDnsTargetDrift",
            Self::PlatformTargetChanged => "LinkwatchPlatformTargetChanged",
            Self::PlatformCertificateFailing => "LinkwatchPlatformCertificateFailing",
            Self::CertificateInvalid => "LinkwatchCertificateInvalid",
            Self::CertificateExpiring => "LinkwatchCertificateExpiring",
            Self::RenewalOverdue => "LinkwatchRenewalOverdue",
            Self::CertificateAuthorityDown => "LinkwatchCertificateAuthorityDown",
            Self::CaaForbidsIssuer => "LinkwatchCaaForbidsIssuer",
            Self::RegistrationExpiring => "LinkwatchRegistrationExpiring",
            Self::TrafficLow => "LinkwatchTrafficLow",
            Self::ProbeStale => "LinkwatchProbeStale",
            Self::TrafficSourceDown => "LinkwatchTrafficSourceDown",
            Self::HostUnwatched => "LinkwatchHostUnwatched",
            Self::PlatformDown => "LinkwatchPlatformDown",
            Self::VantageOffline => "LinkwatchVantageOffline",
            Self::ClockSkewed => "LinkwatchClockSkewed",
            Self::ConfigReloadFailed => "LinkwatchConfigReloadFailed",
            Self::RulesOutdated => "LinkwatchRulesOutdated",
            Self::Down => "LinkwatchDown",
            Self::Watchdog => "LinkwatchWatchdog",
        }
    }
}

impl AlertName {
    /// The dashboard that shows what it speaks of.
    #[must_use]
    pub const fn dashboard(self) -> DashboardName {
        match self {
            Self::GroupDown | Self::HostUnwatched => DashboardName::Fleet,
            Self::EndpointDown | Self::EndpointDegraded | Self::EndpointFlapping => DashboardName::Endpoint,
            Self::CertificateInvalid
            | Self::CertificateExpiring
            | Self::RenewalOverdue
            | Self::CertificateAuthorityDown
            | Self::CaaForbidsIssuer
            | Self::RegistrationExpiring => DashboardName::Certificates,
            Self::DnsTargetDrift
            | Self::PlatformTargetChanged
            | Self::PlatformCertificateFailing
            | Self::PlatformDown => DashboardName::Dns,
            Self::TrafficLow | Self::TrafficSourceDown => DashboardName::Traffic,
            Self::ProbeStale
            | Self::VantageOffline
            | Self::ClockSkewed
            | Self::ConfigReloadFailed
            | Self::RulesOutdated
            | Self::Down
            | Self::Watchdog => DashboardName::Own,
        }
    }
}

impl fmt::Display for AlertName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much an alert asks of the person who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Pages: somebody must act now.
    Critical,
    /// A ticket: somebody must act in working hours.
    Warning,
    /// To be seen beside others, never delivered on its own.
    Info,
}

/// What one alert of a name speaks of, and so which labels it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One endpoint: `name`, `group` and the users' labels.
    Endpoint,
    /// One group: `group` and the group's labels.
    Group,
    /// linkwatch itself: no label of a group.
    Installation,
}

/// One alert: what it says, and the rules that raise it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its name.
    pub name: AlertName,
    /// What one such alert speaks of.
    pub scope: Scope,
    /// A fixed sentence.
    pub summary: &'static str,
    /// The facts, as a template of Prometheus.
    pub description: String,
    /// What to do, as a template of Prometheus; `None` leaves it to the runbook.
    pub remedy: Option<String>,
    /// How long the condition must hold first.
    pub hold: Duration,
    /// How long the alert outlives its condition.
    pub keep_firing: Duration,
    /// At least one; two where groups that may not page, or lesser troubles, get the same alert as a warning.
    pub rules: Vec<Rule>,
}

impl Alert {
    /// The most that the alert asks of anybody.
    #[must_use]
    pub fn pages(&self) -> bool {
        self.rules.iter().any(|rule| rule.severity == Severity::Critical)
    }
}

/// One condition of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it asks of the person who gets it.
    pub severity: Severity,
    /// `PromQL`, over several lines.
    pub expr: String,
}
