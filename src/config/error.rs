//! What is wrong with a configuration: every fault at once, each with its place and what to do.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::at::At;
use super::files::Sources;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// From 1; 0: the file as a whole.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// One fault, or one thing worth a warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Where in the file.
    pub place: Place,
    /// What is wrong. Never shows a secret.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.place.line > 0 {
            write!(f, "{}:{}:", self.place.line, self.place.column)?;
        }
        write!(f, " {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Why a configuration cannot be used: at least one fault.
#[derive(Debug, Clone)]
pub struct ConfigErrors {
    /// The faults, by file and place.
    pub problems: Vec<Problem>,
    /// The files that were read, so that a reload can wait until one of them changes.
    pub sources: Sources,
}

impl ConfigErrors {
    /// Of a file that has lost its contents, most likely because somebody is writing it.
    #[must_use]
    pub fn emptied(file: &Path, sources: Sources) -> Self {
        let what = "the file says nothing any more, and what it said is still watched";
        let hint = "to watch nothing, write `groups: []`";
        Self::of_file(file, what.to_owned(), Some(hint.to_owned()), sources)
    }

    /// Of one fault that the whole file has.
    pub(super) fn of_file(file: &Path, what: String, hint: Option<String>, sources: Sources) -> Self {
        let problem = Problem {
            file: file.to_owned(),
            place: Place::default(),
            what,
            hint,
        };
        Self {
            problems: vec![problem],
            sources,
        }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects the faults of one file while it is read and resolved.
#[derive(Debug)]
pub(super) struct Findings {
    file: PathBuf,
    faults: RefCell<BTreeSet<Problem>>,
    warnings: RefCell<BTreeSet<Problem>>,
    /// Keys whose value was refused, by the place of their mapping: they are wrong, not missing.
    refused: RefCell<BTreeSet<(Place, String)>>,
}

impl Findings {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            faults: RefCell::default(),
            warnings: RefCell::default(),
            refused: RefCell::default(),
        }
    }

    /// A fault without more to say than what it is.
    pub(super) fn fault(&self, place: Place, what: impl Into<String>) {
        self.put(&self.faults, place, what.into(), None);
    }

    /// A fault and what to do about it.
    pub(super) fn fault_with_hint(&self, place: Place, what: impl Into<String>, hint: impl Into<String>) {
        self.put(&self.faults, place, what.into(), Some(hint.into()));
    }

    /// Something that works, but not as its author may think.
    pub(super) fn warn(&self, place: Place, what: impl Into<String>, hint: impl Into<String>) {
        self.put(&self.warnings, place, what.into(), Some(hint.into()));
    }

    /// Notes a name that must be unique; the second of two is a fault that says where the first one stands.
    pub(super) fn unique(&self, kind: (&str, &str), name: &At<String>, taken: &mut BTreeMap<String, Place>) {
        let (one, many) = kind;
        if let Some(first) = taken.insert(name.value.clone(), name.place) {
            let first = self.spot(first);
            let what = format!("the {one} {} is also declared at {first}", shown(&name.value));
            self.fault_with_hint(name.place, what, format!("names of {many} are unique"));
        }
    }

    /// A key that must be there and is not; silent where its value has already been refused.
    pub(super) fn missing(&self, mapping: Place, key: &str, why: &str) {
        if !self.was_refused(mapping, key) {
            self.fault_with_hint(mapping, format!("\"{key}\" is missing"), why);
        }
    }

    /// Something of the contract that comes later.
    pub(super) fn unsupported(&self, place: Place, what: &str) {
        self.fault(place, format!("{what} is not supported yet"));
    }

    pub(super) fn refuse(&self, mapping: Place, key: &str) {
        self.refused.borrow_mut().insert((mapping, key.to_owned()));
    }

    pub(super) fn was_refused(&self, mapping: Place, key: &str) -> bool {
        self.refused.borrow().contains(&(mapping, key.to_owned()))
    }

    /// The file and a place in it, for a fault that names two.
    pub(super) fn spot(&self, place: Place) -> String {
        format!("{}:{}:{}", self.file.display(), place.line, place.column)
    }

    fn put(&self, into: &RefCell<BTreeSet<Problem>>, place: Place, what: String, hint: Option<String>) {
        into.borrow_mut().insert(Problem {
            file: self.file.clone(),
            place,
            what,
            hint,
        });
    }

    /// Faults and warnings, each in the order of the file.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (
            self.faults.into_inner().into_iter().collect(),
            self.warnings.into_inner().into_iter().collect(),
        )
    }
}

/// The known word that is most like `word`, as a hint.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(candidate, word), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean \"{candidate}\"?"))
}

/// A value as an error may show it: short, on one line, and not at all where it may carry credentials.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 80;
    if value.contains('@') {
        return "\"…\"".to_owned();
    }
    let short: String = value.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    let more = if value.chars().nth(LONGEST).is_some() {
        "…"
    } else {
        ""
    };
    format!("\"{short}{more}\"")
}
