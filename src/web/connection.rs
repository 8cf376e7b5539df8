//! One connection: TLS where the access asks for it, then HTTP/1.1, or HTTP/2 where both sides agreed on it in TLS.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::stall::StallGuard;
use super::{Server, answer};

/// Requests at once on one connection by HTTP/2.
const STREAMS: u32 = 64;

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the handshake took too long")]
    SlowHandshake,
    #[error("no TLS session: {0}")]
    Tls(#[source] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// Serves a connection to its end.
pub(super) async fn serve(server: Arc<Server>, stream: TcpStream, watcher: Watcher) -> Result<(), Broken> {
    let limits = server.site.limits;
    // Answers are written whole; waiting to fill segments only delays them.
    let _ = stream.set_nodelay(true);
    let guarded = StallGuard::new(stream, limits.stall);
    let acceptor = server.site.access.load().tls();
    let Some(acceptor) = acceptor else {
        return Ok(speak(server, guarded, Agreed::Http1, watcher).await?);
    };
    let shaken = timeout(server.patience(limits.handshake), acceptor.accept(guarded)).await;
    let session = shaken.map_err(|_| Broken::SlowHandshake)?.map_err(Broken::Tls)?;
    let agreed = match session.get_ref().1.alpn_protocol() {
        Some(b"h2") => Agreed::Http2,
        Some(_) | None => Agreed::Http1,
    };
    Ok(speak(server, session, agreed, watcher).await?)
}

#[derive(Debug, Clone, Copy)]
enum Agreed {
    Http1,
    Http2,
}

async fn speak<S>(server: Arc<Server>, stream: S, agreed: Agreed, watcher: Watcher) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = server.site.limits;
    let head = server.patience(limits.head);
    let service = service_fn(move |request| answer(Arc::clone(&server), request));
    let io = TokioIo::new(stream);
    match agreed {
        Agreed::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(head)
                .max_buf_size(64 * 1024)
                .serve_connection(io, service);
            watcher.watch(connection).await
        }
        Agreed::Http2 => {
            let connection = http2::Builder::new(Streams::default())
                .timer(TokioTimer::new())
                .keep_alive_interval(limits.handshake)
                .keep_alive_timeout(limits.stall)
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(64 * 1024)
                .serve_connection(io, service);
            watcher.watch(connection).await
        }
    }
}

/// The requests of one connection by HTTP/2: they end with it.
#[derive(Debug, Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }
}
