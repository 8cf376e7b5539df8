//! A line to the peer: a socket, with TLS over it where that was asked for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// What bytes go over before there is any TLS of ours.
#[derive(Debug)]
pub enum Socket {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A socket of this machine.
    Unix(UnixStream),
    /// A session with a proxy, in which the peer's own session is begun.
    Tunnel(Box<TlsStream<Self>>),
}

/// A line that can be spoken on.
#[derive(Debug)]
pub enum Line {
    /// Without TLS.
    Plain(Socket),
    /// After the handshake.
    Tls(Box<TlsStream<Socket>>),
}

impl Socket {
    /// Whether there is a byte from the peer, without taking it. Where that cannot be told, one is taken to be there.
    pub(super) fn poll_heard(&self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self {
            Self::Tcp(stream) => {
                let mut byte = [0; 1];
                stream
                    .poll_peek(context, &mut ReadBuf::new(&mut byte))
                    .map_ok(|length| length > 0)
            }
            Self::Unix(_) | Self::Tunnel(_) => Poll::Ready(Ok(true)),
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

/// Hands reading and writing on to whichever stream there is.
macro_rules! passes_on {
    ($type:ident: $($variant:ident),+) => {
        impl AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_read(cx, buf),)+
                }
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_write(cx, buf),)+
                }
            }

            // TLS has several records ready at once: its last ones of a handshake leave together.
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),)+
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $(Self::$variant(stream) => stream.is_write_vectored(),)+
                }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_flush(cx),)+
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_shutdown(cx),)+
                }
            }
        }
    };
}

passes_on!(Socket: Tcp, Unix, Tunnel);
passes_on!(Line: Plain, Tls);
