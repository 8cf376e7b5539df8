//! `linkwatch check`: one probe of each endpoint, and a report that says what is wrong, why, and what to do.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{CheckArgs, Exit, Output, complain, warn};
use crate::clock::{Clock, SystemClock};
use crate::diagnosis::{self, Standing, Verdict};
use crate::endpoint::Endpoint;
use crate::outcome::Outcome;
use crate::outlook::platform::Known;
use crate::platform::{self, Adapter};
use crate::probe::{Module, Prober, Request};
use crate::state::platforms::Platforms;

mod plan;
mod report;

/// Endpoints that are probed at the same time.
const AT_ONCE: usize = 64;

/// An endpoint that has been checked.
#[derive(Debug)]
struct Checked {
    endpoint: Arc<Endpoint>,
    outcome: Outcome,
    verdict: Verdict,
}

/// Checks what the arguments name.
pub(super) fn run(args: &CheckArgs) -> Exit {
    let plan = match plan::Plan::of(args) {
        Ok(plan) => plan,
        Err(message) => return complain(&message),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start the runtime: {error}")),
    };
    let checked = runtime.block_on(check(plan));
    let exit = exit(&checked);
    match args.output {
        Output::Text => report::text(&checked),
        Output::Json => report::json(&checked),
        Output::Prometheus => report::prometheus(checked),
    }
    exit
}

/// What the shell is told: the worst that was found.
fn exit(checked: &[Checked]) -> Exit {
    if checked
        .iter()
        .any(|checked| checked.verdict.standing == Standing::Unknown)
    {
        Exit::Unknown
    } else if checked.iter().any(|checked| checked.verdict.root.is_some()) {
        Exit::Cause
    } else {
        Exit::Fine
    }
}

async fn check(plan: plan::Plan) -> Vec<Checked> {
    let prober = Arc::new(plan.prober);
    let vantage_up = look_around(&prober, &plan.anchors, &plan.anchor_module).await;
    let platforms = Arc::new(ask(plan.platforms).await);
    let told = plan.targets.into_iter().map(|(mut endpoint, module)| {
        platforms.tell(&mut endpoint);
        (endpoint, module)
    });
    let mut waiting = told.enumerate();
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((place, (endpoint, module))) = waiting.next()
        {
            let prober = Arc::clone(&prober);
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
        let now = SystemClock.now();
        let context = diagnosis::Context {
            vantage_up,
            platform: platforms.about(&endpoint, None, now),
            ..diagnosis::Context::at(now)
        };
        let verdict = diagnosis::diagnose(&outcome, &endpoint, &context);
        done.push((
            place,
            Checked {
                endpoint,
                outcome,
                verdict,
            },
        ));
    }
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, checked)| checked).collect()
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

/// Whether any anchor answers; `None` where the configuration names none.
async fn look_around(prober: &Arc<Prober>, anchors: &[url::Url], module: &Arc<Module>) -> Option<bool> {
    if anchors.is_empty() {
        return None;
    }
    let outcomes = crate::vantage::ask_all(prober, module, anchors).await;
    Some(outcomes.iter().any(Outcome::answered))
}
