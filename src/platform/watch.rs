//! Asks a platform again and again, and at once when one of its endpoints begins to fail.

use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Adapter, Settings};
use crate::clock::Clock;
use crate::endpoint::PlatformName;
use crate::record::Recorder;

/// The loop over one platform.
#[derive(Debug)]
pub struct Watch {
    /// The platform.
    pub settings: Settings,
    /// Makes known what it says.
    pub recorder: Arc<Recorder>,
    /// Dates it.
    pub clock: Arc<dyn Clock>,
    /// Tells of the platforms whose endpoints begin to fail.
    pub doubts: broadcast::Receiver<PlatformName>,
}

impl Watch {
    /// Asks until told to stop; `tell` is called whenever the platform expects something else than before.
    pub async fn run<F: Future<Output = ()> + Send>(
        mut self,
        tell: impl Fn() -> F + Send,
        stop: CancellationToken,
    ) {
        let mut adapter = match Adapter::new(&self.settings) {
            Ok(adapter) => adapter,
            Err(error) => {
                self.recorder
                    .platform_silent(&self.settings.name, &error.to_string());
                return;
            }
        };
        let mut unasked = None;
        loop {
            let begun = Instant::now();
            let changed = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                changed = self.ask(&mut adapter) => changed,
            };
            if changed {
                tell().await;
            }
            let turn = begun + self.settings.interval;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.doubted(unasked) => unasked = Some(Instant::now()),
                () = tokio::time::sleep_until(turn) => {}
            }
        }
    }

    async fn ask(&self, adapter: &mut Adapter) -> bool {
        match adapter.domains(self.clock.now()).await {
            Ok(domains) => self.recorder.platform_told(&self.settings.name, domains),
            Err(error) => {
                self.recorder
                    .platform_silent(&self.settings.name, &error.to_string());
                false
            }
        }
    }

    /// Ends when an endpoint of the platform begins to fail, at most once per interval: failures come in crowds, and
    /// the platform may be what fails.
    async fn doubted(&mut self, last: Option<Instant>) {
        loop {
            match self.doubts.recv().await {
                Ok(platform) if platform != self.settings.name => {}
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    if last.is_none_or(|last| last.elapsed() >= self.settings.interval) {
                        return;
                    }
                }
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
