//! A server of HTTP/3 that can be told what to do with a request.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use bytes::{Buf as _, Bytes};
use quinn::{Endpoint, crypto::rustls::QuicServerConfig};
use tokio::task::JoinSet;

use super::authority::Issued;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Quic {
    /// A status, headers and a body.
    Reply(u16, Vec<(&'static str, String)>, &'static str),
    /// Nothing is sent.
    Stall,
    /// The connection is closed instead.
    Close,
}

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct QuicLab {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl QuicLab {
    /// Binds 127.0.0.1, presents this certificate, offers this protocol and does so with every request.
    pub async fn start(issued: &Issued, protocol: &str, what: Quic) -> Self {
        let config = issued.server_config(&[protocol.as_bytes()]);
        let config = QuicServerConfig::try_from(config).expect("TLS 1.3");
        let config = quinn::ServerConfig::with_crypto(Arc::new(config));
        let endpoint =
            Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).expect("bind QUIC on loopback");
        let addr = endpoint.local_addr().expect("the address of a bound socket");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(run(endpoint, what, Arc::clone(&seen)));
        Self {
            addr,
            seen,
            _task: task,
        }
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.addr)
    }

    /// Method, URI, the body and the header `user-agent` of every request.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen
            .lock()
            .expect("no one panics over what was seen")
            .clone()
    }
}

async fn run(endpoint: Endpoint, what: Quic, seen: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        connections.spawn(serve(incoming, what.clone(), Arc::clone(&seen)));
    }
}

async fn serve(incoming: quinn::Incoming, what: Quic, seen: Arc<Mutex<Vec<String>>>) {
    let Ok(connection) = incoming.await else { return };
    let raw = connection.clone();
    let connection = h3_quinn::Connection::new(connection);
    let Ok(mut connection) = h3::server::Connection::<_, Bytes>::new(connection).await else {
        return;
    };
    while let Ok(Some(resolver)) = connection.accept().await {
        let Ok((request, mut stream)) = resolver.resolve_request().await else {
            return;
        };
        let mut body = Vec::new();
        while let Ok(Some(mut data)) = stream.recv_data().await {
            body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
        }
        let agent = request
            .headers()
            .get("user-agent")
            .and_then(|agent| agent.to_str().ok());
        seen.lock()
            .expect("no one panics over what was seen")
            .push(format!(
                "{} {} {:?} {}",
                request.method(),
                request.uri(),
                String::from_utf8_lossy(&body),
                agent.unwrap_or_default()
            ));
        match &what {
            Quic::Stall => std::future::pending().await,
            Quic::Close => raw.close(0x100_u32.into(), b""),
            Quic::Reply(status, headers, body) => {
                let mut response = http::Response::builder().status(*status);
                for (name, value) in headers {
                    response = response.header(*name, value);
                }
                let response = response.body(()).expect("a response");
                drop(stream.send_response(response).await);
                drop(stream.send_data(Bytes::from_static(body.as_bytes())).await);
                drop(stream.finish().await);
            }
        }
    }
}
