//! One round: every endpoint is probed once, a bounded number at a time, and judged.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use super::super::warn;
use super::plan::Plan;
use super::{Checked, Probed};
use crate::clock::{Clock as _, SystemClock};
use crate::diagnosis;
use crate::endpoint::Endpoint;
use crate::outcome::Outcome;
use crate::outlook::platform::Known;
use crate::platform::{self, Adapter};
use crate::probe::{Module, Prober, Request};
use crate::state::platforms::Platforms;

/// Endpoints that are probed at the same time.
const AT_ONCE: usize = 64;

/// What is needed to check again and again.
#[derive(Debug)]
pub(super) struct Rounds {
    prober: Arc<Prober>,
    anchors: Vec<Url>,
    anchor_module: Arc<Module>,
    targets: Vec<(Arc<Endpoint>, Arc<Module>)>,
    platforms: Vec<platform::Settings>,
    told: Option<Told>,
}

/// What the platforms said, and until when that is taken for their word.
#[derive(Debug, Clone)]
struct Told {
    platforms: Arc<Platforms>,
    until: Instant,
}

impl Rounds {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            prober: Arc::new(plan.prober),
            anchors: plan.anchors,
            anchor_module: plan.anchor_module,
            targets: plan.targets,
            platforms: plan.platforms,
            told: None,
        }
    }

    /// How many endpoints there are.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Checks every endpoint; `seen` learns of each as it is done. What was said before keeps texts stable where
    /// addresses have merely rotated.
    pub(super) async fn next(&mut self, before: &[Checked], mut seen: impl FnMut(&Checked)) -> Vec<Checked> {
        let vantage_up = self.look_around().await;
        let platforms = self.ask_platforms().await;
        let told = self.targets.iter().map(|(endpoint, module)| {
            let mut endpoint = Arc::clone(endpoint);
            platforms.tell(&mut endpoint);
            (endpoint, Arc::clone(module))
        });
        let mut waiting = told.enumerate();
        let mut running = JoinSet::new();
        let mut done = Vec::with_capacity(self.targets.len());
        loop {
            while running.len() < AT_ONCE
                && let Some((place, (endpoint, module))) = waiting.next()
            {
                let prober = Arc::clone(&self.prober);
                running.spawn(async move {
                    let outcome = prober.probe(&Request::catalogue(&endpoint, &module, &[])).await;
                    (place, endpoint, outcome)
                });
            }
            let Some(finished) = running.join_next().await else {
                break;
            };
            // A probe that panicked is a defect of ours; the others' answers are still worth having.
            let Ok((place, endpoint, outcome)) = finished else {
                continue;
            };
            let previous = before.iter().find(|old| old.endpoint.name == endpoint.name);
            let now = SystemClock.now();
            let context = diagnosis::Context {
                vantage_up,
                previous: previous.map(|old| &old.verdict),
                platform: platforms.about(&endpoint, None, now),
                ..diagnosis::Context::at(now)
            };
            let verdict = diagnosis::diagnose(&outcome, &endpoint, &context);
            let probed = Probed { outcome, at: now };
            let checked = Checked {
                endpoint,
                probed,
                verdict,
            };
            seen(&checked);
            done.push((place, checked));
        }
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, checked)| checked).collect()
    }

    /// Whether any anchor answers; `None` where the configuration names none.
    async fn look_around(&self) -> Option<bool> {
        if self.anchors.is_empty() {
            return None;
        }
        let outcomes = crate::vantage::ask_all(&self.prober, &self.anchor_module, &self.anchors).await;
        Some(outcomes.iter().any(Outcome::answered))
    }

    /// What the platforms say: asked anew once the shortest of their intervals is over, as `serve` would.
    async fn ask_platforms(&mut self) -> Arc<Platforms> {
        if let Some(told) = self.told.as_ref().filter(|told| Instant::now() < told.until) {
            return Arc::clone(&told.platforms);
        }
        let platforms = Arc::new(ask(self.platforms.clone()).await);
        let interval = self.platforms.iter().map(|settings| settings.interval).min();
        self.told = Some(Told {
            platforms: Arc::clone(&platforms),
            until: Instant::now() + interval.unwrap_or(Duration::from_secs(3_600)),
        });
        platforms
    }
}

/// Asks each platform once; of one that is silent nothing is known, and that is said.
async fn ask(settings: Vec<platform::Settings>) -> Platforms {
    let names: Vec<_> = settings
        .iter()
        .map(|settings| (settings.name.clone(), settings.interval))
        .collect();
    let mut platforms = Platforms::default().succeed(&names, |_| None);
    let now = SystemClock.now();
    let mut running: JoinSet<_> = settings
        .into_iter()
        .map(|settings| async move {
            let asked = async { Adapter::new(&settings)?.domains(now).await };
            (settings.name.clone(), asked.await)
        })
        .collect();
    while let Some(finished) = running.join_next().await {
        match finished {
            Ok((name, Ok(domains))) => {
                let known = Arc::new(Known::default().succeed(domains, now));
                platforms = platforms.with(&name, |platform| platform.known = Some(Arc::clone(&known)));
            }
            Ok((name, Err(error))) => {
                warn(&format!(
                    "the platform {name} does not tell what it expects: {error}"
                ));
            }
            Err(_) => {}
        }
    }
    platforms
}
