//! One request and its response over a connection that is ready: HTTP/1.1 or HTTP/2 by hyper's connection API.
//!
//! Nothing is spawned: hyper's connection is polled beside the exchange and ends with it.

use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::body::{self, BrokenBody, Read, Reading};
use super::stream::{Broken, Seen, Watched};
use crate::outcome::{ConnectFailure, Failure, HttpFailure};
use crate::probe::line::Line;

/// The head of a response may have this many bytes.
pub(in crate::probe) const HEAD_LIMIT: u32 = 64 * 1024;

/// HTTP/2 flow-control windows, of the stream and the connection: what a server may send unasked.
pub(in crate::probe) const WINDOW: u32 = 64 * 1024;

/// A request over HTTP.
pub(super) type Request = http::Request<Full<Bytes>>;

/// What came of an exchange.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The head of the response, if it came.
    pub(super) head: Option<http::response::Parts>,
    /// What was read of its body.
    pub(super) body: Read,
    /// Why it ended early.
    pub(super) failure: Option<Failure>,
    /// From the request's first byte to the response's first byte.
    pub(super) processing: Duration,
    /// From the response's first byte to its last.
    pub(super) transfer: Duration,
    /// When the request went, where the stream cannot tell.
    sent: Option<Instant>,
    /// When the response began, where the stream cannot tell.
    pub(super) arrived: Option<Instant>,
}

/// Which version is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1, also with servers of 1.0.
    Http1,
    /// HTTP/2, agreed by ALPN.
    Http2,
    /// HTTP/3, over QUIC.
    Http3,
}

/// Sends a request and reads the answer; `reading` says, once the head is there, how to read the body.
/// Ends by the deadline.
pub(super) async fn exchange<'a>(
    line: Line,
    version: Version,
    request: Request,
    reading: impl FnOnce(&http::response::Parts) -> Option<Reading<'a>>,
    deadline: Instant,
) -> Answer {
    let plain = matches!(line, Line::Plain(_));
    let (stream, watch) = Watched::new(line);
    let mut answer = Answer::default();
    let begun = Instant::now();
    let talk = async {
        match version {
            Version::Http1 => talk_http1(TokioIo::new(stream), request, reading, &mut answer).await,
            Version::Http2 | Version::Http3 => {
                talk_http2(TokioIo::new(stream), request, reading, &mut answer).await
            }
        }
    };
    let ended = tokio::time::timeout_at(deadline, talk).await;
    let seen = watch.seen();
    answer.failure = match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(classify(
            error,
            seen.broken.as_ref(),
            plain && seen.first_byte.is_none(),
        )),
        Err(_) => Some(Failure::Http(HttpFailure::Timeout)),
    };
    answer.measure(&seen, version, begun);
    answer
}

impl Answer {
    fn measure(&mut self, seen: &Seen, version: Version, begun: Instant) {
        let now = Instant::now();
        let (sent, arrived) = match version {
            Version::Http1 => (seen.first_write, seen.first_byte),
            // The first bytes of HTTP/2 are settings, not the request and not its response.
            Version::Http2 | Version::Http3 => (self.sent, self.arrived),
        };
        let sent = sent.unwrap_or(begun);
        self.processing = arrived.unwrap_or(now).saturating_duration_since(sent);
        self.transfer = arrived.map_or(Duration::ZERO, |arrived| now.saturating_duration_since(arrived));
    }
}

/// Why the talk ended early.
enum Error {
    Head(hyper::Error),
    Body(body::Broken),
}

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Self {
        Self::Head(error)
    }
}

async fn talk_http1<'a>(
    io: TokioIo<Watched>,
    request: Request,
    reading: impl FnOnce(&http::response::Parts) -> Option<Reading<'a>>,
    answer: &mut Answer,
) -> Result<(), Error> {
    let (mut sender, mut connection) = http1::Builder::new()
        .max_buf_size(HEAD_LIMIT as usize)
        .handshake(io)
        .await?;
    let mut talk = pin!(async {
        let response = sender.send_request(request).await?;
        receive(response, reading, answer).await
    });
    tokio::select! {
        biased;
        ended = &mut talk => ended,
        // Its errors reach the talk, which may have more to read from what the connection left it.
        _ = &mut connection => talk.await,
    }
}

async fn talk_http2<'a>(
    io: TokioIo<Watched>,
    request: Request,
    reading: impl FnOnce(&http::response::Parts) -> Option<Reading<'a>>,
    answer: &mut Answer,
) -> Result<(), Error> {
    let (spawner, mut arrivals) = mpsc::unbounded_channel();
    let (mut sender, mut connection) = http2::Builder::new(Spawner(spawner))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEAD_LIMIT)
        .handshake(io)
        .await?;
    let mut tasks = FuturesUnordered::new();
    let drive = std::future::poll_fn(|cx| {
        let ended = Pin::new(&mut connection).poll(cx);
        loop {
            while let Poll::Ready(Some(task)) = arrivals.poll_recv(cx) {
                tasks.push(task);
            }
            match tasks.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) if ended.is_ready() => return Poll::Ready(()),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    });
    let mut talk = pin!(async {
        answer.sent = Some(Instant::now());
        let response = sender.send_request(request).await?;
        answer.arrived = Some(Instant::now());
        receive(response, reading, answer).await
    });
    tokio::select! {
        biased;
        ended = &mut talk => ended,
        () = drive => talk.await,
    }
}

/// Takes what hyper would spawn for HTTP/2, so that it is polled beside the exchange and dropped with it.
#[derive(Clone)]
struct Spawner(mpsc::UnboundedSender<Task>);

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Spawner {
    fn execute(&self, future: F) {
        // Nobody receives any more: the exchange is over, and so is the task.
        let _ = self.0.send(Box::pin(future));
    }
}

async fn receive<'a>(
    response: http::Response<hyper::body::Incoming>,
    reading: impl FnOnce(&http::response::Parts) -> Option<Reading<'a>>,
    answer: &mut Answer,
) -> Result<(), Error> {
    let (head, body) = response.into_parts();
    let head = answer.head.insert(head);
    match reading(head) {
        Some(how) => body::read(body, how, &mut answer.body).await.map_err(Error::Body),
        None => Ok(()),
    }
}

/// Names a failure from what the stream saw first, then from what hyper made of it.
fn classify(error: Error, broken: Option<&Broken>, silent: bool) -> Failure {
    let error = match error {
        Error::Body(body::Broken::Coding(what)) => {
            return Failure::Http(HttpFailure::Protocol(format!("undecodable body: {what}")));
        }
        Error::Body(body::Broken::TooLarge(limit)) => return Failure::Http(HttpFailure::TooLarge(limit)),
        Error::Body(body::Broken::Body(BrokenBody::Hyper(error))) | Error::Head(error) => error,
        Error::Body(body::Broken::Body(BrokenBody::Http3(_))) => return Failure::Http(HttpFailure::Closed),
    };
    match broken {
        // A client certificate is refused only after the handshake in TLS 1.3.
        Some(Broken::Tls(failure)) => Failure::Tls(failure.clone()),
        Some(Broken::Reset) if silent => Failure::Connect(ConnectFailure::Reset),
        Some(Broken::Reset | Broken::Lost) => Failure::Http(HttpFailure::Closed),
        None => Failure::Http(classify_hyper(&error)),
    }
}

fn classify_hyper(error: &hyper::Error) -> HttpFailure {
    if error.is_parse_too_large() {
        return HttpFailure::TooLarge(HEAD_LIMIT.into());
    }
    if error.is_parse() {
        return HttpFailure::Protocol(error.to_string());
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            return classify_h2(error);
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) {
                HttpFailure::Protocol(error.to_string())
            } else {
                HttpFailure::Closed
            };
        }
        source = cause.source();
    }
    HttpFailure::Closed
}

/// A peer that says what was wrong, or of whom we say it, breaks the protocol; one that only ends does not.
pub(in crate::probe) fn classify_h2(error: &h2::Error) -> HttpFailure {
    use h2::Reason;
    let Some(reason) = error.reason() else {
        return HttpFailure::Closed;
    };
    match reason {
        Reason::ENHANCE_YOUR_CALM if error.is_library() => HttpFailure::TooLarge(HEAD_LIMIT.into()),
        Reason::PROTOCOL_ERROR
        | Reason::FLOW_CONTROL_ERROR
        | Reason::FRAME_SIZE_ERROR
        | Reason::STREAM_CLOSED
        | Reason::COMPRESSION_ERROR
        | Reason::SETTINGS_TIMEOUT
        | Reason::INADEQUATE_SECURITY
        | Reason::HTTP_1_1_REQUIRED => HttpFailure::Protocol(format!("http/2: {}", reason.description())),
        _ => HttpFailure::Closed,
    }
}
