//! A server of gRPC that answers every health check as it is told, by HTTP/2 alone: what it sends is told frame by frame.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What a check is answered with.
#[derive(Clone, Debug)]
pub enum Check {
    /// This serving status, by its number.
    Health(u8),
    /// This status and message, in a head that is all.
    Status(&'static str, &'static str),
    /// This status after a head.
    LateStatus(&'static str),
    /// These bytes for a message, and the status OK.
    Message(Vec<u8>),
    /// A health that has no status after it.
    Unfinished,
    /// HTTP of this status, with a page.
    Page(u16),
    /// A head of this many headers of a hundred bytes each.
    Headers(u32),
    /// The stream is broken off.
    Break,
    /// The connection is.
    HangUp,
    /// Nothing.
    Silence,
}

/// What a server was asked.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where to.
    pub uri: Uri,
    /// With what.
    pub headers: HeaderMap,
    /// The frame of the message.
    pub message: Vec<u8>,
}

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct GrpcLab {
    addr: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    _task: JoinSet<()>,
}

impl GrpcLab {
    /// Without TLS.
    pub async fn plain(check: Check) -> Self {
        Self::start(None, check).await
    }

    /// With TLS.
    pub async fn tls(config: ServerConfig, check: Check) -> Self {
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), check).await
    }

    async fn start(tls: Option<TlsAcceptor>, check: Check) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind a server on loopback");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let mut task = JoinSet::new();
        let seen = Arc::clone(&calls);
        task.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Frames go when they are ready, as a server of gRPC sends them.
                stream.set_nodelay(true).expect("an option of TCP");
                let (tls, check, seen) = (tls.clone(), check.clone(), Arc::clone(&seen));
                talks.spawn(async move {
                    match tls {
                        None => serve(stream, check, seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, check, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            addr,
            calls,
            _task: task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a host that leads there.
    #[must_use]
    pub fn url_of(&self, host: &str) -> String {
        format!("grpc://{host}:{}", self.addr.port())
    }

    /// What it was asked last.
    #[must_use]
    pub fn last_call(&self) -> Call {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.last().expect("a call").clone()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, check: Check, calls: Arc<Mutex<Vec<Call>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut answers = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        if matches!(check, Check::HangUp) {
            return;
        }
        let (check, calls) = (check.clone(), Arc::clone(&calls));
        answers.spawn(async move { drop(answer(request, respond, &check, &calls).await) });
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    check: &Check,
    calls: &Mutex<Vec<Call>>,
) -> Result<(), h2::Error> {
    let call = hear(request).await?;
    calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    match check {
        Check::Health(status) => {
            let mut stream = respond.send_response(begun(), false)?;
            stream.send_data(health(*status), false)?;
            stream.send_trailers(trailers("0", ""))
        }
        Check::Status(status, message) => {
            let mut head = begun();
            head.headers_mut().extend(trailers(status, message));
            respond.send_response(head, true).map(drop)
        }
        Check::LateStatus(status) => {
            let mut stream = respond.send_response(begun(), false)?;
            stream.send_trailers(trailers(status, ""))
        }
        Check::Message(bytes) => {
            let mut stream = respond.send_response(begun(), false)?;
            stream.send_data(Bytes::from(bytes.clone()), false)?;
            stream.send_trailers(trailers("0", ""))
        }
        Check::Unfinished => {
            let mut stream = respond.send_response(begun(), false)?;
            stream.send_data(health(1), true)
        }
        Check::Page(status) => {
            let mut head = Response::new(());
            *head.status_mut() = (*status).try_into().expect("a status");
            head.headers_mut()
                .insert("content-type", HeaderValue::from_static("text/html"));
            let mut stream = respond.send_response(head, false)?;
            stream.send_data(Bytes::from_static(b"<html></html>"), true)
        }
        Check::Headers(count) => {
            let mut head = begun();
            for number in 0..*count {
                let value = format!("{number:0>100}").try_into().expect("a value");
                head.headers_mut().append("x-more", value);
            }
            let mut stream = respond.send_response(head, false)?;
            stream.send_data(health(1), false)?;
            stream.send_trailers(trailers("0", ""))
        }
        Check::Break => {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
            Ok(())
        }
        Check::HangUp | Check::Silence => pending().await,
    }
}

async fn hear(request: Request<RecvStream>) -> Result<Call, h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        message.extend_from_slice(&chunk);
        body.flow_control().release_capacity(chunk.len())?;
    }
    Ok(Call {
        uri: head.uri,
        headers: head.headers,
        message,
    })
}

fn begun() -> Response<()> {
    let mut head = Response::new(());
    head.headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc+proto"));
    head
}

fn health(status: u8) -> Bytes {
    Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 8, status])
}

fn trailers(status: &'static str, message: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    if !message.is_empty() {
        trailers.insert("grpc-message", HeaderValue::from_static(message));
    }
    trailers
}
