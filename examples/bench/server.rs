//! The target: a TLS and a plain HTTP server, lean enough not to be what is measured.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;

/// The file of the root certificate, in the folder given.
pub(crate) const ROOT_FILE: &str = "root.pem";

/// What every request is answered with: a small page, as long as its head says.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    server: bench\r\n\
    date: Mon, 23 Nov 2026 12:00:00 GMT\r\n\
    content-type: text/html; charset=utf-8\r\n\
    cache-control: no-store\r\n\
    content-length: 64\r\n\
    connection: close\r\n\
    \r\n\
    <!doctype html><title>bench</title><p>All is well here today.\n\r\n";

/// The address of the endpoint with this number: 127.1.0.1, and on.
pub(crate) fn address(number: usize) -> IpAddr {
    let third = u8::try_from(number / 250).unwrap_or(u8::MAX);
    let fourth = u8::try_from(number % 250 + 1).unwrap_or(u8::MAX);
    IpAddr::V4(Ipv4Addr::new(127, 1, third, fourth))
}

/// What all connections share.
#[derive(Debug, Default)]
struct Shared {
    certificates: HashMap<IpAddr, Arc<ServerConfig>>,
    /// So many of the first endpoints hang.
    hanging: AtomicUsize,
    /// They fall silent after the request, else before the handshake.
    late: AtomicBool,
    /// Connections that are held in silence now, and the most that ever were.
    held: AtomicUsize,
    most_held: AtomicUsize,
    /// Handshakes by what was agreed.
    handshakes: Mutex<BTreeMap<String, usize>>,
}

/// `server FOLDER ENDPOINTS`: prints the ports for TLS and plain HTTP, then obeys.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [folder, endpoints] = arguments else {
        anyhow::bail!("server needs a folder and a number of endpoints");
    };
    let authority = Authority::new()?;
    std::fs::write(Path::new(folder).join(ROOT_FILE), authority.root_pem())?;
    let mut certificates = HashMap::new();
    let addresses = (0..endpoints.parse::<usize>()?).map(address);
    for address in addresses.chain([IpAddr::V4(Ipv4Addr::LOCALHOST)]) {
        certificates.insert(address, authority.server(address)?);
    }
    let shared = Arc::new(Shared {
        certificates,
        ..Shared::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (secure, plain) = runtime.block_on(async {
        let everywhere = (Ipv4Addr::UNSPECIFIED, 0);
        let secure = listen(everywhere)?;
        let plain = listen(everywhere)?;
        anyhow::Ok((secure, plain))
    })?;
    say(&format!(
        "{} {}",
        secure.local_addr()?.port(),
        plain.local_addr()?.port()
    ))?;
    let serving = Arc::clone(&shared);
    let task = runtime.spawn(async move {
        tokio::join!(serve_tls(secure, serving), serve_plain(plain));
    });
    obey(&shared)?;
    task.abort();
    Ok(())
}

/// A listener with room for a burst of a whole fleet.
fn listen(address: (Ipv4Addr, u16)) -> anyhow::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(address.into())?;
    Ok(socket.listen(4096)?)
}

fn obey(shared: &Shared) -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["report"] => {
                let counted =
                    std::mem::take(&mut *shared.handshakes.lock().unwrap_or_else(PoisonError::into_inner));
                let counted = counted.iter().map(|(what, count)| format!("{count} {what}"));
                say(&counted.collect::<Vec<_>>().join(", "))?;
            }
            ["hang", number, stage] => {
                shared.late.store(*stage == "http", Ordering::Relaxed);
                shared.hanging.store(number.parse()?, Ordering::Relaxed);
                shared.most_held.store(0, Ordering::Relaxed);
                say("ok")?;
            }
            ["held"] => say(&shared.most_held.load(Ordering::Relaxed).to_string())?,
            _ => anyhow::bail!("the server does not know: {line}"),
        }
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush().context("nobody listens")
}

async fn serve_tls(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let shared = Arc::clone(&shared);
                    // A peer that breaks off is the business of the measured side.
                    connections.spawn(async move { drop(tls(stream, &shared).await) });
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_plain(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(async move { drop(answer(stream, None).await) });
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn tls(stream: TcpStream, shared: &Shared) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?.ip();
    let config = shared
        .certificates
        .get(&local)
        .context("no certificate for this address")?;
    let silent = shared.hangs(local);
    let late = shared.late.load(Ordering::Relaxed);
    if silent && !late {
        return shared.hold(stream).await;
    }
    let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
    shared.count(stream.get_ref().1);
    answer(stream, silent.then_some(shared)).await
}

impl Shared {
    fn hangs(&self, local: IpAddr) -> bool {
        let IpAddr::V4(v4) = local else { return false };
        let [_, second, third, fourth] = v4.octets();
        let number = usize::from(third) * 250 + usize::from(fourth).saturating_sub(1);
        second == 1 && number < self.hanging.load(Ordering::Relaxed)
    }

    /// Says nothing until the peer gives up.
    async fn hold(&self, mut stream: impl AsyncRead + Unpin) -> anyhow::Result<()> {
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_held.fetch_max(held, Ordering::Relaxed);
        let mut scrap = [0; 4096];
        while stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {}
        self.held.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    fn count(&self, session: &rustls::ServerConnection) {
        let version = session.protocol_version().map(|version| format!("{version:?}"));
        let group = session
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name()));
        let kind = session.handshake_kind().map(|kind| format!("{kind:?}"));
        let words: Vec<_> = [version, group, kind].into_iter().flatten().collect();
        let mut handshakes = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
        *handshakes.entry(words.join(" ")).or_default() += 1;
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    held_by: Option<&Shared>,
) -> anyhow::Result<()> {
    let mut request = Vec::with_capacity(1024);
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    if let Some(shared) = held_by {
        return shared.hold(stream).await;
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    Ok(())
}
