//! The view from here: asks anchors that are never ours, so that a blind vantage point is not taken for an outage.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::endpoint::{AddressChoice, Expectation};
use crate::outcome::Outcome;
use crate::probe::policy;
use crate::probe::{Module, Prober, Request};
use crate::record::Recorder;

/// How often the anchors are asked while nothing gives reason to doubt.
const INTERVAL: Duration = Duration::from_secs(15);

/// How often they are asked while none answers: judgement is to go on soon after the view is back.
const INTERVAL_BLIND: Duration = Duration::from_secs(2);

/// Time for an anchor to answer: less than a confirmation takes, so that the answer is there before `down` is said.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Doubts closer together than this are one.
const DOUBTS_APART: Duration = Duration::from_millis(500);

/// Asks the anchors, on a schedule and whenever an endpoint begins to fail.
#[derive(Debug)]
pub struct Watch {
    /// At least two; any HTTP answer of any of them means that this vantage point is not blind.
    pub anchors: Vec<Url>,
    /// How they are asked: whatever their certificate, since a skewed clock must not blind us too.
    pub module: Arc<Module>,
    /// Who asks.
    pub prober: Arc<Prober>,
    /// Who is told.
    pub recorder: Arc<Recorder>,
}

impl Watch {
    /// Asks until told to stop.
    pub async fn run(self, doubts: Arc<tokio::sync::Mutex<mpsc::Receiver<()>>>, stop: CancellationToken) {
        let mut doubts = doubts.lock().await;
        loop {
            let began = Instant::now();
            let outcomes = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                outcomes = ask_all(&self.prober, &self.module, &self.anchors) => outcomes,
            };
            self.recorder.record_anchors(&outcomes);
            let interval = if outcomes.iter().any(Outcome::answered) {
                INTERVAL
            } else {
                INTERVAL_BLIND
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(began + interval) => {}
                Some(()) = doubts.recv() => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep_until(began + DOUBTS_APART) => {}
                    }
                }
            }
        }
    }
}

/// Asks every anchor once, together.
pub async fn ask_all(prober: &Arc<Prober>, module: &Arc<Module>, anchors: &[Url]) -> Vec<Outcome> {
    let mut asked = JoinSet::new();
    for anchor in anchors {
        let (prober, module, anchor) = (Arc::clone(prober), Arc::clone(module), anchor.clone());
        asked.spawn(async move { ask(&prober, &module, &anchor).await });
    }
    asked.join_all().await
}

async fn ask(prober: &Prober, module: &Module, anchor: &Url) -> Outcome {
    prober
        .probe(&Request {
            url: anchor,
            module,
            addresses: AddressChoice::One,
            expect: &Expectation::default(),
            told: &[],
            former_targets: &[],
            marked: false,
            hostname: None,
            policy: &policy::OPEN,
            deadline: Instant::now() + TIMEOUT,
        })
        .await
}
