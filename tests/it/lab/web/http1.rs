//! HTTP/1.1 by hand: a library would not send most of this.

use std::{
    future::pending,
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{StatusCode, Version};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};
use tokio_rustls::server::TlsStream;

use super::{
    State,
    answer::{Answer, Framing, Reply},
    seen::{Client, SeenRequest},
};

/// A connection, in TLS or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes its end a reset.
    fn reset_at_end(&self);
}

impl Wire for TcpStream {
    fn reset_at_end(&self) {
        drop(self.set_zero_linger());
    }
}

impl Wire for TlsStream<TcpStream> {
    fn reset_at_end(&self) {
        drop(self.get_ref().0.set_zero_linger());
    }
}

/// What becomes of the connection after an answer.
enum After {
    Next,
    Close,
    Reset,
}

/// Answers the requests of one connection.
pub(crate) async fn serve(mut wire: impl Wire, state: &Arc<State>, client: Client) {
    let mut buffer = BytesMut::new();
    while let Ok(Some(request)) = read_request(&mut wire, &mut buffer, &client).await {
        state.log.request(request.clone());
        let answer = state.script.load().answer(&request.host, &request.path);
        let answer = answer.settle(&request).await;
        match send(&mut wire, answer, &request, state).await {
            Ok(After::Next) if !wants_close(&request) => {}
            Ok(After::Next | After::Close) => break,
            Ok(After::Reset) => return wire.reset_at_end(),
            Err(_) => return,
        }
    }
    close(&mut wire).await;
}

/// Ends our side and reads until the peer ends its own: unread bytes would turn the end into a reset.
pub(crate) async fn close(wire: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    drop(wire.shutdown().await);
    let mut rest = [0; 4096];
    while wire.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

fn wants_close(request: &SeenRequest) -> bool {
    let asked = request
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    asked || request.version == Version::HTTP_10
}

/// A body in chunks, without trailers; `None` for one that breaks off, is too long or is none.
async fn read_chunks(wire: &mut impl Wire, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let mut body = BytesMut::new();
    loop {
        let size = loop {
            if let Some(end) = find(buffer, b"\r\n") {
                let size = buffer.split_to(end);
                buffer.advance(2);
                break usize::from_str_radix(&String::from_utf8_lossy(&size), 16);
            }
            if wire.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        };
        let Some(size) = size.ok().filter(|size| body.len() + size <= LONGEST_BODY) else {
            return Ok(None);
        };
        while buffer.len() < size + 2 {
            if wire.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
        body.extend_from_slice(&buffer.split_to(size));
        buffer.advance(2);
        if size == 0 {
            return Ok(Some(body.freeze()));
        }
    }
}

async fn read_request(
    wire: &mut impl Wire,
    buffer: &mut BytesMut,
    client: &Client,
) -> io::Result<Option<SeenRequest>> {
    let head = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            let head = buffer.split_to(end);
            buffer.advance(4);
            break head;
        }
        if buffer.len() > LONGEST_HEAD || wire.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let Some(mut request) = parse_head(&String::from_utf8_lossy(&head), client) else {
        return Ok(None);
    };
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = match read_chunks(wire, buffer).await? {
            Some(body) => body,
            None => return Ok(None),
        };
        return Ok(Some(request));
    }
    let length = request
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0_usize);
    if length > LONGEST_BODY {
        return Ok(None);
    }
    while buffer.len() < length {
        if wire.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    request.body = buffer.split_to(length).freeze();
    Ok(Some(request))
}

fn parse_head(head: &str, client: &Client) -> Option<SeenRequest> {
    let mut lines = head.split("\r\n");
    let mut start = lines.next()?.split(' ');
    let (method, target, version) = (start.next()?, start.next()?, start.next()?);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let host = headers
        .iter()
        .find(|(name, _)| name == "host")
        .map(|(_, value)| host_of(value));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(SeenRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        host: host.unwrap_or_default(),
        version: if version == "HTTP/1.0" {
            Version::HTTP_10
        } else {
            Version::HTTP_11
        },
        headers,
        body: Bytes::new(),
        sni: client.sni.clone(),
        client_certificate: client.certificate.clone(),
    })
}

/// The host of `host:port`, in small letters.
pub(crate) fn host_of(authority: &str) -> String {
    let end = authority
        .rfind(':')
        .filter(|colon| !authority[*colon..].contains(']'));
    authority[..end.unwrap_or(authority.len())].to_ascii_lowercase()
}

async fn send(
    wire: &mut impl Wire,
    answer: Answer,
    request: &SeenRequest,
    state: &State,
) -> io::Result<After> {
    match answer {
        Answer::Reply(reply) => return send_reply(wire, &reply, request, state).await,
        Answer::Stall | Answer::Decide(_) | Answer::After(..) => stall(wire, b"").await,
        Answer::StallInHead => stall(wire, HALF_A_HEAD).await,
        Answer::StallInBody => stall(wire, HALF_A_BODY).await,
        Answer::StallAtEnd(body) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len() + 1);
            write(wire, head.as_bytes()).await?;
            stall(wire, &body).await;
        }
        Answer::SlowHead(pause) => drip(wire, WHOLE, pause).await?,
        Answer::SlowBody(pause) => {
            write(wire, HALF_A_BODY).await?;
            drip(wire, &[b'.'; 1000], pause).await?;
        }
        Answer::EndlessHeader => endless(wire, b"HTTP/1.1 200 OK\r\n", b"x-filler: and so on\r\n").await?,
        Answer::EndlessInterim => endless(wire, b"", b"HTTP/1.1 100 Continue\r\n\r\n").await?,
        Answer::EndlessBody => endless(wire, ENDLESS_HEAD, b"and so on\n").await?,
        Answer::CloseBeforeHead | Answer::GoAway | Answer::StreamReset => {}
        Answer::CloseInHead => write(wire, HALF_A_HEAD).await?,
        Answer::CloseInBody => write(wire, HALF_A_BODY).await?,
        Answer::ResetAfterRequest => return Ok(After::Reset),
        Answer::ResetInBody => {
            write(wire, HALF_A_BODY).await?;
            return Ok(After::Reset);
        }
        Answer::BadChunk => write(wire, BAD_CHUNK).await?,
        Answer::BadLength => write(wire, b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nbody").await?,
        Answer::NotHttp => write(wire, b"220 mail.test ESMTP ready\r\n").await?,
    }
    Ok(After::Close)
}

async fn send_reply(
    wire: &mut impl Wire,
    reply: &Reply,
    request: &SeenRequest,
    state: &State,
) -> io::Result<After> {
    let status = StatusCode::from_u16(reply.status).expect("a status code");
    let mut out = format!(
        "HTTP/1.1 {} {}\r\n",
        reply.status,
        status.canonical_reason().unwrap_or_default()
    );
    if reply.dated {
        line(&mut out, "date", &date(state));
    }
    for (name, value) in &reply.headers {
        line(&mut out, name, value);
    }
    let bodyless = status.is_informational() || matches!(reply.status, 204 | 304);
    match reply.framing {
        Framing::Length if !bodyless => line(&mut out, "content-length", &reply.body.len().to_string()),
        Framing::Chunked if !bodyless => line(&mut out, "transfer-encoding", "chunked"),
        Framing::Length | Framing::Chunked => {}
        Framing::Close => line(&mut out, "connection", "close"),
    }
    out.push_str("\r\n");
    let mut out = out.into_bytes();
    if !bodyless && request.method != "HEAD" {
        append_body(&mut out, reply);
    }
    write(wire, &out).await?;
    Ok(if reply.framing == Framing::Close {
        After::Close
    } else {
        After::Next
    })
}

fn line(out: &mut String, name: &str, value: &str) {
    out.extend([name, ": ", value, "\r\n"]);
}

fn append_body(out: &mut Vec<u8>, reply: &Reply) {
    if reply.framing != Framing::Chunked {
        return out.extend_from_slice(&reply.body);
    }
    for chunk in reply.body.chunks(CHUNK) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
}

/// The time as HTTP writes it, by the server's clock.
#[expect(clippy::disallowed_methods, reason = "a server's own clock")]
pub(crate) fn date(state: &State) -> String {
    let skew = jiff::SignedDuration::from_secs(state.skew.load(Ordering::Relaxed));
    let now = jiff::Timestamp::try_from(SystemTime::now()).expect("a time between the years -9999 and 9999");
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer
        .timestamp_to_rfc9110_string(&(now + skew))
        .expect("a year of four digits")
}

async fn write(wire: &mut impl Wire, bytes: &[u8]) -> io::Result<()> {
    wire.write_all(bytes).await?;
    wire.flush().await
}

async fn drip(wire: &mut impl Wire, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes.chunks(1) {
        write(wire, byte).await?;
        sleep(pause).await;
    }
    Ok(())
}

/// Writes until the peer has enough of it.
async fn endless(wire: &mut impl Wire, start: &[u8], piece: &[u8]) -> io::Result<()> {
    let pieces = piece.repeat(CHUNK / piece.len());
    write(wire, start).await?;
    loop {
        write(wire, &pieces).await?;
    }
}

async fn stall(wire: &mut impl Wire, start: &[u8]) {
    drop(write(wire, start).await);
    pending::<()>().await;
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";
const HALF_A_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-ty";
const HALF_A_BODY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1024\r\n\r\nthe beginning of a body\n";
const ENDLESS_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
const BAD_CHUNK: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nnothing\r\n";
const CHUNK: usize = 16 * 1024;
const LONGEST_HEAD: usize = 64 * 1024;
const LONGEST_BODY: usize = 1024 * 1024;
