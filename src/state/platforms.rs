//! What is known of hosting platforms: whether they answer, and what they say of their domains.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::endpoint::{Endpoint, PlatformName};
use crate::outlook::platform::{Known, Statement, TargetChange};

/// The whole of it, in the order of the configuration; replaced by every change, so that a reader sees one moment.
#[derive(Debug, Clone, Default)]
pub struct Platforms(pub Vec<Platform>);

/// One platform.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Its name, unique.
    pub name: PlatformName,
    /// How often it is asked.
    pub interval: Duration,
    /// Whether it answered when it was last asked; `None` before.
    pub up: Option<bool>,
    /// What was wrong then, at most 200 bytes.
    pub problem: Option<String>,
    /// What it said last; of an earlier run, until it is asked in this one.
    pub known: Option<Arc<Known>>,
    /// Words that it has said and that no adapter knows.
    pub unknown_statuses: u64,
}

impl Platforms {
    /// A platform by its name.
    #[must_use]
    pub fn find(&self, name: &PlatformName) -> Option<&Platform> {
        self.0.iter().find(|platform| platform.name == *name)
    }

    /// The same knowledge with one platform changed.
    #[must_use]
    pub fn with(&self, name: &PlatformName, change: impl Fn(&mut Platform)) -> Self {
        let mut all = self.clone();
        all.0
            .iter_mut()
            .filter(|platform| platform.name == *name)
            .for_each(change);
        all
    }

    /// The same knowledge under a configuration with these platforms; of others nothing is left.
    #[must_use]
    pub fn succeed(
        &self,
        platforms: &[(PlatformName, Duration)],
        remembered: impl Fn(&PlatformName) -> Option<Arc<Known>>,
    ) -> Self {
        let platform = |(name, interval): &(PlatformName, Duration)| {
            let before = self.find(name);
            Platform {
                name: name.clone(),
                interval: *interval,
                up: before.and_then(|before| before.up),
                problem: before.and_then(|before| before.problem.clone()),
                known: before.map_or_else(|| remembered(name), |before| before.known.clone()),
                unknown_statuses: before.map_or(0, |before| before.unknown_statuses),
            }
        };
        Self(platforms.iter().map(platform).collect())
    }

    /// Fills in where its platform says that an endpoint must lead.
    pub fn tell(&self, endpoint: &mut Arc<Endpoint>) {
        let platform = endpoint.platform().and_then(|name| self.find(name));
        let known = platform.and_then(|platform| platform.known.as_ref());
        if let Some(targets) = known.and_then(|known| known.targets(&endpoint.host)) {
            *endpoint = Arc::new(Endpoint {
                told: Some(targets.into()),
                ..Endpoint::clone(endpoint)
            });
        }
    }

    /// What an endpoint's platform says of it; `None` where it has none, or none that has ever spoken.
    #[must_use]
    pub fn about<'a>(
        &'a self,
        endpoint: &Endpoint,
        change: Option<&'a TargetChange>,
        now: Timestamp,
    ) -> Option<Statement<'a>> {
        let platform = self.find(endpoint.platform()?)?;
        let known = platform.known.as_ref()?;
        Some(Statement {
            platform: platform.name.as_str(),
            domain: known.find(&endpoint.host),
            fresh: known.is_fresh(now, platform.interval),
            change,
        })
    }
}
