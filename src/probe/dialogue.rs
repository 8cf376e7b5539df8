//! A dialogue by lines or bytes: what a module waits for and says, step by step, in blackbox_exporter's terms.
//!
//! Bounds for what a peer may send: a line of 64 KiB, 8 MiB in all, and the probe's deadline.

use std::io;

use regex::bytes::Regex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::line::{Line, Socket};
use super::tls::{self, Alpn};
use super::{connect, server_name};
use crate::outcome::{
    Awaited, ConnectFailure, DialogueFacts, ExchangeFailure, Failure, Hop, Rule, Violation,
};

/// The longest line.
const LINE_LIMIT: usize = 64 * 1024;

/// All that is read of a peer.
const READ_LIMIT: usize = 8 * 1024 * 1024;

/// How much of what was read is kept to be shown.
const SHOWN: usize = 200;

/// One step: it waits, then speaks, then begins TLS; each where it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// What must come first.
    pub expect: Option<Expect>,
    /// What is said then, followed by a line feed; `$1` and `${name}` stand for what the pattern captured.
    pub send: Option<String>,
    /// Whether TLS begins then.
    pub starttls: bool,
}

/// What must come.
#[derive(Debug, Clone)]
pub enum Expect {
    /// A line that matches; others before it are passed over.
    Line {
        /// The pattern.
        pattern: Regex,
        /// Labels to export, as name and template.
        labels: Vec<(String, String)>,
    },
    /// These bytes, and no others before them.
    Bytes(Vec<u8>),
}

/// What came of a dialogue.
#[derive(Debug, Default)]
pub(super) struct Talked {
    /// How far it went.
    pub(super) facts: DialogueFacts,
    /// Why it ended early.
    pub(super) failure: Option<Failure>,
    /// What was not as it should be.
    pub(super) violations: Vec<Violation>,
}

/// Why a step did not come to its end.
enum Stopped {
    Failed(Failure),
    Broke(Violation),
}

impl Talked {
    fn stopped(facts: DialogueFacts, stopped: Stopped) -> Self {
        let (failure, violations) = match stopped {
            Stopped::Failed(failure) => (Some(failure), Vec::new()),
            Stopped::Broke(violation) => (None, vec![violation]),
        };
        Self {
            facts,
            failure,
            violations,
        }
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Goes through the steps over a line. Ends by the deadline.
pub(super) async fn talk(
    call: &Call<'_>,
    line: Line,
    (steps, starttls): (&[Step], &tls::Connector),
    hop: &mut Hop,
) -> Talked {
    let begun = Instant::now();
    let shaken = hop.timings.tls;
    let mut talked = Dialogue::over(line, call.request.deadline)
        .go_through(steps, call, starttls, hop)
        .await;
    talked.facts.all = steps.len();
    // The handshake in between has its own time.
    let shaken = hop.timings.tls.saturating_sub(shaken);
    hop.timings.processing = begun.elapsed().saturating_sub(shaken);
    talked
}

struct Dialogue {
    reader: BufReader<Line>,
    /// Bytes read so far.
    read: usize,
    deadline: Instant,
    facts: DialogueFacts,
}

impl Dialogue {
    fn over(line: Line, deadline: Instant) -> Self {
        Self {
            reader: BufReader::new(line),
            read: 0,
            deadline,
            facts: DialogueFacts::default(),
        }
    }

    async fn go_through(
        mut self,
        steps: &[Step],
        call: &Call<'_>,
        starttls: &tls::Connector,
        hop: &mut Hop,
    ) -> Talked {
        for step in steps {
            if let Err(stopped) = self.hear_and_say(step).await {
                return Talked::stopped(self.facts, stopped);
            }
            if step.starttls {
                let facts = self.facts.clone();
                self = match self.begin_tls(call, starttls, hop).await {
                    Ok(dialogue) => dialogue,
                    Err(failure) => return Talked::stopped(facts, failure.into()),
                };
            }
            self.facts.steps += 1;
        }
        Talked {
            facts: self.facts,
            ..Talked::default()
        }
    }

    async fn hear_and_say(&mut self, step: &Step) -> Result<(), Stopped> {
        self.facts.awaited = None;
        let mut send = step.send.clone();
        match &step.expect {
            None => {}
            Some(Expect::Line { pattern, labels }) => {
                self.expect_line(pattern, labels, send.as_mut()).await?;
            }
            Some(Expect::Bytes(bytes)) => self.expect_bytes(bytes).await?,
        }
        if let Some(text) = send.filter(|text| !text.is_empty()) {
            self.say(&text).await?;
        }
        Ok(())
    }

    /// Reads lines until one matches.
    async fn expect_line(
        &mut self,
        pattern: &Regex,
        labels: &[(String, String)],
        send: Option<&mut String>,
    ) -> Result<(), Stopped> {
        self.facts.awaited = Some(Awaited::Line);
        let mut seen = false;
        loop {
            let Some(line) = self.read_line().await? else {
                return Err(self.ended(seen, &format!("a line that matches /{pattern}/")));
            };
            seen = true;
            let Some(found) = pattern.captures(&line) else {
                continue;
            };
            let expand = |template: &str| {
                let mut out = Vec::new();
                found.expand(template.as_bytes(), &mut out);
                String::from_utf8_lossy(&out).into_owned()
            };
            if let Some(send) = send {
                *send = expand(send);
            }
            if !labels.is_empty() {
                let labels = labels
                    .iter()
                    .map(|(name, template)| (name.clone(), expand(template)));
                self.facts.labels.push(labels.collect());
            }
            return Ok(());
        }
    }

    async fn expect_bytes(&mut self, expected: &[u8]) -> Result<(), Stopped> {
        self.facts.awaited = Some(Awaited::Bytes);
        let mut actual = Vec::new();
        let wanted = u64::try_from(expected.len()).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.reader).take(wanted);
        let read = timeout_at(self.deadline, bounded.read_to_end(&mut actual)).await;
        self.note(&actual);
        let should_be = format!("the bytes {:?}", shown(expected));
        match read {
            Err(_elapsed) => Err(Failure::Exchange(ExchangeFailure::Timeout).into()),
            Ok(Err(error)) => Err(self.broken(&error).into()),
            Ok(Ok(length)) if length < expected.len() => Err(self.ended(length > 0, &should_be)),
            Ok(Ok(_)) if actual == expected => Ok(()),
            Ok(Ok(_)) => Err(Stopped::Broke(Violation {
                rule: Rule::Answer,
                expected: should_be,
                actual: format!("{:?}", shown(&actual)),
            })),
        }
    }

    /// A line without its end; `None` at the end of what the peer says.
    async fn read_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        let most = LINE_LIMIT.min(READ_LIMIT.saturating_sub(self.read));
        let limit = u64::try_from(most + 1).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.reader).take(limit);
        let read = timeout_at(self.deadline, bounded.read_until(b'\n', &mut line)).await;
        match read {
            Err(_elapsed) => return Err(Failure::Exchange(ExchangeFailure::Timeout)),
            Ok(Err(error)) => return Err(self.broken(&error)),
            Ok(Ok(0)) => return Ok(None),
            Ok(Ok(_)) if line.len() > most => {
                let what = format!("a line longer than {LINE_LIMIT} bytes, or more than {READ_LIMIT} in all");
                return Err(Failure::Exchange(ExchangeFailure::Protocol(what)));
            }
            Ok(Ok(length)) => self.read += length,
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        self.note(&line);
        Ok(Some(line))
    }

    async fn say(&mut self, text: &str) -> Result<(), Failure> {
        let stream = self.reader.get_mut();
        let saying = async {
            stream.write_all(format!("{text}\n").as_bytes()).await?;
            stream.flush().await
        };
        match timeout_at(self.deadline, saying).await {
            Err(_elapsed) => Err(Failure::Exchange(ExchangeFailure::Timeout)),
            Ok(Err(error)) => Err(self.broken(&error)),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Begins TLS; what the peer has said in plain text beyond its answer is thrown away (RFC 3207 section 4.2).
    async fn begin_tls(
        self,
        call: &Call<'_>,
        starttls: &tls::Connector,
        hop: &mut Hop,
    ) -> Result<Self, Failure> {
        let host = server_name(call.request);
        let socket = match self.reader.into_inner() {
            Line::Plain(socket) => socket,
            // A second session inside the first.
            Line::Tls(stream) => Socket::Tunnel(stream),
        };
        let line = call.shake(starttls, socket, (&host, Alpn::Nothing), hop).await?;
        Ok(Self {
            reader: BufReader::new(line),
            ..self
        })
    }

    /// The peer has nothing more to say: a wrong answer where there was one, else none.
    fn ended(&self, answered: bool, expected: &str) -> Stopped {
        if answered {
            Stopped::Broke(Violation {
                rule: Rule::Answer,
                expected: expected.to_owned(),
                actual: format!(
                    "{:?}, then the end",
                    self.facts.last_read.as_deref().unwrap_or_default()
                ),
            })
        } else {
            Stopped::Failed(Failure::Exchange(ExchangeFailure::Closed))
        }
    }

    fn broken(&self, error: &io::Error) -> Failure {
        if let Some(failure) = tls::classify(error) {
            Failure::Tls(failure)
        } else if connect::is_reset(error) && self.facts.last_read.is_none() {
            Failure::Connect(ConnectFailure::Reset)
        } else {
            Failure::Exchange(ExchangeFailure::Closed)
        }
    }

    fn note(&mut self, read: &[u8]) {
        if !read.is_empty() {
            self.facts.last_read = Some(shown(read));
        }
    }
}

/// The beginning of what was read, as text.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes)).into_owned()
}
