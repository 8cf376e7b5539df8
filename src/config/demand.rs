//! What may be asked of `/probe`, and how much of it.

use serde_json::{Value, json};

use super::at::At;
use super::defaults;
use super::error::{Findings, shown};
use super::raw::probe::{Probe, Targets};
use crate::probe::policy::{self, Policy, Rule};

const MOST_CONCURRENCY: u32 = 10_000;

/// What may be asked of `/probe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Which hosts and addresses.
    pub policy: Policy,
    /// Whether only hosts that are watched.
    pub catalogue_only: bool,
    /// Probes at once.
    pub concurrency: usize,
    /// Probes that may wait.
    pub queue: usize,
    shown: Value,
}

impl Demand {
    /// Everything, as `blackbox_exporter` has it.
    fn open() -> Self {
        Self {
            policy: policy::OPEN.clone(),
            catalogue_only: false,
            concurrency: defaults::CONCURRENCY as usize,
            queue: defaults::CONCURRENCY as usize,
            shown: Value::Null,
        }
    }

    pub(super) fn resolve(raw: Option<&Probe>, as_blackbox: bool, findings: &Findings) -> Self {
        if as_blackbox {
            return Self::open();
        }
        let nothing = Probe::default();
        let raw = raw.unwrap_or(&nothing);
        let allow = rules(raw.allow.as_deref().unwrap_or_default(), findings);
        let deny = rules(raw.deny.as_deref().unwrap_or_default(), findings);
        let concurrency = raw
            .concurrency
            .map_or(defaults::CONCURRENCY, |given| within(given, 1, findings));
        let queue = raw.queue.map_or(concurrency, |given| within(given, 0, findings));
        let catalogue_only = raw.targets == Some(Targets::Catalogue);
        let texts = |rules: &[Rule]| rules.iter().map(Rule::to_string).collect::<Vec<_>>();
        let shown = json!({
            "targets": if catalogue_only { "catalogue" } else { "any" },
            "allow": texts(&allow),
            "deny": texts(&deny),
            "concurrency": concurrency,
            "queue": queue,
        });
        Self {
            policy: Policy::guarded(allow, deny),
            catalogue_only,
            concurrency: concurrency as usize,
            queue: queue as usize,
            shown,
        }
    }

    pub(super) const fn shown(&self) -> &Value {
        &self.shown
    }
}

fn rules(texts: &[At<String>], findings: &Findings) -> Vec<Rule> {
    let rule = |text: &At<String>| {
        let parsed = text.value.parse();
        parsed
            .map_err(|error| {
                let what = format!("{} is {error}", shown(&text.value));
                let hint = "write it as in 10.0.0.0/8, 192.0.2.1, shop.example.com or *.example.com";
                findings.fault_with_hint(text.place, what, hint);
            })
            .ok()
    };
    texts.iter().filter_map(rule).collect()
}

fn within(given: At<u32>, least: u32, findings: &Findings) -> u32 {
    if !(least..=MOST_CONCURRENCY).contains(&given.value) {
        let what = format!("{} is no number of probes that can be kept", given.value);
        let hint = format!("it must be at least {least} and at most {MOST_CONCURRENCY}");
        findings.fault_with_hint(given.place, what, hint);
    }
    given.value.clamp(least, MOST_CONCURRENCY)
}
