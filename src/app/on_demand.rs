//! Makes the probes that `/probe` asks for, by the configuration in force.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{demand, single};
use crate::cause::ProbeCause;
use crate::config::{self, Config, Demand};
use crate::endpoint::ModuleName;
use crate::metrics::blackbox::success;
use crate::probe::{Module, Prober};
use crate::record::Recorder;
use crate::record::demand::Asked;
use crate::state::State;
use crate::state::demand::Account;
use crate::telemetry::PROBES;
use crate::web::{self, BadProbe, Explained, ProbeAnswer, ProbeRequest, Probing, Unprobed};

/// What stands behind `/probe`.
#[derive(Debug)]
pub(super) struct OnDemand {
    terms: ArcSwap<Terms>,
    state: Arc<State>,
    /// What is recorded is kept until the last recorder goes, which the servers outlive: they must not hold it.
    recorder: Weak<Recorder>,
}

/// What a configuration says of it.
#[derive(Debug)]
pub(super) struct Terms {
    modules: HashMap<ModuleName, Offered>,
    demand: Demand,
    prober: Arc<Prober>,
}

/// A module that can be asked for.
#[derive(Debug)]
struct Offered {
    module: Arc<Module>,
    /// In YAML, every secret masked.
    shown: Arc<str>,
}

impl Terms {
    pub(super) fn of(config: &Config, prober: &Arc<Prober>) -> Self {
        let offered = |(name, module): (&ModuleName, &Arc<Module>)| {
            let offered = Offered {
                module: Arc::clone(module),
                shown: config::show_module(config, name).unwrap_or_default().into(),
            };
            (name.clone(), offered)
        };
        Self {
            modules: config.modules.iter().map(offered).collect(),
            demand: config.demand.clone(),
            prober: Arc::clone(prober),
        }
    }
}

impl OnDemand {
    pub(super) fn new(terms: Terms, state: Arc<State>, recorder: &Arc<Recorder>) -> Self {
        Self {
            terms: ArcSwap::from_pointee(terms),
            state,
            recorder: Arc::downgrade(recorder),
        }
    }

    /// Probes by these terms from now on; what runs ends by the old ones.
    pub(super) fn replace(&self, terms: Terms) {
        self.terms.store(Arc::new(terms));
    }

    async fn make(&self, request: ProbeRequest) -> Result<Arc<ProbeAnswer>, Unprobed> {
        let terms = self.terms.load_full();
        let name = ModuleName::from(request.module.as_str());
        let offered = terms.modules.get(&name);
        if offered.is_none() {
            self.record(Recorder::unknown_module);
        }
        demand::admit(&terms.demand, &self.state.catalogue(), &request.target)
            .inspect_err(|_| self.record(Recorder::refused))?;
        let offered = offered.ok_or_else(|| BadProbe(format!("unknown module {:?}", request.module)))?;
        let target = web::shown_target(&request.target);
        let probed = single::probe(&request, &offered.module, &terms.prober, &terms.demand.policy).await?;
        let answer = Arc::new(ProbeAnswer {
            asked: probed.asked,
            outcome: probed.outcome,
            cause: probed.cause,
            module: Arc::clone(&offered.shown),
        });
        log(&target, &name, &answer);
        if answer.outcome.forbidden() {
            self.record(Recorder::refused);
        }
        self.record(|recorder| {
            recorder.asked(Asked {
                module: request.module,
                target,
                success: success(&answer.outcome),
                cause: answer.cause,
                elapsed: answer.outcome.elapsed,
                size: answer.outcome.size(),
                account: Account::new(Explained(Arc::clone(&answer))),
            });
        });
        Ok(answer)
    }

    /// Once the program has begun to stop there is nobody left to be told.
    fn record(&self, what: impl FnOnce(&Recorder)) {
        if let Some(recorder) = self.recorder.upgrade() {
            what(&recorder);
        }
    }
}

impl Probing for OnDemand {
    fn probe(&self, request: ProbeRequest) -> BoxFuture<'_, Result<Arc<ProbeAnswer>, Unprobed>> {
        self.make(request).boxed()
    }
}

/// A line about one probe on demand, for who wants them (`--log.prober`).
fn log(target: &str, module: &ModuleName, answer: &ProbeAnswer) {
    let elapsed = answer.outcome.elapsed.as_secs_f64();
    if success(&answer.outcome) {
        tracing::debug!(target: PROBES, target, %module, duration_seconds = elapsed, "probe succeeded");
    } else {
        let cause = answer.cause.map_or("none", ProbeCause::as_str);
        tracing::error!(target: PROBES, target, %module, duration_seconds = elapsed, cause, "probe failed");
    }
}
