//! The connect stage: a port that accepts, refuses, hangs or resets.

use std::{future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{State, http1, seen::Client, tls};

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connect {
    /// It is accepted and served.
    Accept,
    /// It is refused; the port stays ours.
    Refuse,
    /// It is never answered: the backlog is full.
    Hang,
    /// It is accepted and reset before a byte is sent.
    Reset,
}

/// A change of the connect stage, and whom to tell that it is in force.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) connect: Connect,
    pub(crate) done: oneshot::Sender<()>,
}

/// A port that is ours whether or not anyone listens on it.
#[derive(Debug)]
pub(crate) struct Port {
    addr: SocketAddr,
    /// Bound, never listening: keeps others off the port while it refuses.
    _reservation: TcpSocket,
}

impl Port {
    pub(crate) fn reserve(addr: SocketAddr) -> Self {
        let reservation = sharing_socket(addr).expect("bind a web server on loopback");
        let addr = reservation.local_addr().expect("the address of a bound socket");
        Self {
            addr,
            _reservation: reservation,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn listen(&self, backlog: u32) -> TcpListener {
        let socket = sharing_socket(self.addr).expect("bind a port of our own again");
        socket.listen(backlog).expect("listen on a port of our own")
    }
}

fn sharing_socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

enum Door {
    Open(TcpListener),
    Resetting(TcpListener),
    /// The one parked connection fills the backlog of zero.
    Hanging {
        _listener: TcpListener,
        _parked: TcpStream,
    },
    Shut,
}

impl Door {
    async fn set(port: &Port, connect: Connect) -> Self {
        match connect {
            Connect::Accept => Self::Open(port.listen(BACKLOG)),
            Connect::Reset => Self::Resetting(port.listen(BACKLOG)),
            Connect::Refuse => Self::Shut,
            Connect::Hang => {
                let listener = port.listen(0);
                let parked = TcpStream::connect(port.addr)
                    .await
                    .expect("one connection fits the backlog");
                Self::Hanging {
                    _listener: listener,
                    _parked: parked,
                }
            }
        }
    }

    /// The next connection to serve.
    async fn accept(&self) -> TcpStream {
        match self {
            Self::Open(listener) => accept(listener).await,
            Self::Resetting(listener) => loop {
                drop(accept(listener).await.set_zero_linger());
            },
            Self::Hanging { .. } | Self::Shut => pending().await,
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors: others have to close first.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves a port until it is dropped, and with it every connection.
pub(crate) async fn run(port: Port, state: Arc<State>, mut commands: mpsc::Receiver<Command>) {
    let mut door = Door::Shut;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(command) = commands.recv() => {
                // Closed before the next one opens: two listeners would share the connections.
                drop(std::mem::replace(&mut door, Door::Shut));
                connections.shutdown().await;
                door = Door::set(&port, command.connect).await;
                // Whoever asked may be gone.
                let _ = command.done.send(());
            }
            Some(_) = connections.join_next() => {}
            stream = door.accept() => {
                state.log.connection();
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    drop(stream.set_nodelay(true));
    match &state.tls {
        Some(settings) => tls::serve(stream, settings, &state).await,
        None => http1::serve(stream, &state, Client::default()).await,
    }
}

const BACKLOG: u32 = 1024;
