//! The upgrade of a line that is ready, and the messages over it.
//!
//! Bounds for what a server may send: a head of 64 KiB, a message of 1 MiB, a thousand frames between two messages,
//! and the probe's deadline.

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, StatusCode};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Settings, upgrade};
use crate::outcome::{
    Awaited, ConnectFailure, ExchangeFailure, Failure, Rule, Timings, Violation, WebSocketFacts,
};
use crate::probe::call::Call;
use crate::probe::dialogue::{Expect, Step, shown};
use crate::probe::http::stream::{Broken, Seen, Watched};
use crate::probe::line::Line;

/// The longest message, and the longest frame of one.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// Frames that are no message and may come before one.
const FRAMES_LIMIT: usize = 1_000;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Talked {
    /// What was answered, where the answer to the request came.
    pub(super) facts: Option<WebSocketFacts>,
    /// Why it ended early.
    pub(super) failure: Option<Failure>,
    /// What was not as it should be.
    pub(super) violation: Option<Violation>,
}

/// Why a talk did not come to its end.
enum Stopped {
    Broke(Violation),
    Failed(ExchangeFailure),
    Stream(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Stream(error)
    }
}

/// Upgrades the line and goes through the steps. Ends by the deadline.
pub(super) async fn talk(
    call: &Call<'_>,
    (settings, authorization): (&Settings, Option<&HeaderValue>),
    line: Line,
    timings: &mut Timings,
) -> Talked {
    let url = call.request.url;
    let Some(request) = upgrade::request(url, (settings, authorization), call.request.marked) else {
        let what = "no request can be written for the target".to_owned();
        return Talked {
            failure: Some(Failure::Exchange(ExchangeFailure::Protocol(what))),
            ..Talked::default()
        };
    };
    let plain = matches!(line, Line::Plain(_));
    let (stream, watch) = Watched::new(line);
    let mut facts = None;
    let begun = Instant::now();
    let mut upgraded = None;
    let talking = async {
        let mut socket = open(stream, request, &mut facts).await?;
        upgraded = Some(Instant::now());
        go_through(&mut socket, &settings.steps, facts.as_mut()).await?;
        // The peer's own end is not waited for.
        socket.close(None).await.or(Ok(()))
    };
    let ended = timeout_at(call.request.deadline, talking).await;
    if let Some(facts) = &mut facts {
        facts.dialogue.all = settings.steps.len();
    }
    let now = Instant::now();
    timings.processing = upgraded.unwrap_or(now).saturating_duration_since(begun);
    if let Some(upgraded) = upgraded.filter(|_| !settings.steps.is_empty()) {
        timings.transfer = now.saturating_duration_since(upgraded);
    }
    let (failure, violation) = match ended {
        Ok(Ok(())) => (None, None),
        Ok(Err(Stopped::Broke(violation))) => (None, Some(violation)),
        Ok(Err(Stopped::Failed(failure))) => (Some(Failure::Exchange(failure)), None),
        Ok(Err(Stopped::Stream(error))) => (Some(classify(&error, &watch.seen(), plain)), None),
        Err(_elapsed) => (Some(Failure::Exchange(ExchangeFailure::Timeout)), None),
    };
    Talked {
        facts,
        failure,
        violation,
    }
}

/// Asks for the upgrade. An answer of another status refuses it.
async fn open(
    stream: Watched,
    request: Request,
    facts: &mut Option<WebSocketFacts>,
) -> Result<WebSocketStream<Watched>, Stopped> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(4 * 1024);
    let opened = client_async_with_config(request, stream, Some(config)).await;
    let status = match &opened {
        Ok((_, response)) => Some(response.status()),
        Err(Error::Http(response)) => Some(response.status()),
        Err(_) => None,
    };
    *facts = status.map(|status| WebSocketFacts {
        status: status.as_u16(),
        upgraded: opened.is_ok(),
        ..WebSocketFacts::default()
    });
    match (opened, status) {
        (Ok((socket, _)), _) => Ok(socket),
        (Err(_), Some(status)) => Err(Stopped::Broke(refused(status))),
        (Err(error), None) => Err(Stopped::Stream(error)),
    }
}

fn refused(status: StatusCode) -> Violation {
    Violation {
        rule: Rule::AnswerStatus,
        expected: StatusCode::SWITCHING_PROTOCOLS.to_string(),
        actual: status.to_string(),
    }
}

async fn go_through(
    socket: &mut WebSocketStream<Watched>,
    steps: &[Step],
    mut facts: Option<&mut WebSocketFacts>,
) -> Result<(), Stopped> {
    for step in steps {
        let mut send = step.send.clone();
        if let Some(expect) = &step.expect {
            if let Some(facts) = facts.as_deref_mut() {
                facts.dialogue.awaited = Some(awaited(expect));
            }
            let message = hear(socket).await?;
            if let Some(facts) = facts.as_deref_mut() {
                facts.dialogue.last_read = Some(shown(&message));
            }
            check(expect, &message, send.as_mut())?;
        }
        if let Some(text) = send.filter(|text| !text.is_empty()) {
            socket.send(Message::text(text)).await?;
        }
        if let Some(facts) = facts.as_deref_mut() {
            facts.dialogue.steps += 1;
        }
    }
    Ok(())
}

const fn awaited(expect: &Expect) -> Awaited {
    match expect {
        Expect::Line { .. } => Awaited::Line,
        Expect::Bytes(_) => Awaited::Bytes,
    }
}

/// The next message, of text or of bytes.
async fn hear(socket: &mut WebSocketStream<Watched>) -> Result<Vec<u8>, Stopped> {
    for _ in 0..FRAMES_LIMIT {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_bytes().to_vec()),
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(Stopped::Failed(ExchangeFailure::Closed)),
            Some(Err(error)) => return Err(error.into()),
        }
    }
    let what = format!("{FRAMES_LIMIT} frames and no message");
    Err(Stopped::Failed(ExchangeFailure::Protocol(what)))
}

/// The next message must be the expected one: none is passed over.
fn check(expect: &Expect, message: &[u8], send: Option<&mut String>) -> Result<(), Stopped> {
    let expected = match expect {
        Expect::Line { pattern, .. } => match pattern.captures(message) {
            Some(found) => {
                if let Some(send) = send {
                    let mut out = Vec::new();
                    found.expand(send.as_bytes(), &mut out);
                    *send = String::from_utf8_lossy(&out).into_owned();
                }
                return Ok(());
            }
            None => format!("a message that matches /{pattern}/"),
        },
        Expect::Bytes(bytes) if message == bytes.as_slice() => return Ok(()),
        Expect::Bytes(bytes) => format!("the bytes {:?}", shown(bytes)),
    };
    Err(Stopped::Broke(Violation {
        rule: Rule::Answer,
        expected,
        actual: format!("{:?}", shown(message)),
    }))
}

/// Names a failure from what the line saw first, then from what the protocol made of it.
fn classify(error: &Error, seen: &Seen, plain: bool) -> Failure {
    let ended = matches!(
        error,
        Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Io(_)
            | Error::Protocol(
                ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake
            )
    );
    match &seen.broken {
        Some(Broken::Tls(failure)) => Failure::Tls(failure.clone()),
        Some(Broken::Reset) if plain && seen.first_byte.is_none() => Failure::Connect(ConnectFailure::Reset),
        Some(Broken::Reset | Broken::Lost) => Failure::Exchange(ExchangeFailure::Closed),
        None if ended => Failure::Exchange(ExchangeFailure::Closed),
        None => Failure::Exchange(ExchangeFailure::Protocol(error.to_string())),
    }
}
