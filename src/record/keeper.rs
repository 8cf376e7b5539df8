//! Keeps what must outlive a restart: takes states by a bounded channel and writes them in batches, off the
//! workers that probe.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::endpoint::{EndpointName, PlatformName};
use crate::incident::Incident;
use crate::outlook::platform::Known;
use crate::outlook::registration::Registration;
use crate::state::EndpointState;
use crate::state::store::{Changes, Store};

/// How many changes may wait for the disk; one that finds no room is written with the endpoint's next change.
pub const ROOM: usize = 16_384;

/// A change to keep.
#[derive(Debug)]
pub enum Kept {
    /// The endpoint's state is now this.
    State(EndpointName, Box<EndpointState>),
    /// The endpoint is no longer watched.
    Forgotten(EndpointName),
    /// A platform says this now.
    Platform(PlatformName, Arc<Known>),
    /// A domain is registered so.
    Registration(Arc<Registration>),
    /// An incident is so far this.
    Incident(Arc<Incident>),
    /// An incident is too old to be kept.
    Past(u64),
}

/// Writes until the channel is closed and empty. Blocks: for a thread of its own.
pub fn keep(store: &Store, mut changes: mpsc::Receiver<Kept>) {
    let mut batch = Vec::new();
    while let Some(first) = changes.blocking_recv() {
        batch.push(first);
        while let Ok(more) = changes.try_recv() {
            batch.push(more);
        }
        write(store, batch.drain(..));
    }
}

/// Writes one batch; of several changes to one endpoint the last counts.
fn write(store: &Store, batch: impl Iterator<Item = Kept>) {
    let mut states: HashMap<EndpointName, Option<EndpointState>> = HashMap::new();
    let mut platforms = HashMap::new();
    let mut registrations = HashMap::new();
    let mut incidents = HashMap::new();
    let mut past = Vec::new();
    for change in batch {
        match change {
            Kept::State(name, state) => drop(states.insert(name, Some(*state))),
            Kept::Forgotten(name) => drop(states.insert(name, None)),
            Kept::Platform(name, known) => drop(platforms.insert(name, known)),
            Kept::Registration(of) => drop(registrations.insert(of.domain.clone(), of)),
            Kept::Incident(incident) => drop(incidents.insert(incident.id, incident)),
            Kept::Past(id) => {
                incidents.remove(&id);
                past.push(id);
            }
        }
    }
    let (mut written, mut forgotten) = (Vec::new(), Vec::new());
    for (name, state) in states {
        match state {
            Some(state) => written.push((name, state)),
            None => forgotten.push(name),
        }
    }
    let platforms: Vec<_> = platforms.into_iter().collect();
    let registrations: Vec<_> = registrations.into_values().collect();
    let incidents: Vec<_> = incidents.into_values().collect();
    let changes = Changes {
        states: &written,
        forgotten: &forgotten,
        platforms: &platforms,
        registrations: &registrations,
        incidents: &incidents,
        past: &past,
    };
    if let Err(error) = store.write(&changes) {
        tracing::error!(%error, "could not keep what is known: a restart would forget it");
    }
}

/// A thread's handle is awaited through this.
pub async fn run(store: Arc<Store>, changes: mpsc::Receiver<Kept>) {
    let kept = tokio::task::spawn_blocking(move || keep(&store, changes));
    if let Err(error) = kept.await {
        tracing::error!(%error, "the writer of the store ended early: a restart would forget what happens from now on");
    }
}
