//! One request and its response over HTTP/3 (RFC 9114).

use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h3::client::RequestStream;
use h3::error::StreamError;
use h3_quinn::BidiStream;
use http::response::Parts;
use hyper::body::{Body, Frame};
use quinn::ConnectionError as Closed;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::body::{self, Broken, BrokenBody, Reading};
use super::exchange::{Answer, HEAD_LIMIT};
use super::hop::{Journey, Ready, port_of};
use crate::outcome::{ConnectFailure, Failure, Hop, HttpFailure};
use crate::probe::host_of;
use crate::probe::tls::quic::{self, Session};

impl Journey<'_> {
    /// A session with the target, at its address where that is known.
    pub(super) async fn shake_over_quic(
        &self,
        url: &Url,
        (address, home): (Option<IpAddr>, bool),
        hop: &mut Hop,
    ) -> Result<Ready, Failure> {
        let address = if let Some(address) = address {
            SocketAddr::new(address, port_of(url))
        } else {
            let preferred = self.settings.addressing.preferred;
            let host = host_of(url);
            let found = self.call.look_up(&host, port_of(url), preferred, hop).await?;
            let unreachable = Failure::Connect(ConnectFailure::Unreachable);
            found.first().copied().ok_or(unreachable)?
        };
        self.call.permit(&host_of(url), address.ip())?;
        let host = self.server_name(url, home);
        let session = self
            .call
            .shake_over_quic(&self.settings.tls, address, &host, hop)
            .await?;
        Ok(Ready::Quic(session))
    }
}

/// Sends a request and reads the answer, as over the other versions. Ends by the deadline.
pub(super) async fn exchange<'a>(
    session: Session,
    (request, body): (http::Request<()>, Bytes),
    reading: impl FnOnce(&Parts) -> Option<Reading<'a>>,
    deadline: Instant,
) -> Answer {
    let mut answer = Answer::default();
    let begun = Instant::now();
    let talk = talk(&session, (request, body), reading, &mut answer);
    answer.failure = match timeout_at(deadline, talk).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            let broken = session.connection.close_reason();
            let tls = broken.as_ref().and_then(quic::tls_failure);
            // A client certificate is refused only after the handshake.
            Some(tls.map_or_else(|| Failure::Http(classify(error, broken.as_ref())), Failure::Tls))
        }
        Err(_) => Some(Failure::Http(HttpFailure::Timeout)),
    };
    let now = Instant::now();
    let arrived = answer.arrived;
    answer.processing = arrived.unwrap_or(now).saturating_duration_since(begun);
    answer.transfer = arrived
        .map(|arrived| now.saturating_duration_since(arrived))
        .unwrap_or_default();
    session.close().await;
    answer
}

async fn talk<'a>(
    session: &Session,
    (request, body): (http::Request<()>, Bytes),
    reading: impl FnOnce(&Parts) -> Option<Reading<'a>>,
    answer: &mut Answer,
) -> Result<(), Error> {
    let connection = h3_quinn::Connection::new(session.connection.clone());
    let (mut driver, mut sender) = h3::client::builder()
        .max_field_section_size(HEAD_LIMIT.into())
        .build::<_, _, Bytes>(connection)
        .await
        .map_err(|_| Error::Begun)?;
    let mut talk = pin!(async {
        let mut stream = sender.send_request(request).await?;
        if !body.is_empty() {
            stream.send_data(body).await?;
        }
        stream.finish().await?;
        let response = stream.recv_response().await?;
        answer.arrived = Some(Instant::now());
        let (head, ()) = response.into_parts();
        let head = answer.head.insert(head);
        match reading(head) {
            Some(how) => {
                let body = Received(stream);
                body::read(body, how, &mut answer.body).await.map_err(Error::Body)
            }
            None => Ok(()),
        }
    });
    tokio::select! {
        biased;
        ended = &mut talk => ended,
        // Its errors reach the talk, which may have more to read from what came before.
        _ = driver.wait_idle() => talk.await,
    }
}

/// Why the talk ended early.
enum Error {
    /// h3 could not begin: the connection knows why.
    Begun,
    Stream(StreamError),
    Body(Broken),
}

impl From<StreamError> for Error {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

/// h3 keeps the reasons of broken connections to itself: the connection is asked.
fn classify(error: Error, broken: Option<&quinn::ConnectionError>) -> HttpFailure {
    let error = match error {
        Error::Body(Broken::Coding(what)) => {
            return HttpFailure::Protocol(format!("undecodable body: {what}"));
        }
        Error::Body(Broken::TooLarge(limit)) => return HttpFailure::TooLarge(limit),
        Error::Body(Broken::Body(BrokenBody::Hyper(_))) => return HttpFailure::Closed,
        Error::Body(Broken::Body(BrokenBody::Http3(error))) | Error::Stream(error) => Some(error),
        Error::Begun => None,
    };
    match (error, broken) {
        (Some(StreamError::HeaderTooBig { .. }), _) => HttpFailure::TooLarge(HEAD_LIMIT.into()),
        (Some(StreamError::StreamError { reason, .. }), _) => {
            HttpFailure::Protocol(format!("http/3: {reason}"))
        }
        (_, Some(Closed::TimedOut)) => HttpFailure::Timeout,
        // h3 ends the connection by itself where the peer breaks the rules.
        (Some(error), Some(Closed::LocallyClosed)) => HttpFailure::Protocol(format!("http/3: {error}")),
        _ => HttpFailure::Closed,
    }
}

/// The body of a response as it comes.
struct Received(RequestStream<BidiStream<Bytes>, Bytes>);

impl Body for Received {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let data = ready!(self.get_mut().0.poll_recv_data(cx));
        Poll::Ready(match data {
            Ok(Some(mut data)) => {
                let length = data.remaining();
                Some(Ok(Frame::data(data.copy_to_bytes(length))))
            }
            Ok(None) => None,
            Err(error) => Some(Err(BrokenBody::Http3(error))),
        })
    }
}
