//! A server that holds a dialogue by a script: what it says, what it waits for, and what it does then.

use std::{future::pending, io, net::SocketAddr, path::Path, sync::Arc};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, UnixListener},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What the server does next.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It sends these bytes.
    Say(Vec<u8>),
    /// It reads a line, whatever it says.
    Hear,
    /// It reads a line and sends it back.
    Echo,
    /// It begins TLS.
    Tls(Arc<ServerConfig>),
    /// It sends lines without end.
    Babble,
    /// It breaks the connection off with a reset.
    Reset,
    /// It keeps the connection open and silent.
    Hang,
}

impl Turn {
    /// It sends this text.
    #[must_use]
    pub fn say(text: &str) -> Self {
        Self::Say(text.as_bytes().to_vec())
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A running server; dropping it ends it. At the end of its script it closes the connection.
#[derive(Debug)]
pub struct TalkLab {
    addr: SocketAddr,
    _task: JoinSet<()>,
}

impl TalkLab {
    /// Binds 127.0.0.1 and follows the script with everyone who connects.
    pub async fn start(script: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind a server on loopback");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let mut task = JoinSet::new();
        task.spawn(run(listener, script.into_iter().collect()));
        Self { addr, _task: task }
    }

    /// Binds a Unix socket at this path and follows the script with everyone who connects.
    pub fn unix(path: &Path, script: impl IntoIterator<Item = Turn>) -> Self {
        let listener = UnixListener::bind(path).expect("bind a Unix socket");
        let script: Arc<[Turn]> = script.into_iter().collect();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&script);
                talks.spawn(async move { drop(play(Box::new(stream), &script).await) });
            }
        });
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            _task: task,
        }
    }

    /// Where it listens, over TCP.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a host that leads there.
    #[must_use]
    pub fn url_of(&self, host: &str) -> String {
        format!("tcp://{host}:{}", self.addr.port())
    }
}

async fn run(listener: TcpListener, script: Arc<[Turn]>) {
    let mut talks = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        talks.spawn(async move { drop(follow(stream, &script).await) });
    }
}

async fn follow(stream: TcpStream, script: &[Turn]) -> io::Result<()> {
    if matches!(script.first(), Some(Turn::Reset)) {
        return stream.set_zero_linger();
    }
    play(Box::new(stream), script).await
}

async fn play(stream: Box<dyn Stream>, script: &[Turn]) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    for turn in script {
        let mut line = String::new();
        match turn {
            Turn::Say(bytes) => stream.write_all(bytes).await?,
            Turn::Hear => drop(stream.read_line(&mut line).await?),
            Turn::Echo => {
                stream.read_line(&mut line).await?;
                stream.write_all(line.as_bytes()).await?;
            }
            Turn::Tls(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                stream =
                    BufReader::new(Box::new(acceptor.accept(stream.into_inner()).await?) as Box<dyn Stream>);
            }
            Turn::Babble => loop {
                stream.write_all(b"and so on\n").await?;
            },
            Turn::Reset | Turn::Hang => pending().await,
        }
        stream.flush().await?;
    }
    stream.shutdown().await
}
