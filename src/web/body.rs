//! Bodies: whole ones, and ones that are made step by step, off the async workers, as fast as they are read.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use hyper::{HeaderMap, Response, StatusCode};

use crate::metrics::negotiate::Coding;

/// Why a body broke off.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every answer.
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Plain text.
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// JSON.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A page.
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What a page may load: nothing but its own style.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// An answer in plain text.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    with_type(status, TEXT, whole(text))
}

/// An answer of a type.
pub(super) fn with_type(status: StatusCode, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// A body that is there already.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A page, made on the blocking pool and sent as the reader takes it.
pub(super) fn page(coding: Coding, render: impl FnOnce() -> String + Send + 'static) -> Response<Body> {
    let body = stepped(move || std::iter::once(encode(coding, render())));
    let mut response = with_type(StatusCode::OK, HTML, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    coded(headers, coding);
    response
}

fn encode(coding: Coding, page: String) -> std::io::Result<Bytes> {
    match coding {
        Coding::Identity => Ok(page.into()),
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 4), Compression::default());
            encoder.write_all(page.as_bytes())?;
            Ok(encoder.finish()?.into())
        }
    }
}

/// Says how a body is coded.
pub(super) fn coded(headers: &mut HeaderMap, coding: Coding) {
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    match coding {
        Coding::Identity => {}
        Coding::Gzip => {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
}

/// A body whose chunks are made one at a time on the blocking pool, each when the reader has taken the one before.
/// Nothing is made for a reader that never asks (HEAD).
pub(super) fn stepped<I, E>(begin: impl FnOnce() -> I + Send + 'static) -> Body
where
    I: Iterator<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<BodyError> + Send + 'static,
{
    let steps = stream::try_unfold(Steps::Ahead(begin), |steps| async {
        let (steps, chunk) = tokio::task::spawn_blocking(move || {
            let mut steps = match steps {
                Steps::Ahead(begin) => begin(),
                Steps::UnderWay(steps) => steps,
            };
            let chunk = steps.next();
            (steps, chunk)
        })
        .await?;
        let chunk = chunk.transpose().map_err(|error| {
            let error = error.into();
            tracing::error!(%error, "a response body broke off");
            error
        })?;
        Ok(chunk.map(|chunk| (Frame::data(chunk), Steps::UnderWay(steps))))
    });
    StreamBody::new(steps).boxed_unsync()
}

enum Steps<F, I> {
    Ahead(F),
    UnderWay(I),
}
