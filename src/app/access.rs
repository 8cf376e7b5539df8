//! Follows `--web.config.file`: who is let in changes with the file, without a restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Sources, WebConfig};
use crate::record::Recorder;
use crate::web::access::Access;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Who is let in, kept as the file has it.
#[derive(Debug)]
pub(super) struct Watch {
    current: Arc<ArcSwap<Access>>,
    file: Option<(PathBuf, Sources)>,
    recorder: Arc<Recorder>,
}

impl Watch {
    pub(super) fn new(path: Option<&Path>, loaded: Option<WebConfig>, recorder: &Arc<Recorder>) -> Self {
        let mut watch = Self {
            current: Arc::default(),
            file: None,
            recorder: Arc::clone(recorder),
        };
        if let Some((path, loaded)) = path.zip(loaded) {
            watch.put_in_force(path, loaded);
        }
        watch
    }

    /// What is in force, for the servers.
    pub(super) fn current(&self) -> Arc<ArcSwap<Access>> {
        Arc::clone(&self.current)
    }

    /// Looks at the files until told to stop. A file that cannot be used leaves in force what it said before: what is half
    /// written for a moment must neither open the doors nor lock out the scrapers.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some((path, sources)) = self.file.clone() {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = look.tick() => {}
            }
            let read = tokio::task::spawn_blocking(move || {
                sources.changed().then(|| (config::load_web(&path), path))
            });
            if let Ok(Some((loaded, path))) = read.await {
                self.take_in(loaded, path);
            }
        }
    }

    fn take_in(&mut self, loaded: Result<WebConfig, config::ConfigErrors>, path: PathBuf) {
        match loaded {
            Ok(loaded) if let Some(what) = loaded.access.gives_up(&self.current.load()) => {
                // A file is written piece by piece, and what is there first may be valid by itself.
                tracing::error!(
                    file = %path.display(),
                    "the web configuration no longer has {what}: the one in force stays (a restart lets that go)"
                );
                self.file = Some((path, loaded.sources));
                self.recorder.web_reloaded(false);
            }
            Ok(loaded) => {
                tracing::info!(file = %path.display(), "the web configuration has changed");
                self.put_in_force(&path, loaded);
            }
            Err(errors) => {
                let text = errors.to_string();
                tracing::error!(errors = %text, "the web configuration cannot be used: the one in force stays");
                self.file = Some((path, errors.sources));
                self.recorder.web_reloaded(false);
            }
        }
    }

    fn put_in_force(&mut self, path: &Path, loaded: WebConfig) {
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        self.current.store(Arc::new(loaded.access));
        self.file = Some((path.to_owned(), loaded.sources));
        self.recorder.web_reloaded(true);
    }
}
