//! A gRPC server with the health service (`grpc.health.v1.Health/Check`), plain or with TLS.
//!
//! The service that is asked about decides: the empty name and `up` serve, `down` does not, `unknown` and `strange` say
//! the other two states, `slow` answers late, `hang` never, `secret` needs the metadata `x-token: t`, `broken` ends
//! with an internal error; every other one is not found.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Collected, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use super::authority::Issued;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What `Check` answers: a state, or a status of gRPC in its place.
type Verdict = Result<u8, u8>;

const NOT_FOUND: u8 = 5;
const UNIMPLEMENTED: u8 = 12;
const INTERNAL: u8 = 13;
const UNAUTHENTICATED: u8 = 16;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct HealthLab {
    addr: SocketAddr,
    _task: JoinSet<()>,
}

impl HealthLab {
    /// On 127.0.0.1 and any port; with a certificate, over TLS.
    pub async fn start(issued: Option<&Issued>) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), issued).await
    }

    /// At this address.
    pub async fn at(addr: SocketAddr, issued: Option<&Issued>) -> Self {
        let tls = issued.map(|issued| TlsAcceptor::from(Arc::new(issued.server_config(&[b"h2"]))));
        let listener = TcpListener::bind(addr).await.expect("bind a server on loopback");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                connections.spawn(async move {
                    match tls {
                        None => serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream).await;
                            }
                        }
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { addr, _task: task }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let connection = http2::Builder::new(TokioExecutor::new());
    // A client that goes away is the business of the client.
    drop(
        connection
            .serve_connection(TokioIo::new(stream), service_fn(answer))
            .await,
    );
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let token = request.headers().get("x-token").cloned();
    let asked = request
        .into_body()
        .collect()
        .await
        .map(Collected::to_bytes)
        .unwrap_or_default();
    if path != "/grpc.health.v1.Health/Check" {
        return Ok(reply(Err(UNIMPLEMENTED)));
    }
    let verdict = match service_of(&asked).as_str() {
        "" | "up" => Ok(1),
        "down" => Ok(2),
        "unknown" => Ok(0),
        "strange" => Ok(3),
        "slow" => {
            sleep(Duration::from_millis(300)).await;
            Ok(1)
        }
        "hang" => std::future::pending().await,
        "secret" if token.is_some_and(|token| token == "t") => Ok(1),
        "secret" => Err(UNAUTHENTICATED),
        "broken" => Err(INTERNAL),
        _ => Err(NOT_FOUND),
    };
    Ok(reply(verdict))
}

/// `HealthCheckRequest` behind the five bytes of its frame: field 1 is the service.
fn service_of(asked: &[u8]) -> String {
    let name = match asked.get(5..) {
        Some([0x0a, length, name @ ..]) => name.get(..usize::from(*length)).unwrap_or_default(),
        _ => &[],
    };
    String::from_utf8_lossy(name).into_owned()
}

/// A message and trailers, or, for an error, a head alone.
fn reply(verdict: Verdict) -> Response<Body> {
    let response = Response::builder().header("content-type", "application/grpc");
    match verdict {
        Ok(state) => {
            // Field 1, a number; the default is not sent.
            let message: &[u8] = if state == 0 { &[] } else { &[0x08, state] };
            let length = u8::try_from(message.len()).unwrap_or_default();
            let frame = [&[0, 0, 0, 0, length], message].concat();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let frames = [Ok(Frame::data(frame.into())), Ok(Frame::trailers(trailers))];
            let body = StreamBody::new(stream::iter(frames)).boxed_unsync();
            response.body(body).expect("a response")
        }
        Err(status) => {
            let body = StreamBody::new(stream::empty()).boxed_unsync();
            let response = response.header("grpc-status", status.to_string());
            response
                .header("grpc-message", "as asked")
                .body(body)
                .expect("a response")
        }
    }
}
