//! One question and one answer over UDP, TCP or TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::Name;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{Question, Settings, Transport};
use crate::outcome::{ConnectFailure, ExchangeFailure, Failure, Hop};
use crate::probe::call::{Call, Dial};
use crate::probe::line::Line;
use crate::probe::tls::{self, Alpn};
use crate::probe::{connect, host_of};

/// Datagrams that are no answer to the question and are passed over: a forger may send any number.
const STRAY_DATAGRAMS: usize = 64;

/// Asks. Ends by the deadline.
pub(super) async fn ask(
    call: &Call<'_>,
    settings: &Settings,
    name: &Name,
    address: SocketAddr,
    hop: &mut Hop,
) -> Result<Message, Failure> {
    let question = query(&settings.question, name);
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Query;
    message.metadata.recursion_desired = settings.recursion;
    message.add_query(question.clone());
    let asked = Sent {
        id: message.metadata.id,
        question,
        bytes: message.to_vec().map_err(|error| protocol(&error.to_string()))?,
    };
    let deadline = call.request.deadline;
    if settings.transport == Transport::Udp {
        hop.address = Some(address);
        call.permit(&host_of(settings.place(call.request.url)), address.ip())?;
        let socket = socket(settings.source, address, hop).await?;
        let begun = Instant::now();
        let answer = asked.over_udp(&socket, deadline).await;
        hop.timings.processing = begun.elapsed();
        return answer;
    }
    let mut line = line(call, settings, address, hop).await?;
    let begun = Instant::now();
    let exchange = asked.over_line(&mut line);
    let answer = timeout_at(deadline, exchange)
        .await
        .unwrap_or(Err(Failure::Exchange(ExchangeFailure::Timeout)));
    hop.timings.processing = begun.elapsed();
    answer
}

fn query(question: &Question, name: &Name) -> Query {
    let mut query = Query::query(name.clone(), question.record);
    query.set_query_class(question.class);
    query
}

/// A socket whose peer is the server: what others send does not come in, and that nobody listens there does.
async fn socket(source: Option<IpAddr>, address: SocketAddr, hop: &mut Hop) -> Result<UdpSocket, Failure> {
    let begun = Instant::now();
    let any = match address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let opening = async {
        let socket = UdpSocket::bind(SocketAddr::new(source.unwrap_or(any), 0)).await?;
        socket.connect(address).await?;
        Ok(socket)
    };
    let opened = opening.await;
    hop.timings.connect = begun.elapsed();
    opened.map_err(|error: io::Error| Failure::Connect(connect::classify(&error)))
}

async fn line(
    call: &Call<'_>,
    settings: &Settings,
    address: SocketAddr,
    hop: &mut Hop,
) -> Result<Line, Failure> {
    let host = host_of(settings.place(call.request.url));
    let dial = Dial {
        host: &host,
        addresses: &[address],
        source: settings.source,
    };
    let socket = call.dial(dial, hop).await?;
    if settings.transport != Transport::Tls {
        return Ok(Line::Plain(socket));
    }
    call.shake(&settings.tls, socket, (&host, Alpn::Nothing), hop)
        .await
}

/// A question as it goes out, and what its answer must repeat.
struct Sent {
    id: u16,
    question: Query,
    bytes: Vec<u8>,
}

/// What was received instead of an answer to the question.
enum Stray {
    /// Another id or another question: perhaps an answer to somebody else, or a forgery.
    Other(&'static str),
    /// Ours by its id, and no DNS message.
    Broken(String),
}

impl Sent {
    /// Sends one datagram and waits for its answer; other datagrams are passed over.
    async fn over_udp(&self, socket: &UdpSocket, deadline: Instant) -> Result<Message, Failure> {
        socket.send(&self.bytes).await.map_err(|error| unsent(&error))?;
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let mut stray = None;
        for _ in 0..STRAY_DATAGRAMS {
            let received = match timeout_at(deadline, socket.recv(&mut buffer)).await {
                Err(_elapsed) => break,
                Ok(received) => received.map_err(|error| unsent(&error))?,
            };
            match self.read(buffer.get(..received).unwrap_or_default()) {
                Ok(message) => return Ok(message),
                Err(Stray::Broken(what)) => return Err(protocol(&what)),
                Err(Stray::Other(what)) => stray = Some(what),
            }
        }
        Err(stray.map_or(Failure::Exchange(ExchangeFailure::Timeout), protocol))
    }

    /// Sends the question after its length and reads an answer after its own.
    async fn over_line(&self, line: &mut Line) -> Result<Message, Failure> {
        let length = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
        let framed = [&length.to_be_bytes()[..], &self.bytes].concat();
        let exchange = async {
            line.write_all(&framed).await?;
            line.flush().await?;
            let length = line.read_u16().await?;
            let mut message = vec![0; usize::from(length)];
            line.read_exact(&mut message).await?;
            Ok(message)
        };
        let bytes = exchange.await.map_err(|error: io::Error| broken(&error))?;
        self.read(&bytes).map_err(|stray| match stray {
            Stray::Other(what) => protocol(what),
            Stray::Broken(what) => protocol(&what),
        })
    }

    fn read(&self, bytes: &[u8]) -> Result<Message, Stray> {
        let message = match Message::from_vec(bytes) {
            Ok(message) => message,
            Err(_) if bytes.get(..2) != Some(&self.id.to_be_bytes()) => {
                return Err(Stray::Other("bytes with another id"));
            }
            Err(error) => return Err(Stray::Broken(format!("no DNS message: {error}"))),
        };
        if message.metadata.id != self.id {
            return Err(Stray::Other("an answer with another id"));
        }
        if message.metadata.message_type != MessageType::Response {
            return Err(Stray::Other("a question"));
        }
        // A server that could not read the question may leave it out.
        let refused = message.metadata.response_code != ResponseCode::NoError && message.answers.is_empty();
        match message.queries.as_slice() {
            [] if refused => Ok(message),
            [question] if *question == self.question => Ok(message),
            _ => Err(Stray::Other("an answer to another question")),
        }
    }
}

/// Why a datagram could not be sent, or what the network said of it.
fn unsent(error: &io::Error) -> Failure {
    Failure::Connect(connect::classify(error))
}

/// Why there was no answer on a connection.
fn broken(error: &io::Error) -> Failure {
    if let Some(failure) = tls::classify(error) {
        Failure::Tls(failure)
    } else if connect::is_reset(error) {
        Failure::Connect(ConnectFailure::Reset)
    } else {
        Failure::Exchange(ExchangeFailure::Closed)
    }
}

fn protocol(what: &str) -> Failure {
    Failure::Exchange(ExchangeFailure::Protocol(what.to_owned()))
}
