//! A proxy that makes connections by CONNECT or SOCKS 5, or takes requests itself, and keeps what it was told.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::authority::Issued;

/// What a proxy does with those who come.
#[derive(Clone, Debug)]
pub enum Proxying {
    /// Makes the connection by CONNECT, or hands the request on.
    Http,
    /// The same over TLS.
    Https(Issued),
    /// Answers so whatever is asked, in bytes.
    Says(&'static str),
    /// Makes the connection by SOCKS 5; only for this user and password, where there is one.
    Socks(Option<(&'static str, &'static str)>),
    /// Reads and says nothing.
    Hangs,
}

/// A running proxy; dropping it ends it.
#[derive(Debug)]
pub struct ProxyLab {
    addr: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl ProxyLab {
    /// Binds 127.0.0.1. Wherever it is sent, it goes to `target`.
    pub async fn start(how: Proxying, target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind a proxy on loopback");
        let addr = listener.local_addr().expect("the address of a bound socket");
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(run(listener, how, target, Arc::clone(&told)));
        Self {
            addr,
            told,
            _task: task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The first lines and headers of requests, and the targets of SOCKS, in the order in which they came.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.told
            .lock()
            .expect("no one panics over what was told")
            .clone()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Client = BufReader<Box<dyn Stream>>;

async fn run(listener: TcpListener, how: Proxying, target: SocketAddr, told: Arc<Mutex<Vec<String>>>) {
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (how, told) = (how.clone(), Arc::clone(&told));
        clients.spawn(async move { drop(serve(stream, how, target, &told).await) });
    }
}

async fn serve(
    stream: TcpStream,
    how: Proxying,
    target: SocketAddr,
    told: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let stream: Box<dyn Stream> = match &how {
        Proxying::Https(issued) => {
            let config = Arc::new(issued.server_config(&[b"http/1.1"]));
            Box::new(TlsAcceptor::from(config).accept(stream).await?)
        }
        _ => Box::new(stream),
    };
    let client = BufReader::new(stream);
    match how {
        Proxying::Http | Proxying::Https(_) => hand_on(client, target, told).await,
        Proxying::Says(answer) => refuse(client, answer, told).await,
        Proxying::Socks(only) => socks(client, only, target, told).await,
        Proxying::Hangs => {
            let mut client = client;
            tokio::io::copy(&mut client, &mut tokio::io::sink())
                .await
                .map(drop)
        }
    }
}

async fn head(client: &mut Client, told: &Mutex<Vec<String>>) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let lines = head.lines().filter(|line| !line.is_empty()).map(str::to_owned);
    told.lock()
        .expect("no one panics over what was told")
        .extend(lines);
    Ok(head)
}

async fn hand_on(mut client: Client, target: SocketAddr, told: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = head(&mut client, told).await?;
    let mut server = TcpStream::connect(target).await?;
    if head.starts_with("CONNECT ") {
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
        client.flush().await?;
    } else {
        server.write_all(origin_form(&head).as_bytes()).await?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .map(drop)
}

/// The request as a proxy hands it on: without scheme and host in its first line.
fn origin_form(head: &str) -> String {
    let parts: Vec<&str> = head.splitn(2, "://").collect();
    match parts.as_slice() {
        [method, rest] if method.starts_with(|first: char| first.is_ascii_uppercase()) => {
            let path = rest.find('/').map_or("", |at| &rest[at..]);
            format!("{}{path}", method.trim_end_matches("http"))
        }
        _ => head.to_owned(),
    }
}

async fn refuse(mut client: Client, answer: &str, told: &Mutex<Vec<String>>) -> io::Result<()> {
    head(&mut client, told).await?;
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

async fn socks(
    mut client: Client,
    only: Option<(&str, &str)>,
    target: SocketAddr,
    told: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut start = [0; 2];
    client.read_exact(&mut start).await?;
    let mut methods = vec![0; start[1].into()];
    client.read_exact(&mut methods).await?;
    let method = if only.is_some() { 2 } else { 0 };
    client.write_all(&[5, method]).await?;
    if let Some((user, password)) = only {
        client.read_u8().await?;
        let told = (text(&mut client).await?, text(&mut client).await?);
        let right = told == (user.to_owned(), password.to_owned());
        client.write_all(&[1, u8::from(!right)]).await?;
        if !right {
            return client.shutdown().await;
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address).await?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        _ => text(&mut client).await?,
    };
    let port = client.read_u16().await?;
    told.lock()
        .expect("no one panics over what was told")
        .push(format!("{host}:{port}"));
    let mut server = TcpStream::connect(target).await?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
    client.flush().await?;
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .map(drop)
}

async fn text(client: &mut Client) -> io::Result<String> {
    let mut text = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
