//! HTTP/2, by hyper as far as it goes.

use std::{
    future::pending,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, Collected, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    rt::Executor,
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::{
    State,
    answer::{Answer, Reply},
    http1::{close, date, host_of},
    seen::{Client, SeenRequest},
};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Answers the requests of one connection.
pub(crate) async fn serve(stream: TlsStream<TcpStream>, state: &Arc<State>, client: Client) {
    let host = client.sni.clone().unwrap_or_default();
    let to_everything = state.script.load().answer(&host, "");
    if matches!(to_everything, Answer::GoAway) {
        return say(stream, GO_AWAY).await;
    }
    if matches!(to_everything, Answer::NotHttp) {
        return say(stream, b"220 mail.test ESMTP ready\r\n").await;
    }
    let broken = CancellationToken::new();
    let streams = Streams::default();
    let _end = AbortAtEnd(streams.clone());
    let service = service_fn(|request| answer(request, Arc::clone(state), client.clone(), broken.clone()));
    let connection = http2::Builder::new(streams)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        () = broken.cancelled() => {}
    }
}

/// Reads what the client begins with, sends these bytes, and closes.
async fn say(mut stream: TlsStream<TcpStream>, bytes: &[u8]) {
    let mut preface = [0; PREFACE];
    if stream.read_exact(&mut preface).await.is_ok() {
        drop(stream.write_all(bytes).await);
    }
    close(&mut stream).await;
}

/// The streams of one connection: tasks that end with it.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }
}

struct AbortAtEnd(Streams);

impl Drop for AbortAtEnd {
    fn drop(&mut self) {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    client: Client,
    broken: CancellationToken,
) -> io::Result<Response<Body>> {
    let seen = see(request, client).await;
    state.log.request(seen.clone());
    let answer = state
        .script
        .load()
        .answer(&seen.host, &seen.path)
        .settle(&seen)
        .await;
    match answer {
        Answer::Reply(reply) => Ok(respond(&reply, &seen, &state)),
        Answer::StallInBody => Ok(promise(beginning().chain(stream::pending()))),
        Answer::StallAtEnd(body) => Ok(never_complete(body)),
        Answer::SlowBody(pause) => Ok(promise(drip(pause))),
        Answer::EndlessBody => Ok(endless_body()),
        Answer::EndlessHeader => Ok(large_head()),
        Answer::CloseInBody | Answer::ResetInBody => {
            let end = stream::once(async move {
                sleep(BREATH).await;
                broken.cancel();
                pending().await
            });
            Ok(promise(beginning().chain(end)))
        }
        Answer::BadLength => Ok(promise(beginning())),
        Answer::StreamReset => Err(io::Error::other("the stream is reset")),
        Answer::CloseBeforeHead
        | Answer::CloseInHead
        | Answer::ResetAfterRequest
        | Answer::BadChunk
        | Answer::NotHttp
        | Answer::GoAway => {
            broken.cancel();
            pending().await
        }
        Answer::Stall
        | Answer::StallInHead
        | Answer::SlowHead(_)
        | Answer::EndlessInterim
        | Answer::Decide(_)
        | Answer::After(..) => pending().await,
    }
}

async fn see(request: Request<Incoming>, client: Client) -> SeenRequest {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY)
        .collect()
        .await
        .map(Collected::to_bytes)
        .unwrap_or_default();
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    SeenRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        host: head
            .uri
            .authority()
            .map(|authority| host_of(authority.as_str()))
            .unwrap_or_default(),
        version: Version::HTTP_2,
        headers: head.headers.iter().map(header).collect(),
        body,
        sni: client.sni,
        client_certificate: client.certificate,
    }
}

fn respond(reply: &Reply, request: &SeenRequest, state: &State) -> Response<Body> {
    let body = if request.method == "HEAD" {
        Bytes::new()
    } else {
        reply.body.clone()
    };
    let mut builder = Response::builder().status(reply.status);
    if reply.dated {
        builder = builder.header("date", date(state));
    }
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    builder.body(body).expect("a reply that is well-formed")
}

/// A response that announces a kilobyte, whatever comes.
fn promise(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let body = StreamBody::new(pieces.map(|piece| Ok(Frame::data(piece)))).boxed_unsync();
    Response::builder()
        .header("content-length", 1024)
        .body(body)
        .expect("a well-formed head")
}

fn beginning() -> impl Stream<Item = Bytes> + Send + 'static {
    stream::iter([Bytes::from_static(b"the beginning of a body\n")])
}

fn drip(pause: Duration) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::repeat(Bytes::from_static(b"."))
        .take(1024)
        .then(move |byte| async move {
            sleep(pause).await;
            byte
        })
}

fn never_complete(body: Bytes) -> Response<Body> {
    let pieces = stream::iter([body]).chain(stream::pending());
    Response::new(StreamBody::new(pieces.map(|piece| Ok(Frame::data(piece)))).boxed_unsync())
}

fn endless_body() -> Response<Body> {
    let pieces = stream::repeat(Bytes::from_static(&[b'.'; 16 * 1024]));
    let body = StreamBody::new(pieces.map(|piece| Ok(Frame::data(piece))));
    Response::new(body.boxed_unsync())
}

/// A head of about a megabyte: HTTP/2 has no endless ones.
fn large_head() -> Response<Body> {
    let mut builder = Response::builder();
    for number in 0..64 {
        builder = builder.header(format!("x-filler-{number}"), "and so on ".repeat(1600));
    }
    builder
        .body(Full::default().map_err(|never| match never {}).boxed_unsync())
        .expect("a well-formed head")
}

/// Empty SETTINGS, then GOAWAY: no stream was served, `ENHANCE_YOUR_CALM` (RFC 9113 section 7).
const GO_AWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b";

/// How long what was sent has to leave before the connection breaks.
const BREATH: Duration = Duration::from_millis(20);

/// The bytes of a client's connection preface (RFC 9113 section 3.4).
const PREFACE: usize = 24;

const LONGEST_BODY: usize = 1024 * 1024;
