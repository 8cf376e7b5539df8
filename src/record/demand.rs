//! What was asked of `/probe`, and what came of it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Recorder;
use crate::cause::ProbeCause;
use crate::state::demand::{Account, Debugged};

/// Longest target that is kept, in bytes.
const MOST_TARGET: usize = 2048;

/// A probe on demand that has come back.
#[derive(Debug)]
pub struct Asked {
    /// By which module.
    pub module: String,
    /// What was probed, without credentials.
    pub target: String,
    /// Whether it succeeded.
    pub success: bool,
    /// What stands in the way, if anything does.
    pub cause: Option<ProbeCause>,
    /// How long it took.
    pub elapsed: Duration,
    /// Bytes that it takes, about.
    pub size: usize,
    /// Log, series and module.
    pub account: Account,
}

impl Recorder {
    /// Makes a probe on demand known.
    pub fn asked(&self, asked: Asked) {
        let Asked {
            module,
            mut target,
            success,
            cause,
            elapsed,
            size,
            account,
        } = asked;
        let demand = &self.state.demand;
        demand.count(&module, success, elapsed);
        let end = (0..=MOST_TARGET.min(target.len()))
            .rev()
            .find(|at| target.is_char_boundary(*at));
        target.truncate(end.unwrap_or(0));
        let at = self.clock.now();
        demand.history().add(|id| Debugged {
            id,
            at,
            module,
            target,
            success,
            cause,
            size,
            account,
        });
    }

    /// A module was asked for that there is not.
    pub fn unknown_module(&self) {
        self.state.demand.unknown_modules.fetch_add(1, Relaxed);
    }

    /// A probe was asked for that may not be made.
    pub fn refused(&self) {
        self.state.demand.refused.fetch_add(1, Relaxed);
    }

    /// The modules that can be asked for are now these, and so many results are kept.
    pub fn demand_replaced<'n>(&self, modules: impl Iterator<Item = &'n str>, history: usize) {
        self.state.demand.replace_modules(modules);
        self.state.demand.history().keep(history);
    }

    /// Whether the program stands in for `blackbox_exporter`.
    pub fn stands_in(&self, as_blackbox: bool) {
        self.state.own.update(|health| health.as_blackbox = as_blackbox);
    }

    /// The web configuration was loaded, or could not be.
    pub fn web_reloaded(&self, successful: bool) {
        let update = Some(successful);
        self.state
            .own
            .update(|health| health.web_reload_successful = update);
    }
}
