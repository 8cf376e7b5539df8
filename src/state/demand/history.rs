//! The last results of `/probe`, and the failed ones among those before: bounded in number and in bytes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cause::ProbeCause;

/// Bytes that are kept in all.
const MOST_BYTES: usize = 16 << 20;

/// A text that is written when somebody reads it.
#[derive(Clone)]
pub struct Account(Arc<dyn fmt::Display + Send + Sync>);

impl Account {
    /// The account that this displays.
    pub fn new(of: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self(Arc::new(of))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account")
    }
}

/// One result with all that is to be said of it.
#[derive(Debug)]
pub struct Debugged {
    /// Counted from 0.
    pub id: u64,
    /// When it was there.
    pub at: Timestamp,
    /// By which module.
    pub module: String,
    /// What was probed, without credentials.
    pub target: String,
    /// Whether the probe succeeded.
    pub success: bool,
    /// What stands in the way, if anything does.
    pub cause: Option<ProbeCause>,
    /// Bytes that it takes, about.
    pub size: usize,
    /// Log, series and module, as the debug output has them.
    pub account: Account,
}

/// The last results.
#[derive(Debug, Default)]
pub struct History {
    limit: usize,
    next: u64,
    /// The newest last.
    last: VecDeque<Arc<Debugged>>,
    /// Failed ones that are no longer among the last.
    failed: VecDeque<Arc<Debugged>>,
    bytes: usize,
}

impl History {
    /// Keeps so many results, and as many failed ones of those before.
    pub fn keep(&mut self, limit: usize) {
        self.limit = limit;
        self.shrink();
    }

    /// Adds a result. For `record` alone.
    pub fn add(&mut self, result: impl FnOnce(u64) -> Debugged) {
        let result = result(self.next);
        self.next += 1;
        if self.limit == 0 {
            return;
        }
        self.bytes += size(&result);
        self.last.push_back(Arc::new(result));
        self.shrink();
    }

    /// All that is kept, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Arc<Debugged>> {
        self.last.iter().rev().chain(self.failed.iter().rev())
    }

    /// The result of this number.
    #[must_use]
    pub fn by_id(&self, id: u64) -> Option<Arc<Debugged>> {
        self.newest().find(|result| result.id == id).cloned()
    }

    /// The newest result of a target, and of a module if one is named.
    #[must_use]
    pub fn by_target(&self, target: &str, module: Option<&str>) -> Option<Arc<Debugged>> {
        self.newest()
            .find(|result| result.target == target && module.is_none_or(|module| result.module == module))
            .cloned()
    }

    /// Bytes that are kept.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) {
        while self.last.len() > self.limit {
            let Some(old) = self.last.pop_front() else { break };
            if old.success || self.limit == 0 {
                self.bytes -= size(&old);
            } else {
                self.failed.push_back(old);
            }
        }
        while self.failed.len() > self.limit || self.bytes > MOST_BYTES {
            let Some(old) = self.failed.pop_front().or_else(|| self.last.pop_front()) else {
                break;
            };
            self.bytes -= size(&old);
        }
    }
}

fn size(result: &Debugged) -> usize {
    size_of::<Debugged>() + result.size + result.target.len() + result.module.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(limit: usize) -> History {
        let mut history = History::default();
        history.keep(limit);
        history
    }

    fn result(target: &str, success: bool, bytes: usize) -> impl FnOnce(u64) -> Debugged {
        result_by("http_2xx", target, success, bytes)
    }

    fn result_by(module: &str, target: &str, success: bool, bytes: usize) -> impl FnOnce(u64) -> Debugged {
        let (module, target) = (module.to_owned(), target.to_owned());
        move |id| Debugged {
            id,
            at: Timestamp::UNIX_EPOCH,
            module,
            target,
            success,
            cause: None,
            size: bytes,
            account: Account::new("x"),
        }
    }

    fn ids(history: &History) -> Vec<u64> {
        history.newest().map(|result| result.id).collect()
    }

    #[test]
    fn failed_results_outlive_those_that_succeeded() {
        let mut history = history(2);
        for success in [false, true, false, true, true] {
            history.add(result("a", success, 1));
        }
        assert_eq!(ids(&history), [4, 3, 2, 0]);
        history.add(result("a", false, 1));
        history.add(result("a", true, 1));
        history.add(result("a", true, 1));
        assert_eq!(
            ids(&history),
            [7, 6, 5, 2],
            "so many failed ones are kept, the newest"
        );
        history.keep(0);
        assert_eq!((ids(&history), history.bytes()), (Vec::new(), 0));
    }

    #[test]
    fn a_result_is_found_by_number_and_by_target_the_newest_first() {
        let mut history = history(10);
        for (target, success) in [("a", false), ("b", true), ("a", true)] {
            history.add(result(target, success, 1));
        }
        assert_eq!(history.by_target("a", None).unwrap().id, 2);
        assert_eq!(history.by_target("a", Some("http_2xx")).unwrap().id, 2);
        assert!(history.by_target("a", Some("tcp")).is_none());
        assert_eq!(history.by_id(1).unwrap().target, "b");
        assert!(history.by_id(3).is_none());
    }

    #[test]
    fn of_several_modules_that_asked_a_target_the_one_that_is_named_is_found() {
        let mut history = history(10);
        for module in ["tcp", "http", "dns", "tcp"] {
            history.add(result_by(module, "a", module != "http", 1));
        }
        let found = |module| history.by_target("a", module).map(|result| result.id);
        assert_eq!(found(None), Some(3));
        assert_eq!(found(Some("http")), Some(1));
        assert_eq!(found(Some("tcp")), Some(3), "the newest of them");
        assert_eq!(found(Some("icmp")), None);
        assert!(history.by_target("b", Some("tcp")).is_none());
    }

    #[test]
    fn whatever_is_kept_fits_the_bound_in_bytes() {
        let mut history = history(10_000);
        for number in 0..200 {
            history.add(result("a", number % 2 == 0, 256 << 10));
            assert!(history.bytes() <= MOST_BYTES, "{}", history.bytes());
        }
        let kept: usize = history.newest().map(|result| size(result)).sum();
        assert_eq!(kept, history.bytes());
        assert!(ids(&history).len() > 50, "no more go than must");
    }
}
