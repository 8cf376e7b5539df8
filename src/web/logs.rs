//! `/logs` and the list of the last probes on demand, as `blackbox_exporter` has them.

use hyper::{Response, StatusCode, Uri};

use super::Server;
use super::body::{self, Body};

/// A target as it may be shown: without credentials.
#[must_use]
pub fn shown_target(target: &str) -> String {
    let (scheme, rest) = match target.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        // Two slashes begin an authority without a scheme (RFC 3986 section 4.2).
        None => (None, target.strip_prefix("//").unwrap_or(target)),
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let credentials = rest.get(..authority).and_then(|authority| authority.rfind('@'));
    // A password with a slash in it ends the authority early, where no port is: whoever wrote it meant it to go on.
    let credentials = credentials.or_else(|| {
        let (_, port) = rest.get(..authority)?.rsplit_once(':')?;
        let number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        rest.rfind('@').filter(|_| !number && !rest.starts_with('['))
    });
    let Some(host) = credentials.and_then(|at| rest.get(at + 1..)) else {
        return target.to_owned();
    };
    match scheme {
        Some(scheme) => format!("{scheme}://{host}"),
        None => host.to_owned(),
    }
}

/// The text of one result: by its number, or the newest of a target.
pub(super) fn logs(server: &Server, uri: &Uri) -> Response<Body> {
    let query = uri.query().unwrap_or_default();
    let first = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let value = pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()));
        value.filter(|value| !value.is_empty())
    };
    let bad = |reason: &'static str| body::text(StatusCode::BAD_REQUEST, reason);
    let id = first("id").map(|id| id.parse::<u64>());
    let (id, target) = match (id, first("target")) {
        (None, None) => return bad("name a probe by id, or a target (and a module)\n"),
        (Some(_), Some(_)) => return bad("name a probe by id or by its target, not by both\n"),
        (Some(Err(_)), None) => return bad("the id is not a number\n"),
        (Some(Ok(id)), None) => (Some(id), None),
        (None, Some(target)) => (None, Some(target)),
    };
    let history = server.site.state.demand.history();
    let found = match (id, target) {
        (Some(id), _) => history.by_id(id),
        (None, Some(target)) => history.by_target(&shown_target(&target), first("module").as_deref()),
        (None, None) => None,
    };
    drop(history);
    found.map_or_else(
        || body::text(StatusCode::NOT_FOUND, "no such probe is remembered\n"),
        |result| body::text(StatusCode::OK, result.account.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_shown_without_credentials() {
        for (target, shown) in [
            ("https://ann:secret@a.test/x?y=@z", "https://a.test/x?y=@z"),
            ("ann:secret@a.test:80/x", "a.test:80/x"),
            ("ann:p@ss@a.test", "a.test"),
            ("a.test:443", "a.test:443"),
            ("http://a.test/?mail=b@c.test", "http://a.test/?mail=b@c.test"),
            ("[::1]:80", "[::1]:80"),
            ("http://ann:sec/ret@a.test/x", "http://a.test/x"),
            ("ann:sec?r#e@t@a.test:80", "a.test:80"),
            ("http://[::1]/a@b", "http://[::1]/a@b"),
            ("http://a.test:80/a@b", "http://a.test:80/a@b"),
            ("http:/ann:secret@a.test", "a.test"),
            ("//ann:secret@a.test:80/x", "a.test:80/x"),
            ("//a.test/x", "//a.test/x"),
        ] {
            assert_eq!(shown_target(target), shown);
        }
    }
}
