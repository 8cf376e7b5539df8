//! What becomes of a platform's answer: state, what is kept, and a log line for each change.

use std::sync::Arc;
use std::time::Duration;

use super::{Recorder, keeper};
use crate::endpoint::PlatformName;
use crate::outlook::platform::{Domain, Known};
use crate::text::bounded;

impl Recorder {
    /// Makes known what a platform says of all its domains; true when it expects something else than before.
    pub fn platform_told(&self, name: &PlatformName, domains: Vec<Domain>) -> bool {
        let now = self.clock.now();
        let platforms = self.state.platforms();
        let Some(platform) = platforms.find(name) else {
            return false;
        };
        let before = platform.known.as_deref().cloned().unwrap_or_default();
        let known = Arc::new(before.succeed(domains, now));
        let strange = log_strange(name, &before, &known);
        self.state.change_platforms(|platforms| {
            platforms.with(name, |platform| {
                platform.up = Some(true);
                platform.problem = None;
                platform.known = Some(Arc::clone(&known));
                platform.unknown_statuses += strange;
            })
        });
        if platform.up == Some(false) {
            tracing::info!(platform = %name, "the platform answers again");
        }
        if (&before.domains, &before.former) != (&known.domains, &known.former) {
            tracing::debug!(platform = %name, domains = known.domains.len(), "what the platform says has changed");
            self.send(keeper::Kept::Platform(name.clone(), Arc::clone(&known)));
        }
        !before.expects_the_same(&known)
    }

    /// Makes known that a platform does not answer; what it said last stays.
    pub fn platform_silent(&self, name: &PlatformName, problem: &str) {
        let problem = bounded(problem);
        let before = self.state.change_platforms(|platforms| {
            platforms.with(name, |platform| {
                platform.up = Some(false);
                platform.problem = Some(problem.clone());
            })
        });
        if before
            .find(name)
            .is_some_and(|platform| platform.up != Some(false))
        {
            tracing::error!(platform = %name, problem, "the platform does not tell what it expects: what it said last stays");
        }
    }

    /// A configuration names these platforms: what is known of others is forgotten.
    pub fn platforms_replaced(
        &self,
        platforms: &[(PlatformName, Duration)],
        remembered: impl Fn(&PlatformName) -> Option<Arc<Known>>,
    ) {
        self.state
            .change_platforms(|before| before.succeed(platforms, &remembered));
    }
}

/// Words that no adapter knows, of domains that did not have them before: said once, and counted.
fn log_strange(name: &PlatformName, before: &Known, after: &Known) -> u64 {
    let strange = after.domains.values().filter(|domain| {
        let known = before.domains.get(&domain.host);
        !domain.recognised && known.is_none_or(|known| known.status != domain.status)
    });
    let mut count = 0;
    for domain in strange {
        if count == 0 {
            tracing::warn!(platform = %name, host = domain.host, status = domain.status,
                "the platform says something that linkwatch does not know: please report it");
        }
        count += 1;
    }
    count
}
