//! A server of the `WebSocket` protocol that holds a dialogue by a script.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Error, Message,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

/// What the server does next, once the connection is upgraded.
#[derive(Clone, Debug)]
pub enum Move {
    /// It sends this message.
    Say(Message),
    /// It sends this many pings.
    Ping(u32),
    /// It reads a message and sends it back.
    Echo,
    /// It keeps the connection open and silent.
    Hang,
}

impl Move {
    /// It sends this text.
    #[must_use]
    pub fn say(text: &str) -> Self {
        Self::Say(Message::text(text))
    }
}

/// A running server; dropping it ends it. At the end of its script it closes the connection.
#[derive(Debug)]
pub struct SocketLab {
    addr: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    _task: JoinSet<()>,
}

/// How it answers.
#[derive(Clone)]
struct Manner {
    tls: Option<TlsAcceptor>,
    refuses: Option<u16>,
    script: Arc<[Move]>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl SocketLab {
    /// Upgrades everyone who connects, and follows the script.
    pub async fn plain(script: impl IntoIterator<Item = Move>) -> Self {
        Self::start(None, None, script.into_iter().collect()).await
    }

    /// The same over TLS.
    pub async fn tls(config: ServerConfig, script: impl IntoIterator<Item = Move>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(Some(acceptor), None, script.into_iter().collect()).await
    }

    /// Refuses every upgrade with this status.
    pub async fn refusing(status: u16) -> Self {
        Self::start(None, Some(status), Arc::default()).await
    }

    async fn start(tls: Option<TlsAcceptor>, refuses: Option<u16>, script: Arc<[Move]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind a server on loopback");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let manner = Manner {
            tls,
            refuses,
            script,
            requests: Arc::clone(&requests),
        };
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let manner = manner.clone();
                talks.spawn(async move {
                    match &manner.tls {
                        None => drop(talk(stream, &manner).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(talk(stream, &manner).await);
                            }
                        }
                    }
                });
            }
        });
        Self {
            addr,
            requests,
            _task: task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The head of the request that came last.
    #[must_use]
    pub fn last_request(&self) -> Request {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.last().expect("a request").clone()
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, manner: &Manner) -> Result<(), Error> {
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let judge = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let mut requests = manner.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(request.clone());
        match manner.refuses {
            None => Ok(response),
            Some(status) => {
                let mut refusal = ErrorResponse::new(Some("no".to_owned()));
                *refusal.status_mut() = status.try_into().expect("a status");
                Err(refusal)
            }
        }
    };
    let mut socket = accept_hdr_async(stream, judge).await?;
    for turn in manner.script.iter() {
        match turn {
            Move::Say(message) => socket.send(message.clone()).await?,
            Move::Ping(count) => {
                for _ in 0..*count {
                    socket.send(Message::Ping("are you there".into())).await?;
                }
            }
            Move::Echo => {
                let Some(heard) = socket.next().await else {
                    return Ok(());
                };
                socket.send(heard?).await?;
            }
            Move::Hang => pending().await,
        }
    }
    socket.close(None).await
}
