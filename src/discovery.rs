//! Which endpoints there are: those that a group names, and those that its sources tell of.
//!
//! A source keeps the last good list: a broken file or a silent server changes nothing, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::endpoint::{Endpoint, EndpointName, Group, Labels, NO_NAME, PlatformName, ProberName};

pub mod file;
pub mod http;
pub mod label;
pub mod pattern;
mod template;

use label::LabelError;
pub use template::Template;

/// Targets that one source may tell of; the rest is left out, and that is said.
pub const MOST_TARGETS: usize = 100_000;

/// Labels that one target may carry.
const MOST_LABELS: usize = 32;

/// Bytes of one label value, of a host or of a URL at most.
const LONGEST: usize = 2_048;

/// A group, and everything that its endpoints are made of.
#[derive(Debug)]
pub struct GroupPlan {
    /// What they share.
    pub group: Arc<Group>,
    /// Put on every series.
    pub labels: Labels,
    /// How a host becomes an endpoint.
    pub template: Template,
    /// Those that the configuration names, in its order.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Where further ones come from.
    pub sources: Vec<Settings>,
    /// What else tells of further ones, without being asked for it.
    pub feeds: Vec<Feed>,
}

/// A part of the program that knows of hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// The domains that a platform serves.
    Platform(PlatformName),
    /// The hosts that a stream of clicks is seen on, by the stream's name.
    Traffic(Arc<str>),
}

/// A place that tells of endpoints.
#[derive(Debug, Clone)]
pub enum Settings {
    /// Files in the format of `file_sd_configs`.
    File(file::Settings),
    /// A URL in the format of `http_sd_configs`.
    Http(Box<http::Settings>),
}

/// A target as a source tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// A host, with a port where it has one, or a whole URL.
    pub target: String,
    /// Its labels, without those that begin with `__`; not checked yet.
    pub labels: Labels,
}

/// A target that did not become an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The target, as its source tells of it.
    pub target: String,
    /// Why.
    pub reason: RejectReason,
}

/// Why a target does not become an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// It is no host and no URL.
    #[error("not a host or URL: {0}")]
    Target(String),
    /// A host that nobody can resolve.
    #[error("{NO_NAME}")]
    NoName,
    /// Not what the group's module speaks.
    #[error("the scheme {scheme:?} is not one of the group's prober {}, which are {}", prober.as_str(), prober.schemes().join(", "))]
    Scheme {
        /// The scheme of the target.
        scheme: String,
        /// What the module speaks.
        prober: ProberName,
    },
    /// The protocol has no port of its own.
    #[error("the URL names no port, and {} has none of its own", .0.as_str())]
    Port(ProberName),
    /// The URL would show them in metrics and on pages.
    #[error("a URL must not carry credentials: they would be shown in metrics; use a module with basic_auth")]
    Credentials,
    /// Longer than any real one.
    #[error("longer than {LONGEST} bytes")]
    TooLong,
    /// A label that cannot go out.
    #[error("label {name:?}: {error}")]
    Label {
        /// The label's name.
        name: String,
        /// What is wrong with it.
        error: LabelError,
    },
    /// More labels than anybody needs.
    #[error("more than {MOST_LABELS} labels")]
    TooManyLabels,
    /// Names are unique over all groups.
    #[error("the name {0:?} is taken by another endpoint")]
    NameTaken(EndpointName),
}

/// Why a source could not be asked, or not be understood. Its last good list stays.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// A file or directory that cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The path.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// A list that is not in Prometheus' format.
    #[error("{place} is not a list of {{targets: […], labels: {{…}}}}: {error}")]
    Format {
        /// The path or URL.
        place: String,
        /// What the parser says.
        error: String,
    },
    /// A server that cannot be asked.
    #[error("cannot get {url}: {error}")]
    Fetch {
        /// The URL.
        url: String,
        /// What went wrong.
        error: String,
    },
    /// More than a source may say.
    #[error("{place} is larger than {limit} bytes")]
    TooLarge {
        /// The path or URL.
        place: String,
        /// The limit.
        limit: usize,
    },
    /// More targets than a source may have.
    #[error("{place} has {count} targets, the first {MOST_TARGETS} are taken")]
    TooManyTargets {
        /// The path or URL.
        place: String,
        /// How many it has.
        count: usize,
    },
}

/// What a refresh has brought.
#[derive(Debug, Default)]
pub struct Refresh {
    /// Whether the list differs from the one before.
    pub changed: bool,
    /// What could not be read, while the last good list of it stays.
    pub problems: Vec<DiscoveryError>,
}

/// A source at work: asks again when told to, and keeps the last good list.
#[derive(Debug)]
pub struct Source {
    kind: SourceKind,
    targets: Vec<Discovered>,
}

#[derive(Debug)]
enum SourceKind {
    File(file::Files),
    Http(http::Endpoint),
}

impl Source {
    /// Makes ready to ask; fails where TLS settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self, http::SettingsError> {
        let kind = match settings {
            Settings::File(settings) => SourceKind::File(file::Files::new(settings)),
            Settings::Http(settings) => SourceKind::Http(http::Endpoint::new(*settings)?),
        };
        Ok(Self {
            kind,
            targets: Vec::new(),
        })
    }

    /// How long to wait between two refreshes.
    #[must_use]
    pub fn interval(&self) -> Duration {
        match &self.kind {
            SourceKind::File(files) => files.interval(),
            SourceKind::Http(endpoint) => endpoint.interval(),
        }
    }

    /// The last good list.
    #[must_use]
    pub fn targets(&self) -> &[Discovered] {
        &self.targets
    }

    /// Asks again. Ends within `http::LONGEST_REQUEST`; what went wrong is in the result.
    pub async fn refresh(&mut self) -> Refresh {
        let (targets, mut problems) = match &mut self.kind {
            SourceKind::File(files) => files.refresh().await,
            SourceKind::Http(endpoint) => match endpoint.fetch().await {
                Ok(targets) => (targets, Vec::new()),
                Err(error) => {
                    return Refresh {
                        changed: false,
                        problems: vec![error],
                    };
                }
            },
        };
        let count = targets.len();
        let targets: Vec<_> = targets.into_iter().take(MOST_TARGETS).collect();
        if count > MOST_TARGETS {
            let place = self.to_string();
            problems.push(DiscoveryError::TooManyTargets { place, count });
        }
        let changed = targets != self.targets;
        self.targets = targets;
        Refresh { changed, problems }
    }
}

/// The files or the URL.
impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            SourceKind::File(files) => files.fmt(f),
            SourceKind::Http(endpoint) => endpoint.fmt(f),
        }
    }
}

/// One item of Prometheus' target lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetGroup {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// The targets of a list, labels that begin with `__` dropped.
fn flatten(groups: Vec<TargetGroup>) -> Vec<Discovered> {
    let mut all = Vec::new();
    for group in groups {
        let visible = group
            .labels
            .into_iter()
            .filter(|(name, _)| !name.starts_with("__"));
        let labels = Labels::new(visible);
        all.extend(group.targets.into_iter().map(|target| Discovered {
            target,
            labels: labels.clone(),
        }));
    }
    all
}

/// The endpoints of one group: the named ones first, then those discovered; and what could not become one.
#[must_use]
pub fn endpoints(plan: &GroupPlan, discovered: &[Discovered]) -> (Vec<Arc<Endpoint>>, Vec<Rejected>) {
    catalogue([(plan, discovered)])
}

/// The endpoints of all groups. Of two with one name the first stays, those of the configuration before all others.
#[must_use]
pub fn catalogue<'a>(
    plans: impl IntoIterator<Item = (&'a GroupPlan, &'a [Discovered])>,
) -> (Vec<Arc<Endpoint>>, Vec<Rejected>) {
    let plans: Vec<_> = plans.into_iter().collect();
    let mut endpoints: Vec<Arc<Endpoint>> = plans
        .iter()
        .flat_map(|(plan, _)| plan.endpoints.iter().map(Arc::clone))
        .collect();
    let mut names: BTreeSet<EndpointName> = endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
    let mut rejected = Vec::new();
    for (plan, discovered) in plans {
        for target in discovered {
            let made = plan
                .template
                .endpoint(&plan.group, &plan.labels, target)
                .and_then(|endpoint| {
                    if names.insert(endpoint.name.clone()) {
                        Ok(endpoint)
                    } else {
                        Err(RejectReason::NameTaken(endpoint.name))
                    }
                });
            match made {
                Ok(endpoint) => endpoints.push(Arc::new(endpoint)),
                Err(reason) => rejected.push(Rejected {
                    target: target.target.chars().take(200).collect(),
                    reason,
                }),
            }
        }
    }
    (endpoints, rejected)
}
