//! The TCP connection.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::outcome::ConnectFailure;

/// Connects, or says why not. Ends by the deadline.
pub async fn connect(address: SocketAddr, deadline: Instant) -> Result<TcpStream, ConnectFailure> {
    let stream = match timeout_at(deadline, TcpStream::connect(address)).await {
        Err(_elapsed) => return Err(ConnectFailure::Timeout),
        Ok(Err(error)) => return Err(classify(&error)),
        Ok(Ok(stream)) => stream,
    };
    // A handshake and a request are a few small writes: none of them should wait for an acknowledgement.
    stream.set_nodelay(true).map_err(|error| classify(&error))?;
    Ok(stream)
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
