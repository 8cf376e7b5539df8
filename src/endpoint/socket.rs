//! Sockets of this machine: the URL that one has, and the path in it.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

/// The URL of a socket by its path from the root, as in `unix:///run/app.sock`; `None` for another path.
#[must_use]
pub fn socket_url(path: &str) -> Option<Url> {
    let path = path.strip_prefix('/')?;
    let mut url = Url::parse("unix:///").ok()?;
    // What stands in a path as it is must not be read as an escape.
    url.set_path(&path.replace('%', "%25"));
    Some(url)
}

/// The path that a URL without a host leads to.
#[must_use]
pub fn socket_path(url: &Url) -> PathBuf {
    let bytes: Vec<u8> = percent_decode_str(url.path()).collect();
    PathBuf::from(OsString::from_vec(bytes))
}

/// The host of a URL: a name, an address without brackets, or of a socket of this machine its path.
pub(crate) fn host(url: &Url) -> Cow<'_, str> {
    match url.host_str().filter(|host| !host.is_empty()) {
        Some(host) => Cow::Borrowed(host.trim_start_matches('[').trim_end_matches(']')),
        None => Cow::Owned(socket_path(url).to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_path_comes_back_from_its_url_whatever_it_holds() {
        for path in ["/run/app.sock", "/run/a b?c#d%20e/ü.sock"] {
            let url = socket_url(path).unwrap();
            assert_eq!(
                (url.scheme(), socket_path(&url).as_path()),
                ("unix", Path::new(path))
            );
            assert_eq!(
                (url.query(), url.fragment(), host(&url).as_ref()),
                (None, None, path)
            );
        }
        assert_eq!(socket_url("app.sock"), None);
    }
}
