//! One request, and what came back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_compression::tokio::bufread::GzipDecoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take: longer than any case's limit.
const LIMIT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) content_type: String,
    /// What the body is encoded in; empty where it is as it is.
    pub(super) encoding: String,
    /// Decoded.
    pub(super) body: String,
}

/// GET, as HTTP/1.0, so that the answer comes unchunked.
pub(super) async fn ask(server: SocketAddr, path: &str, headers: &str) -> io::Result<Said> {
    timeout(LIMIT, exchange(server, path, headers)).await?
}

async fn exchange(server: SocketAddr, path: &str, headers: &str) -> io::Result<Said> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {server}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await?;
    let end = said.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = said.split_at(end.ok_or(io::ErrorKind::UnexpectedEof)?);
    let (head, body) = (String::from_utf8_lossy(head), &body[4..]);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let header = |wanted: &str| {
        let value = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
        });
        value.unwrap_or_default()
    };
    let encoding = header("content-encoding");
    let mut decoded = Vec::new();
    if encoding == "gzip" {
        GzipDecoder::new(body).read_to_end(&mut decoded).await?;
    } else {
        decoded.extend_from_slice(body);
    }
    Ok(Said {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        content_type: header("content-type"),
        encoding,
        body: String::from_utf8_lossy(&decoded).into_owned(),
    })
}
