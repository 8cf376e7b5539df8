//! What is known of which hosts there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::coverage::{Ignored, unwatched};

/// The whole of it, by source; replaced by every change, so that a reader sees one moment.
#[derive(Debug, Clone, Default)]
pub struct Coverage(pub Vec<Source>);

/// A list of hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Whether it answered when it was last asked; `None` before.
    pub up: Option<bool>,
    /// What was wrong then, at most 200 bytes.
    pub problem: Option<String>,
    /// The last list; `None` before the first.
    pub known: Option<Arc<BTreeSet<String>>>,
    /// Those of it that nobody watches.
    pub unwatched: Arc<BTreeSet<String>>,
}

impl Coverage {
    /// The same knowledge with one source changed, or added.
    #[must_use]
    pub fn with(&self, name: &str, change: impl Fn(&mut Source)) -> Self {
        let mut all = self.clone();
        let place = all
            .0
            .iter()
            .position(|source| source.name == name)
            .unwrap_or_else(|| {
                all.0.push(Source {
                    name: name.to_owned(),
                    ..Source::default()
                });
                all.0.len() - 1
            });
        change(&mut all.0[place]);
        all
    }

    /// The same knowledge held against what is watched now; the very same where nothing is different.
    #[must_use]
    pub fn held_against(&self, watched: &BTreeSet<String>, ignored: &[Ignored]) -> Self {
        let mut all = self.clone();
        for source in &mut all.0 {
            let known = source.known.as_deref();
            let missing = known.map_or_else(BTreeSet::new, |known| unwatched(known, watched, ignored));
            if missing != *source.unwatched {
                source.unwatched = Arc::new(missing);
            }
        }
        all
    }
}
