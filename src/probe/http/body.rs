//! The response's body: read within bounds, decoded if the module says so, kept only where a rule needs it.

use std::io;

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream};
use hyper::body::Body;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio_util::io::StreamReader;

use super::Compression;
use super::room::{Held, Room};

/// What is read of a body that nobody has set a limit for: 8 MiB. More is no failure, unless a rule needs all of it.
pub(super) const OWN_LIMIT: u64 = 8 * 1024 * 1024;

/// Bytes decoded at a time.
const CHUNK: usize = 8 * 1024;

/// How a body is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Bytes after decoding that are read at most.
    pub(super) limit: u64,
    /// Whether more than that is a failure; else the rest is left unread.
    pub(super) limit_is_rule: bool,
    /// Where the bytes are kept, if they are.
    pub(super) room: Option<&'a Room>,
    /// What to decode.
    pub(super) compression: Option<Compression>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Bytes after decoding.
    pub(super) length: u64,
    /// The bytes themselves, if they are kept.
    pub(super) kept: Held,
    /// Whether the end was reached.
    pub(super) complete: bool,
}

/// Why reading ended early.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection or its framing.
    Body(BrokenBody),
    /// The content is not in its coding: what was wrong.
    Coding(String),
    /// Longer than the limit.
    TooLarge(u64),
}

/// What broke a body on its way, by the version that carried it.
#[derive(Debug)]
pub(super) enum BrokenBody {
    /// HTTP/1.1 or HTTP/2.
    Hyper(hyper::Error),
    /// HTTP/3.
    Http3(h3::error::StreamError),
}

impl From<hyper::Error> for BrokenBody {
    fn from(error: hyper::Error) -> Self {
        Self::Hyper(error)
    }
}

impl std::fmt::Display for BrokenBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hyper(error) => error.fmt(f),
            Self::Http3(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BrokenBody {}

/// Reads a body; what was read stays in `read`, however it ends.
pub(super) async fn read<B>(body: B, how: Reading<'_>, read: &mut Read) -> Result<(), Broken>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Into<BrokenBody>,
{
    match how.compression {
        None | Some(Compression::Identity) => plain(body, how, read).await,
        Some(compression) => decoded(body, compression, how, read).await,
    }
}

async fn plain<B>(mut body: B, how: Reading<'_>, read: &mut Read) -> Result<(), Broken>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Into<BrokenBody>,
{
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame.map_err(|error| Broken::Body(error.into()))?.into_data() else {
            continue;
        };
        if !read.take(&data, how).await? {
            return Ok(());
        }
    }
    read.complete = true;
    Ok(())
}

async fn decoded<B>(
    body: B,
    compression: Compression,
    how: Reading<'_>,
    read: &mut Read,
) -> Result<(), Broken>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Into<BrokenBody>,
{
    let frames = BodyStream::new(body).filter_map(|frame| {
        let data: Option<io::Result<Bytes>> = match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(io::Error::other(error.into()))),
        };
        std::future::ready(data)
    });
    let mut encoded = BufReader::new(StreamReader::new(frames));
    let begin = encoded.fill_buf().await.map_err(broken)?;
    if begin.is_empty() {
        read.complete = true;
        return Ok(());
    }
    let zlib = has_zlib_header(begin);
    let mut decoder: std::pin::Pin<Box<dyn AsyncRead + Send + '_>> = match compression {
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(encoded);
            decoder.multiple_members(true);
            Box::pin(decoder)
        }
        Compression::Brotli => Box::pin(BrotliDecoder::new(encoded)),
        Compression::Deflate if zlib => Box::pin(ZlibDecoder::new(encoded)),
        Compression::Deflate => Box::pin(DeflateDecoder::new(encoded)),
        Compression::Identity => Box::pin(encoded),
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = decoder.read(&mut chunk).await.map_err(broken)?;
        if length == 0 {
            read.complete = true;
            return Ok(());
        }
        if !read.take(&chunk[..length], how).await? {
            return Ok(());
        }
    }
}

impl Read {
    /// Counts bytes; `false` when no more are wanted.
    async fn take(&mut self, data: &[u8], how: Reading<'_>) -> Result<bool, Broken> {
        let room = how.limit.saturating_sub(self.length);
        let over = data.len() as u64 > room;
        let data = if over {
            &data[..usize::try_from(room).unwrap_or(data.len())]
        } else {
            data
        };
        self.length += data.len() as u64;
        if let Some(room) = how.room {
            self.kept.extend(data, how.limit, room).await;
        }
        match (over, how.limit_is_rule) {
            (true, true) => Err(Broken::TooLarge(how.limit)),
            (over, _) => Ok(!over),
        }
    }
}

/// RFC 1950 section 2.2: method 8 and a header checksum; some servers send raw deflate (RFC 1951) instead.
fn has_zlib_header(begin: &[u8]) -> bool {
    match begin {
        [method, flags, ..] => {
            method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31)
        }
        _ => false,
    }
}

fn broken(error: io::Error) -> Broken {
    let text = error.to_string();
    let hyper = error
        .into_inner()
        .map(<dyn std::error::Error + Send + Sync>::downcast::<BrokenBody>);
    match hyper {
        Some(Ok(error)) => Broken::Body(*error),
        Some(Err(_)) | None => Broken::Coding(text),
    }
}
