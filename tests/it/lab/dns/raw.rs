//! A UDP socket that answers what no DNS library would.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use tokio::{net::UdpSocket, task::JoinSet};

/// Makes any number of datagrams of a query.
pub type MakeDatagrams = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

/// What is sent back for a query.
#[derive(Clone)]
pub enum RawAnswer {
    /// A well-formed answer with another id.
    WrongId,
    /// Bytes that are no DNS message; the id is right.
    Garbage,
    /// An answer to another question; the id is right.
    ForgedQuestion,
    /// A datagram of zero bytes.
    Empty,
    /// The query itself, unchanged.
    Echo,
    /// A header that promises an answer, and nothing behind it.
    HeaderOnly,
    /// A name that points at itself.
    CompressionLoop,
    /// A forged answer with a wrong id first, then the right one.
    WrongIdThenRight,
    /// Nothing.
    Silence,
    /// Whatever the function makes of the query.
    Custom(MakeDatagrams),
}

impl std::fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawAnswer")
    }
}

/// A running socket; dropping it ends it.
#[derive(Debug)]
pub struct RawDns {
    addr: SocketAddr,
    answer: Arc<ArcSwap<RawAnswer>>,
    queries: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl RawDns {
    /// Binds 127.0.0.1 and answers so.
    pub async fn start(answer: RawAnswer) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bind a UDP socket on loopback");
        let addr = socket.local_addr().expect("the address of a bound socket");
        let answer = Arc::new(ArcSwap::from_pointee(answer));
        let queries = Arc::new(AtomicU64::new(0));
        let mut task = JoinSet::new();
        task.spawn(serve(socket, Arc::clone(&answer), Arc::clone(&queries)));
        Self {
            addr,
            answer,
            queries,
            _task: task,
        }
    }

    /// Where it answers.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers so from now on.
    pub fn answer(&self, answer: RawAnswer) {
        self.answer.store(Arc::new(answer));
    }

    /// How many datagrams have arrived.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }
}

async fn serve(socket: UdpSocket, answer: Arc<ArcSwap<RawAnswer>>, queries: Arc<AtomicU64>) {
    let mut buffer = [0; 4096];
    // An error here is an ICMP message about an earlier answer: the socket goes on.
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        queries.fetch_add(1, Ordering::Relaxed);
        for datagram in answer.load().datagrams(&buffer[..length]) {
            drop(socket.send_to(&datagram, from).await);
        }
    }
}

impl RawAnswer {
    fn datagrams(&self, query: &[u8]) -> Vec<Vec<u8>> {
        let Some(question) = question(query) else {
            return Vec::new();
        };
        match self {
            Self::WrongId => vec![other_id(right_answer(query, question))],
            Self::Garbage => vec![[&query[..2], &[0xff; 40]].concat()],
            Self::ForgedQuestion => vec![right_answer(query, b"\x06forged\x04test\0\0\x01\0\x01")],
            Self::Empty => vec![Vec::new()],
            Self::Echo => vec![query.to_vec()],
            Self::HeaderOnly => vec![header(query, 1).to_vec()],
            Self::CompressionLoop => {
                vec![[&header(query, 1)[..], question, &self_pointer(question)].concat()]
            }
            Self::WrongIdThenRight => {
                let right = right_answer(query, question);
                vec![other_id(right.clone()), right]
            }
            Self::Silence => Vec::new(),
            Self::Custom(make) => make(query),
        }
    }
}

/// The question section of a query: one name, type and class.
fn question(query: &[u8]) -> Option<&[u8]> {
    let body = query.get(HEADER..)?;
    let end = body.iter().position(|byte| *byte == 0)? + 5;
    body.get(..end)
}

/// A header with the id of the query, as a response (RD, RA) to one question.
fn header(query: &[u8], answers: u8) -> [u8; HEADER] {
    [query[0], query[1], 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0]
}

/// A whole answer to `question`: 127.0.0.1 for a minute.
fn right_answer(query: &[u8], question: &[u8]) -> Vec<u8> {
    let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01";
    [&header(query, 1)[..], question, record].concat()
}

fn other_id(mut message: Vec<u8>) -> Vec<u8> {
    message[0] ^= 0x5a;
    message
}

/// A compression pointer (RFC 1035 section 4.1.4) to its own place behind the question.
fn self_pointer(question: &[u8]) -> [u8; 2] {
    let place = u16::try_from(HEADER + question.len()).expect("a short question");
    (0xc000 | place).to_be_bytes()
}

const HEADER: usize = 12;
