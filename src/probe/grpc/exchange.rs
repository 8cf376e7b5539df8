//! One call over a line that is ready, by the client side of HTTP/2.
//!
//! Nothing is spawned: the connection is polled beside the call and ends with it. Bounds for what a server may send:
//! 64 KiB of headers, a message of 64 KiB, and the probe's deadline.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::Builder;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::response::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

use super::{Settings, answer, health};
use crate::build_info;
use crate::outcome::{ConnectFailure, ExchangeFailure, Failure, GrpcFacts, Timings};
use crate::probe::http::exchange::{HEAD_LIMIT, WINDOW, classify_h2};
use crate::probe::http::stream::{Broken, Seen, Watched};
use crate::probe::line::Line;

/// The longest message; that of a health check has two bytes.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// The longest time that a deadline can be told in, in milliseconds: eight digits.
const LONGEST_TIMEOUT: u128 = 99_999_999;

static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
static MARKER: HeaderName = HeaderName::from_static(build_info::MARKER_HEADER);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) settings: &'a Settings,
    pub(super) url: &'a Url,
    /// Whether `build_info::MARKER_HEADER` is sent.
    pub(super) marked: bool,
    pub(super) deadline: Instant,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// What was answered, where an answer came.
    pub(super) facts: Option<GrpcFacts>,
    /// Why it is none that can be judged.
    pub(super) failure: Option<Failure>,
}

/// An answer as far as it came.
#[derive(Debug, Default)]
struct Answer {
    head: Option<Parts>,
    message: BytesMut,
    trailers: Option<HeaderMap>,
    arrived: Option<Instant>,
}

/// Why a call did not come to its end.
enum Stopped {
    Http2(h2::Error),
    TooLong,
}

impl From<h2::Error> for Stopped {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error)
    }
}

/// Calls and reads the answer. Ends by the deadline.
pub(super) async fn check(line: Line, asked: &Asked<'_>, timings: &mut Timings) -> Checked {
    let Some(request) = asked.request() else {
        let what = format!("no call can be made to {}", asked.url);
        return Checked {
            facts: None,
            failure: Some(Failure::Exchange(ExchangeFailure::Protocol(what))),
        };
    };
    let plain = matches!(line, Line::Plain(_));
    let (stream, watch) = Watched::new(line);
    let question = health::question(&asked.settings.service);
    let mut answer = Answer::default();
    let begun = Instant::now();
    let ended = timeout_at(asked.deadline, talk(stream, request, question, &mut answer)).await;
    let arrived = answer.arrived.unwrap_or_else(Instant::now);
    timings.processing = arrived.saturating_duration_since(begun);
    timings.transfer = answer.arrived.map_or(Duration::ZERO, |arrived| arrived.elapsed());
    let failure = match ended {
        Ok(Ok(())) => None,
        Ok(Err(stopped)) => Some(classify(&stopped, &watch.seen(), plain)),
        Err(_elapsed) => Some(Failure::Exchange(ExchangeFailure::Timeout)),
    };
    match (failure, &answer.head) {
        (None, Some(head)) => {
            let (facts, failure) = answer::read(head, &answer.message, answer.trailers.as_ref());
            Checked {
                facts: Some(facts),
                failure,
            }
        }
        (failure, _) => Checked { facts: None, failure },
    }
}

async fn talk(
    stream: Watched,
    request: Request<()>,
    question: Bytes,
    answer: &mut Answer,
) -> Result<(), Stopped> {
    let (sender, connection) = Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEAD_LIMIT)
        .handshake(stream)
        .await?;
    let mut call = pin!(async {
        let mut sender = sender.ready().await?;
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(question, true)?;
        answer.receive(response.await?).await
    });
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        ended = &mut call => ended,
        // Its errors reach the call, which may have more to read from what the connection left it.
        _ = &mut connection => call.await,
    }
}

impl Answer {
    async fn receive(&mut self, response: http::Response<h2::RecvStream>) -> Result<(), Stopped> {
        self.arrived = Some(Instant::now());
        let (head, mut body) = response.into_parts();
        self.head = Some(head);
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            if self.message.len() + chunk.len() > MESSAGE_LIMIT {
                return Err(Stopped::TooLong);
            }
            self.message.extend_from_slice(&chunk);
            body.flow_control().release_capacity(chunk.len())?;
        }
        self.trailers = body.trailers().await?;
        Ok(())
    }
}

impl Asked<'_> {
    /// The head of the call; `None` where the URL cannot be put into one.
    fn request(&self) -> Option<Request<()>> {
        let authority = match &self.settings.authority {
            Some(authority) => authority.as_str(),
            None => &self.url[Position::BeforeHost..Position::AfterPort],
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.settings.over_tls {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        });
        parts.authority = Some(Authority::try_from(authority).ok()?);
        parts.path_and_query = Some(PathAndQuery::from_static(health::PATH));
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(parts).ok()?;
        let headers = request.headers_mut();
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(USER_AGENT, HeaderValue::from_static(build_info::USER_AGENT));
        headers.insert(GRPC_TIMEOUT.clone(), self.timeout()?);
        if self.marked {
            headers.insert(MARKER.clone(), HeaderValue::from_static("1"));
        }
        for (name, value) in &self.settings.metadata {
            headers.append(name, value.clone());
        }
        Some(request)
    }

    /// The time that is left, as the server is told it.
    fn timeout(&self) -> Option<HeaderValue> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = left.as_millis().clamp(1, LONGEST_TIMEOUT);
        HeaderValue::try_from(format!("{left}m")).ok()
    }
}

/// Names a failure from what the line saw first, then from what HTTP/2 made of it.
fn classify(stopped: &Stopped, seen: &Seen, plain: bool) -> Failure {
    let protocol = |what: String| Failure::Exchange(ExchangeFailure::Protocol(what));
    let error = match stopped {
        Stopped::TooLong => return protocol(format!("a message longer than {MESSAGE_LIMIT} bytes")),
        Stopped::Http2(error) => error,
    };
    match &seen.broken {
        Some(Broken::Tls(failure)) => Failure::Tls(failure.clone()),
        Some(Broken::Reset) if plain && seen.first_byte.is_none() => Failure::Connect(ConnectFailure::Reset),
        Some(Broken::Reset | Broken::Lost) => Failure::Exchange(ExchangeFailure::Closed),
        None => Failure::Exchange(classify_h2(error).into()),
    }
}
