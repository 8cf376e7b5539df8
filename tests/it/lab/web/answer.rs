//! What a server answers: well-formed replies, everything else, and where.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_compression::tokio::bufread::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader, repeat};

use super::seen::SeenRequest;

/// Chooses an answer for each request.
pub type Decision = Arc<dyn Fn(&SeenRequest) -> Answer + Send + Sync>;

/// What becomes of a request. Over HTTP/2 the ones that are about bytes of HTTP/1.1 become the nearest thing
/// there: a stall, a closed connection, a protocol error.
#[derive(Clone)]
pub enum Answer {
    /// A well-formed response.
    Reply(Reply),
    /// Whatever the function chooses.
    Decide(Decision),
    /// The inner answer, later.
    After(Duration, Box<Self>),
    /// Nothing is sent.
    Stall,
    /// The head breaks off and nothing follows.
    StallInHead,
    /// The body breaks off and nothing follows.
    StallInBody,
    /// All of the body but its last byte comes, and nothing follows.
    StallAtEnd(Bytes),
    /// The head comes byte by byte, with this pause.
    SlowHead(Duration),
    /// The body comes byte by byte, with this pause; a kilobyte is announced.
    SlowBody(Duration),
    /// Headers without end.
    EndlessHeader,
    /// Informational responses (100) without end.
    EndlessInterim,
    /// A body without end.
    EndlessBody,
    /// Closed instead of an answer.
    CloseBeforeHead,
    /// Closed in the middle of the head.
    CloseInHead,
    /// Closed with less body than announced.
    CloseInBody,
    /// Reset instead of an answer.
    ResetAfterRequest,
    /// Reset with less body than announced.
    ResetInBody,
    /// A chunk whose length is no number.
    BadChunk,
    /// A `Content-Length` that is no number.
    BadLength,
    /// Bytes that are no HTTP.
    NotHttp,
    /// HTTP/2 only: GOAWAY with an error. The answer to everything decides, before the first request.
    GoAway,
    /// HTTP/2 only: the stream is reset instead of an answer.
    StreamReset,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Self::Reply(reply) = self {
            reply.fmt(f)
        } else {
            f.write_str("Answer")
        }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl Answer {
    /// A status and a short body that names it.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Reply::new(status, format!("{status}\n")).into()
    }

    /// 200 with a text.
    #[must_use]
    pub fn text(body: &str) -> Self {
        Reply::text(body).into()
    }

    /// A redirect to a URL or path.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Reply::new(status, "").header("location", location).into()
    }

    /// A redirect to where the request already is.
    #[must_use]
    pub fn redirect_loop() -> Self {
        Self::decide(|request| Self::redirect(302, &request.path))
    }

    /// So many redirects, each to another URL (`?hop=1`, `?hop=2`, …), then 200.
    #[must_use]
    pub fn redirect_chain(hops: u64) -> Self {
        Self::decide(move |request| {
            let hop: u64 = request
                .query
                .strip_prefix("hop=")
                .and_then(|hop| hop.parse().ok())
                .unwrap_or_default();
            if hop >= hops {
                return Self::text("arrived\n");
            }
            Self::redirect(302, &format!("{}?hop={}", request.path, hop + 1))
        })
    }

    /// 429 with `Retry-After` in seconds.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        Reply::new(429, "slow down\n")
            .header("retry-after", &seconds.to_string())
            .into()
    }

    /// The challenge page of a bot wall.
    #[must_use]
    pub fn bot_wall() -> Self {
        let page = "<html><head><title>Just a moment...</title></head></html>\n";
        let reply = Reply::new(403, page)
            .header("server", "cloudflare")
            .header("cf-mitigated", "challenge");
        reply.header("content-type", "text/html; charset=UTF-8").into()
    }

    /// Chosen anew for each request.
    pub fn decide(choose: impl Fn(&SeenRequest) -> Self + Send + Sync + 'static) -> Self {
        Self::Decide(Arc::new(choose))
    }

    /// The answer to this request: decisions and delays are done.
    pub(crate) async fn settle(mut self, request: &SeenRequest) -> Self {
        loop {
            if let Self::Decide(choose) = self {
                self = choose(request);
            } else if let Self::After(delay, inner) = self {
                tokio::time::sleep(delay).await;
                self = *inner;
            } else {
                return self;
            }
        }
    }
}

/// How the end of a body is told (HTTP/1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By `Content-Length`.
    Length,
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// A content coding (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`.
    Gzip,
    /// `br`.
    Brotli,
    /// `deflate` as the standard has it: in zlib's format.
    Deflate,
    /// `deflate` as some servers have it: without zlib's format.
    RawDeflate,
}

/// A well-formed response. It carries a `Date` header unless told otherwise.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers besides `Date` and those of the framing.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How its end is told.
    pub framing: Framing,
    /// Whether a `Date` header is sent.
    pub dated: bool,
}

impl Reply {
    /// A status with a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            framing: Framing::Length,
            dated: true,
        }
    }

    /// 200 with a text.
    #[must_use]
    pub fn text(body: &str) -> Self {
        Self::new(200, body.to_owned()).header("content-type", "text/plain; charset=utf-8")
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the end of its body told so.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Without a `Date` header.
    #[must_use]
    pub fn undated(mut self) -> Self {
        self.dated = false;
        self
    }

    /// With its body compressed, and the header that says so.
    pub async fn coded(mut self, coding: Coding) -> Self {
        self.body = coding.compress(std::io::Cursor::new(self.body.to_vec())).await;
        self.header("content-encoding", coding.token())
    }

    /// A decompression bomb: so many megabytes of zeros, in about a thousandth of that.
    pub async fn bomb(megabytes: u64, coding: Coding) -> Self {
        let zeros = repeat(0).take(megabytes << 20);
        Self::new(200, coding.compress(zeros).await).header("content-encoding", coding.token())
    }
}

impl Coding {
    /// The name of the coding in a header.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Deflate | Self::RawDeflate => "deflate",
        }
    }

    async fn compress(self, source: impl AsyncRead + Unpin) -> Bytes {
        let source = BufReader::new(source);
        let mut body = Vec::new();
        let read = match self {
            Self::Gzip => GzipEncoder::new(source).read_to_end(&mut body).await,
            Self::Brotli => BrotliEncoder::new(source).read_to_end(&mut body).await,
            Self::Deflate => ZlibEncoder::new(source).read_to_end(&mut body).await,
            Self::RawDeflate => DeflateEncoder::new(source).read_to_end(&mut body).await,
        };
        read.expect("compress bytes in memory");
        body.into()
    }
}

/// Answers by host and path; an empty key stands for any.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    by_host: HashMap<String, HashMap<String, Answer>>,
}

impl Default for Script {
    fn default() -> Self {
        let mut script = Self {
            by_host: HashMap::new(),
        };
        script.set("", "", Answer::text("ok\n"));
        script
    }
}

impl Script {
    pub(crate) fn set(&mut self, host: &str, path: &str, answer: Answer) {
        self.by_host
            .entry(host.to_ascii_lowercase())
            .or_default()
            .insert(path.to_owned(), answer);
    }

    /// A host's own routes come first, then its answer to everything, then those of every host.
    pub(crate) fn answer(&self, host: &str, path: &str) -> Answer {
        let keys = [(host, path), (host, ""), ("", path), ("", "")];
        let found = keys
            .iter()
            .find_map(|(host, path)| self.by_host.get(*host)?.get(*path));
        found.expect("the script answers everything").clone()
    }
}
