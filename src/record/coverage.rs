//! What becomes of a list of hosts: state, and a log line for each change.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Recorder;
use crate::coverage::Ignored;
use crate::text::bounded;

impl Recorder {
    /// Makes a list known.
    pub fn coverage_list(&self, source: &str, hosts: BTreeSet<String>) {
        let coverage = self.state.coverage();
        let before = coverage.0.iter().find(|known| known.name == source);
        if before.is_some_and(|before| before.up == Some(true) && before.known.as_deref() == Some(&hosts)) {
            return;
        }
        if before.is_some_and(|before| before.up == Some(false)) {
            tracing::info!(source, "the list of hosts can be had again");
        }
        let hosts = Arc::new(hosts);
        self.state.change_coverage(|coverage| {
            coverage.with(source, |known| {
                known.up = Some(true);
                known.problem = None;
                known.known = Some(Arc::clone(&hosts));
            })
        });
    }

    /// Makes known that a list cannot be had; the last one stays.
    pub fn coverage_failed(&self, source: &str, problem: &str) {
        let problem = bounded(problem);
        let before = self.state.change_coverage(|coverage| {
            coverage.with(source, |known| {
                known.up = Some(false);
                known.problem = Some(problem.clone());
            })
        });
        let known = before.0.iter().find(|known| known.name == source);
        if known.is_none_or(|known| known.up != Some(false)) {
            tracing::warn!(
                source,
                problem,
                "the list of hosts cannot be had: the last one stays"
            );
        }
    }

    /// Holds all lists against what is watched now.
    pub fn coverage_held_against(&self, watched: &BTreeSet<String>, ignored: &[Ignored]) {
        let before = self.state.coverage();
        let after = before.held_against(watched, ignored);
        for (known, now) in before.0.iter().zip(&after.0) {
            if known.unwatched.len() != now.unwatched.len() {
                tracing::info!(
                    source = now.name,
                    hosts = now.unwatched.len(),
                    "hosts that nobody watches"
                );
            }
        }
        if before.0 != after.0 {
            self.state
                .change_coverage(|coverage| coverage.held_against(watched, ignored));
        }
    }

    /// A configuration was put in force: lists that it does not name are forgotten.
    pub fn coverage_replaced(&self, is_named: impl Fn(&str) -> bool) {
        self.state.change_coverage(|coverage| {
            let mut kept = coverage.clone();
            kept.0.retain(|source| is_named(&source.name));
            kept
        });
    }
}
