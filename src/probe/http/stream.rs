//! The connection as a client of HTTP sees it, watched from below: when the first bytes went and came, and what broke it.
//!
//! Clients tell neither: their errors lose the alert of a TLS peer and the difference between a reset and an end.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::outcome::TlsFailure;
use crate::probe::line::Line;
use crate::probe::{connect, tls};

/// What was seen of a connection so far.
#[derive(Debug, Default, Clone)]
pub(in crate::probe) struct Seen {
    /// When the first byte of the request was handed over.
    pub(in crate::probe) first_write: Option<Instant>,
    /// When the first byte of an answer came.
    pub(in crate::probe) first_byte: Option<Instant>,
    /// What broke it first; what TLS says outlives everything else.
    pub(in crate::probe) broken: Option<Broken>,
}

/// How a connection broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probe) enum Broken {
    /// By RST.
    Reset,
    /// By an alert, or by bytes that are not TLS.
    Tls(TlsFailure),
    /// Otherwise.
    Lost,
}

/// The reader's end of what a [`Watched`] sees.
#[derive(Debug, Clone, Default)]
pub(in crate::probe) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    /// What was seen so far.
    pub(in crate::probe) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broke(&self, error: &io::Error) {
        let mut seen = self.lock();
        let broken = Broken::by(error);
        if seen.broken.is_none() || matches!(broken, Broken::Tls(_)) {
            seen.broken = Some(broken);
        }
    }
}

impl Broken {
    fn by(error: &io::Error) -> Self {
        if let Some(failure) = tls::classify(error) {
            Self::Tls(failure)
        } else if connect::is_reset(error) {
            Self::Reset
        } else {
            Self::Lost
        }
    }
}

/// A connection with a [`Watch`] on it.
pub(in crate::probe) struct Watched {
    line: Line,
    watch: Watch,
    wrote: bool,
    read: bool,
}

impl Watched {
    /// Puts a connection under watch.
    pub(in crate::probe) fn new(line: Line) -> (Self, Watch) {
        let watch = Watch::default();
        let watched = Self {
            line,
            watch: watch.clone(),
            wrote: false,
            read: false,
        };
        (watched, watch)
    }

    fn stamp_write(&mut self) {
        if !self.wrote {
            self.wrote = true;
            self.watch.lock().first_write = Some(Instant::now());
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut this.line).poll_read(cx, buf));
        match result {
            Ok(()) => {
                if !this.read && buf.filled().len() > before {
                    this.read = true;
                    this.watch.lock().first_byte = Some(Instant::now());
                }
                Poll::Ready(Ok(()))
            }
            // Many servers end without close_notify; whether anything is missing is told by HTTP's own framing.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => {
                this.watch.broke(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.stamp_write();
        let result = ready!(Pin::new(&mut this.line).poll_write(cx, buf));
        Poll::Ready(result.inspect_err(|error| this.watch.broke(error)))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = ready!(Pin::new(&mut this.line).poll_flush(cx));
        Poll::Ready(result.inspect_err(|error| this.watch.broke(error)))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}
