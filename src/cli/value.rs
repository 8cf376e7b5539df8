//! What values of arguments may be.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

/// A URL that may be left out, by an empty text too.
pub(super) type MaybeUrl = Option<url::Url>;

/// A duration as Prometheus writes it, longer than none.
pub(super) fn lasting(text: &str) -> Result<Duration, String> {
    crate::config::duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("{text:?} is not a duration such as 5s, 500ms or 1m30s"))
}

/// The same, or a number of seconds, as blackbox_exporter takes it.
pub(super) fn lasting_or_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::from_secs).ok();
    seconds
        .filter(|seconds| !seconds.is_zero())
        .map_or_else(|| lasting(text), Ok)
}

/// A URL, with its scheme or without, as Prometheus' programs take it: an empty one is none, and quotes around it are a
/// slip of the shell's.
pub(super) fn external_url(text: &str) -> Result<MaybeUrl, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
        return Err(format!(
            "{text:?} begins or ends with a quote (leave the quotes out)"
        ));
    }
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = whole.parse();
    url.map(Some)
        .map_err(|error| format!("{text:?} is not a URL such as https://example.com/linkwatch: {error}"))
}

/// A number of seconds, as blackbox_exporter takes it.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{text:?} is not a number of seconds such as 0.5"))
}

/// An address to listen on, with Go's habit of leaving the host out.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if text.starts_with("vsock://") {
        return Err(format!(
            "{text:?} is an address of a virtual machine's host, which is not served"
        ));
    }
    let full = if text.starts_with(':') {
        format!("[::]{text}")
    } else {
        text.replace("localhost:", "127.0.0.1:")
    };
    let resolved = || {
        full.to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
    };
    full.parse()
        .ok()
        .or_else(resolved)
        .ok_or_else(|| format!("{text:?} is not an address such as :9716, 127.0.0.1:9716 or [::1]:9716"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_url_is_one_with_or_without_its_scheme_and_never_in_quotes() {
        for (given, taken) in [
            ("", Ok(None)),
            (
                "http://proxy.test/prometheus",
                Ok(Some("http://proxy.test/prometheus")),
            ),
            (
                "https://double--dash.test",
                Ok(Some("https://double--dash.test/")),
            ),
            ("watch.test/x", Ok(Some("http://watch.test/x"))),
            ("'https://watch.test/x'", Err("quote")),
            ("'http://watch.test/x", Err("quote")),
            ("'watch.test/x'", Err("quote")),
            ("watch.test/x\"", Err("quote")),
            ("http://", Err("is not a URL")),
        ] {
            match (external_url(given), taken) {
                (Ok(url), Ok(taken)) => assert_eq!(url.as_ref().map(url::Url::as_str), taken, "{given}"),
                (Err(error), Err(why)) => assert!(error.contains(why), "{error}"),
                (url, _) => panic!("{given}: {url:?}"),
            }
        }
    }
}
