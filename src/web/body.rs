//! Bodies: whole ones, and ones that are made step by step, off the async workers, as fast as they are read.

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

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
