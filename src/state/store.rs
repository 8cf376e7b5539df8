//! What must outlive a restart: the state of each endpoint, in an embedded store (redb).
//!
//! A damaged store is set aside and reported, and never stops the watch; damage includes a panic of the store
//! itself, so everything that reads a file of unknown condition is guarded.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::EndpointState;
use crate::endpoint::{EndpointName, PlatformName};
use crate::incident::Incident;
use crate::outlook::platform::Known;
use crate::outlook::registration::Registration;

/// One row per endpoint: name to state, as JSON, which tolerates fields that come and go.
const ENDPOINTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("endpoints");

/// One row per platform: name to all that it said last, as JSON.
const PLATFORMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("platforms");

/// One row per registrable domain: what its registry says, as JSON.
const REGISTRATIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("registrations");

/// One row per incident: its number, in digits that sort, to what is known of it, as JSON.
const INCIDENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("incidents");

/// The file in the storage directory.
const FILE: &str = "linkwatch.redb";

/// The open store.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

/// What opening a store came to.
#[derive(Debug)]
pub struct Opened {
    /// The store, fresh if the one found was damaged.
    pub store: Store,
    /// What it remembered.
    pub remembered: Remembered,
    /// Where a damaged store was put, and what was wrong with it.
    pub set_aside: Option<(PathBuf, String)>,
}

/// What a store remembers of an earlier run.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Of each endpoint.
    pub endpoints: HashMap<EndpointName, EndpointState>,
    /// Of each platform.
    pub platforms: HashMap<PlatformName, Arc<Known>>,
    /// Of each domain.
    pub registrations: Vec<Arc<Registration>>,
    /// Of what was wrong before.
    pub incidents: Vec<Incident>,
}

/// What is written in one transaction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes<'a> {
    /// What is known of these endpoints now.
    pub states: &'a [(EndpointName, EndpointState)],
    /// Endpoints that are no longer watched.
    pub forgotten: &'a [EndpointName],
    /// What these platforms say now.
    pub platforms: &'a [(PlatformName, Arc<Known>)],
    /// What registries say now.
    pub registrations: &'a [Arc<Registration>],
    /// What is known of these incidents now.
    pub incidents: &'a [Arc<Incident>],
    /// Incidents that are too old to be kept.
    pub past: &'a [u64],
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made.
    #[error("cannot create the storage directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds it.
    #[error("the store {0} is in use by another process: give each its own --storage.path")]
    InUse(PathBuf),
    /// Reading or writing failed.
    #[error("the store {path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
}

impl Store {
    /// Opens the store in a directory, making both where they do not exist.
    pub fn open(directory: &Path) -> Result<Opened, StoreError> {
        std::fs::create_dir_all(directory).map_err(|source| StoreError::Directory {
            path: directory.to_owned(),
            source,
        })?;
        let path = directory.join(FILE);
        match guarded(|| read(&path)) {
            Ok((store, remembered)) => Ok(Opened {
                store,
                remembered,
                set_aside: None,
            }),
            Err(Trouble::InUse) => Err(StoreError::InUse(path)),
            Err(Trouble::System(reason)) => Err(StoreError::Unusable { path, reason }),
            Err(Trouble::Damaged(reason)) => {
                let aside = set_aside(&path)?;
                let (store, remembered) =
                    guarded(|| read(&path)).map_err(|trouble| StoreError::Unusable {
                        path: path.clone(),
                        reason: trouble.into_reason(),
                    })?;
                Ok(Opened {
                    store,
                    remembered,
                    set_aside: Some((aside, reason)),
                })
            }
        }
    }

    /// Writes what has changed, in one transaction.
    pub fn write(&self, changes: &Changes<'_>) -> Result<(), StoreError> {
        guarded(|| {
            let transaction = self.database.begin_write().map_err(trouble)?;
            let states = changes.states.iter();
            insert(
                &transaction,
                ENDPOINTS,
                states.map(|(name, state)| (name.as_str(), state)),
            )?;
            remove(
                &transaction,
                ENDPOINTS,
                changes.forgotten.iter().map(EndpointName::as_str),
            )?;
            let registrations = changes.registrations.iter();
            insert(
                &transaction,
                REGISTRATIONS,
                registrations.map(|of| (of.domain.as_str(), of)),
            )?;
            let platforms = changes.platforms.iter();
            insert(
                &transaction,
                PLATFORMS,
                platforms.map(|(name, known)| (name.as_str(), known)),
            )?;
            let incidents = changes.incidents.iter();
            insert(
                &transaction,
                INCIDENTS,
                incidents.map(|incident| (number(incident.id), incident)),
            )?;
            remove(&transaction, INCIDENTS, changes.past.iter().copied().map(number))?;
            transaction.commit().map_err(trouble)
        })
        .map_err(|trouble| StoreError::Unusable {
            path: PathBuf::from(FILE),
            reason: trouble.into_reason(),
        })
    }
}

/// What can be wrong with a store.
enum Trouble {
    InUse,
    System(String),
    Damaged(String),
}

impl Trouble {
    fn into_reason(self) -> String {
        match self {
            Self::InUse => "in use by another process".to_owned(),
            Self::System(reason) | Self::Damaged(reason) => reason,
        }
    }
}

fn trouble(error: impl Into<redb::Error>) -> Trouble {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    let error = error.into();
    let reason = error.to_string();
    if matches!(error, redb::Error::DatabaseAlreadyOpen) {
        Trouble::InUse
    } else if let redb::Error::Io(io) = &error
        && !matches!(io.kind(), InvalidData | UnexpectedEof)
    {
        Trouble::System(reason)
    } else {
        Trouble::Damaged(reason)
    }
}

/// Runs what touches the file; redb panics on some damaged pages, and that is damage too.
fn guarded<T>(work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Trouble::Damaged("reading it made the store panic".to_owned())))
}

/// Writes rows into a table.
fn insert<K: AsRef<str>, V: Serialize>(
    transaction: &WriteTransaction,
    definition: TableDefinition<'static, &'static str, &'static [u8]>,
    rows: impl Iterator<Item = (K, V)>,
) -> Result<(), Trouble> {
    let mut table = transaction.open_table(definition).map_err(trouble)?;
    for (key, value) in rows {
        table
            .insert(key.as_ref(), row(&value)?.as_slice())
            .map_err(trouble)?;
    }
    Ok(())
}

/// Takes rows out of a table.
fn remove<K: AsRef<str>>(
    transaction: &WriteTransaction,
    definition: TableDefinition<'static, &'static str, &'static [u8]>,
    keys: impl Iterator<Item = K>,
) -> Result<(), Trouble> {
    let mut table = transaction.open_table(definition).map_err(trouble)?;
    for key in keys {
        table.remove(key.as_ref()).map_err(trouble)?;
    }
    Ok(())
}

/// A number in digits that sort as it does.
fn number(number: u64) -> String {
    format!("{number:020}")
}

fn row(value: &impl Serialize) -> Result<Vec<u8>, Trouble> {
    serde_json::to_vec(value).map_err(|error| Trouble::Damaged(error.to_string()))
}

fn read(path: &Path) -> Result<(Store, Remembered), Trouble> {
    let mut database = Database::create(path).map_err(trouble)?;
    database.check_integrity().map_err(trouble)?;
    let transaction = database.begin_read().map_err(trouble)?;
    let mut endpoints: HashMap<EndpointName, EndpointState> = rows(&transaction, ENDPOINTS)?;
    for state in endpoints.values_mut() {
        state.last_run = None;
    }
    let platforms = rows(&transaction, PLATFORMS)?;
    let registrations: HashMap<EndpointName, Arc<Registration>> = rows(&transaction, REGISTRATIONS)?;
    let incidents: HashMap<EndpointName, Incident> = rows(&transaction, INCIDENTS)?;
    drop(transaction);
    let remembered = Remembered {
        endpoints,
        platforms,
        registrations: registrations.into_values().collect(),
        incidents: incidents.into_values().collect(),
    };
    Ok((Store { database }, remembered))
}

/// Every row of a table. One of another version that no longer reads is forgotten, not a damaged store.
fn rows<K: Eq + Hash + for<'a> From<&'a str>, V: DeserializeOwned>(
    transaction: &redb::ReadTransaction,
    definition: TableDefinition<'static, &'static str, &'static [u8]>,
) -> Result<HashMap<K, V>, Trouble> {
    let table = match transaction.open_table(definition) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(HashMap::new()),
        Err(error) => return Err(trouble(error)),
    };
    let mut all = HashMap::new();
    for row in table.iter().map_err(trouble)? {
        let (key, value) = row.map_err(trouble)?;
        if let Ok(read) = serde_json::from_slice(value.value()) {
            all.insert(K::from(key.value()), read);
        }
    }
    Ok(all)
}

/// Moves a damaged store out of the way, under a name that is free.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = (1..1_000)
        .map(|number| path.with_extension(format!("redb.damaged-{number}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension("redb.damaged"));
    std::fs::rename(path, &aside).map_err(|error| StoreError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(failures: u64) -> EndpointState {
        EndpointState {
            up: Some(false),
            failures,
            ..EndpointState::default()
        }
    }

    #[test]
    fn what_was_written_is_remembered_and_what_was_forgotten_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (EndpointName::from("a.test"), EndpointName::from("b.test"));
        {
            let opened = Store::open(directory.path()).unwrap();
            opened
                .store
                .write(&Changes {
                    states: &[(a.clone(), state(3)), (b.clone(), state(4))],
                    ..Changes::default()
                })
                .unwrap();
            let forgotten = Changes {
                forgotten: std::slice::from_ref(&b),
                ..Changes::default()
            };
            opened.store.write(&forgotten).unwrap();
        }
        let opened = Store::open(directory.path()).unwrap();
        assert!(opened.set_aside.is_none());
        assert_eq!(opened.remembered.endpoints[&a].failures, 3);
        assert!(!opened.remembered.endpoints.contains_key(&b));
    }

    #[test]
    fn a_store_in_use_is_refused_rather_than_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let _held = Store::open(directory.path()).unwrap();
        assert!(matches!(Store::open(directory.path()), Err(StoreError::InUse(_))));
    }

    #[test]
    fn every_damaged_page_is_survived() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        {
            let opened = Store::open(directory.path()).unwrap();
            let states: Vec<_> = (0..200)
                .map(|n| (EndpointName::from(format!("host-{n}.test").as_str()), state(n)))
                .collect();
            opened
                .store
                .write(&Changes {
                    states: &states,
                    ..Changes::default()
                })
                .unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        for damaged_at in (0..whole.len()).step_by(4096) {
            let mut damaged = whole.clone();
            damaged[damaged_at..]
                .iter_mut()
                .take(64)
                .for_each(|byte| *byte ^= 0xa5);
            std::fs::write(&path, &damaged).unwrap();
            let opened = Store::open(directory.path()).unwrap();
            opened
                .store
                .write(&Changes {
                    states: &[(EndpointName::from("after.test"), state(1))],
                    ..Changes::default()
                })
                .unwrap();
        }
        std::fs::write(&path, b"not a store at all").unwrap();
        let opened = Store::open(directory.path()).unwrap();
        assert!(opened.set_aside.is_some_and(|(aside, _)| aside.exists()));
    }
}
