//! What a server has seen, for assertions.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::Version;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// The method, as in the request line.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query without its question mark; empty if there is none.
    pub query: String,
    /// The host without its port: the `Host` header or the authority of HTTP/2.
    pub host: String,
    /// The version of HTTP.
    pub version: Version,
    /// The headers in their order; names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body, at most 1 MiB.
    pub body: Bytes,
    /// The server name of the handshake.
    pub sni: Option<String>,
    /// The certificate that the client identified itself with.
    pub client_certificate: Option<CertificateDer<'static>>,
}

impl SeenRequest {
    /// The first value of a header, its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a connection knows of its client before the first request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    pub(crate) sni: Option<String>,
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    connections: AtomicU64,
    requests: watch::Sender<u64>,
    recent: Mutex<VecDeque<SeenRequest>>,
}

impl Log {
    pub(crate) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request(&self, request: SeenRequest) {
        let mut recent = self.lock();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(request);
        drop(recent);
        self.requests.send_modify(|count| *count += 1);
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn requests(&self) -> u64 {
        *self.requests.borrow()
    }

    pub(crate) fn recent(&self) -> Vec<SeenRequest> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) async fn wait_for(&self, count: u64) {
        let mut requests = self.requests.subscribe();
        requests
            .wait_for(|seen| *seen >= count)
            .await
            .expect("the sender lives in self");
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SeenRequest>> {
        self.recent.lock().expect("no one panics over the log")
    }
}

const KEPT: usize = 64;
