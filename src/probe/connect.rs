//! The TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tokio::fs::{File, OpenOptions, read_link};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

use crate::outcome::ConnectFailure;

/// Connects, or says why not. Ends by the deadline.
pub async fn connect(address: SocketAddr, deadline: Instant) -> Result<TcpStream, ConnectFailure> {
    connect_from(None, address, deadline).await
}

/// Connects from an address of ours, or says why not; one that is not ours, or of the other family, reaches nothing.
/// Ends by the deadline.
pub async fn connect_from(
    source: Option<IpAddr>,
    address: SocketAddr,
    deadline: Instant,
) -> Result<TcpStream, ConnectFailure> {
    let connecting = async {
        match source {
            None => TcpStream::connect(address).await,
            Some(source) => bound(source)?.connect(address).await,
        }
    };
    let stream = match timeout_at(deadline, connecting).await {
        Err(_elapsed) => return Err(ConnectFailure::Timeout),
        Ok(Err(error)) => return Err(classify(&error)),
        Ok(Ok(stream)) => stream,
    };
    // A handshake and a request are a few small writes: none of them should wait for an acknowledgement.
    stream.set_nodelay(true).map_err(|error| classify(&error))?;
    Ok(stream)
}

/// Connects to a socket of this machine, or says why not. Ends by the deadline.
pub async fn connect_to_path(path: &Path, deadline: Instant) -> Result<UnixStream, ConnectFailure> {
    match timeout_at(deadline, UnixStream::connect(path)).await {
        Err(_elapsed) => Err(ConnectFailure::Timeout),
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            let failure = classify(&error);
            // There is no route to miss: only the system's words tell what is in the way.
            let told = failure == ConnectFailure::Unreachable;
            Err(if told {
                ConnectFailure::NoSocket(words(&error))
            } else {
                failure
            })
        }
    }
}

/// A socket of this machine as it was found: what is put in its path's place afterwards is another one.
#[derive(Debug)]
pub struct FoundSocket {
    file: File,
    /// Its path without links.
    real: PathBuf,
}

impl FoundSocket {
    /// Follows a path without opening what it leads to, or says why that cannot be done. Ends by the deadline.
    pub async fn at(path: &Path, deadline: Instant) -> Result<Self, ConnectFailure> {
        let finding = async {
            // Flags of the system fit its own type for them.
            let flags = OFlags::PATH.bits().cast_signed();
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(flags)
                .open(path)
                .await?;
            let real = read_link(handle(&file)).await?;
            Ok::<_, io::Error>(Self { file, real })
        };
        match timeout_at(deadline, finding).await {
            Err(_elapsed) => Err(ConnectFailure::Timeout),
            Ok(found) => found.map_err(|error| ConnectFailure::NoSocket(words(&error))),
        }
    }

    /// Where it is, whatever its path said.
    #[must_use]
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// Connects to it, and to nothing else. Ends by the deadline.
    pub async fn connect(&self, deadline: Instant) -> Result<UnixStream, ConnectFailure> {
        connect_to_path(&handle(&self.file), deadline).await
    }
}

/// A path to a file that is open, by which the system finds that very file (proc(5)).
fn handle(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// What the system says, without the number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    words.to_lowercase()
}

fn bound(source: IpAddr) -> io::Result<TcpSocket> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.bind(SocketAddr::new(source, 0))?;
    Ok(socket)
}

/// Why a connection could not be made. What is left over (no route, no such address or family here, a local firewall's
/// refusal, no port left) is `Unreachable`: nothing was heard from the peer.
#[must_use]
pub fn classify(error: &io::Error) -> ConnectFailure {
    if is_reset(error) {
        return ConnectFailure::Reset;
    }
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        ConnectFailure::Refused
    } else if kind == io::ErrorKind::TimedOut {
        ConnectFailure::Timeout
    } else {
        ConnectFailure::Unreachable
    }
}

/// Whether the peer broke the connection off with a reset.
#[must_use]
pub fn is_reset(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    [ConnectionReset, ConnectionAborted, BrokenPipe].contains(&error.kind())
}
