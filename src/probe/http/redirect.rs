//! Where a redirect leads: the next request, or why there is none.

use std::fmt::Write as _;

use bytes::Bytes;
use cookie_store::CookieStore;
use http::header::SET_COOKIE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use super::response::{cut, location};
use crate::outcome::HttpFailure;
use crate::text::without_credentials;

/// Redirects that are followed at most, as blackbox_exporter does.
pub(super) const LIMIT: usize = 10;

/// Bytes of a `Location` that are repeated in a failure.
const SHOWN: usize = 200;

/// The way so far: what the next request is like, and what was asked before.
#[derive(Debug)]
pub(super) struct Trail {
    /// The method of the next request.
    pub(super) method: Method,
    /// Whether it carries the body.
    pub(super) with_body: bool,
    /// The body.
    pub(super) body: Bytes,
    /// Credentials for the host that the way began with.
    pub(super) authorization: Option<HeaderValue>,
    /// Whether the answer's body is wanted, whoever judges it.
    pub(super) keeps_body: bool,
    asked: Vec<Asked>,
    cookies: Option<CookieStore>,
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    method: Method,
    url: Url,
    /// Sites that set a cookie and send the client to where it was are no loop.
    cookies: Option<HeaderValue>,
}

/// Whether a response sends the client on: it is a redirect that can be followed and says where to.
pub(super) fn leads_on(head: &Parts) -> bool {
    use StatusCode as Status;
    let status = matches!(
        head.status,
        Status::MOVED_PERMANENTLY
            | Status::FOUND
            | Status::SEE_OTHER
            | Status::TEMPORARY_REDIRECT
            | Status::PERMANENT_REDIRECT
    );
    status && location(&head.headers).is_some()
}

impl Trail {
    /// Before the first request.
    pub(super) fn new(method: Method) -> Self {
        Self {
            method,
            with_body: true,
            body: Bytes::new(),
            authorization: None,
            keeps_body: false,
            asked: Vec::new(),
            cookies: None,
        }
    }

    /// The cookies for a URL.
    pub(super) fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let mut text = String::new();
        for (name, value) in self.cookies.as_ref()?.get_request_values(url) {
            let separator = if text.is_empty() { "" } else { "; " };
            // Writing into a string cannot fail.
            let _ = write!(text, "{separator}{name}={value}");
        }
        let mut value = HeaderValue::try_from(text)
            .ok()
            .filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The URL that led here, for `Referer`: without credentials, and not from TLS to plain HTTP (RFC 9110 section
    /// 10.1.3).
    pub(super) fn referer(&self, to: &Url) -> Option<HeaderValue> {
        let from = &self.asked.last()?.url;
        if from.scheme() == "https" && to.scheme() == "http" {
            return None;
        }
        HeaderValue::from_str(without_credentials(from).as_str()).ok()
    }

    /// Takes a response that [`leads_on`] and says what to ask next.
    pub(super) fn follow(&mut self, from: &Url, head: &Parts) -> Result<Url, HttpFailure> {
        let Some(location) = location(&head.headers) else {
            return Err(HttpFailure::BadRedirect(String::new()));
        };
        let to = from.join(&location).ok().filter(|to| {
            matches!(to.scheme(), "http" | "https")
                && to.has_host()
                && !to.host_str().is_some_and(str::is_empty)
        });
        let Some(to) = to else {
            return Err(HttpFailure::BadRedirect(cut(&location, SHOWN).to_owned()));
        };
        let asked = Asked {
            method: self.method.clone(),
            url: without_fragment(from.clone()),
            cookies: self.cookies(from),
        };
        self.asked.push(asked);
        self.keep_cookies(from, &head.headers);
        self.turn(head.status);
        let next = Asked {
            method: self.method.clone(),
            url: without_fragment(to),
            cookies: None,
        };
        let next = Asked {
            cookies: self.cookies(&next.url),
            ..next
        };
        if self.asked.len() > LIMIT || self.asked.contains(&next) {
            return Err(HttpFailure::RedirectLoop);
        }
        Ok(next.url)
    }

    /// RFC 9110 section 15.4, as browsers have it: all but 307 and 308 turn to GET.
    fn turn(&mut self, status: StatusCode) {
        let keeps = matches!(
            status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        if keeps {
            return;
        }
        self.with_body = false;
        if self.method != Method::HEAD {
            self.method = Method::GET;
        }
    }

    fn keep_cookies(&mut self, url: &Url, headers: &HeaderMap) {
        let mut set = headers.get_all(SET_COOKIE).iter().peekable();
        if set.peek().is_none() {
            return;
        }
        let cookies = self.cookies.get_or_insert_default();
        for cookie in set {
            // One that cannot be kept is not sent, as in a browser.
            let _ = cookie.to_str().map(|cookie| cookies.parse(cookie, url));
        }
    }
}

fn without_fragment(mut url: Url) -> Url {
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(status: u16, location: &str, cookies: &[&str]) -> Parts {
        let mut response = http::Response::builder()
            .status(status)
            .header("location", location);
        for cookie in cookies {
            response = response.header(SET_COOKIE, *cookie);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_see_other_turns_a_post_into_a_get_without_body() {
        let mut trail = Trail::new(Method::POST);
        let next = trail.follow(&url("http://a.example/form"), &redirect(303, "/done", &[]));
        assert_eq!(next, Ok(url("http://a.example/done")));
        assert_eq!((trail.method, trail.with_body), (Method::GET, false));
    }

    #[test]
    fn a_temporary_redirect_keeps_method_and_body() {
        let mut trail = Trail::new(Method::POST);
        trail
            .follow(&url("http://a.example/"), &redirect(307, "/b", &[]))
            .unwrap();
        assert_eq!((trail.method, trail.with_body), (Method::POST, true));
    }

    #[test]
    fn a_head_stays_a_head() {
        let mut trail = Trail::new(Method::HEAD);
        trail
            .follow(&url("http://a.example/"), &redirect(301, "/b", &[]))
            .unwrap();
        assert_eq!(trail.method, Method::HEAD);
    }

    #[test]
    fn what_was_asked_before_is_a_loop() {
        let mut trail = Trail::new(Method::GET);
        trail
            .follow(
                &url("http://a.example/"),
                &redirect(301, "https://a.example/", &[]),
            )
            .unwrap();
        let back = trail.follow(
            &url("https://a.example/"),
            &redirect(301, "http://a.example/#top", &[]),
        );
        assert_eq!(back, Err(HttpFailure::RedirectLoop));
    }

    #[test]
    fn a_redirect_to_itself_that_sets_a_cookie_is_followed_once() {
        let here = url("http://a.example/");
        let mut trail = Trail::new(Method::GET);
        let again = redirect(302, "/", &["seen=1"]);
        assert_eq!(trail.follow(&here, &again), Ok(here.clone()));
        assert_eq!(trail.cookies(&here).unwrap(), "seen=1");
        assert_eq!(trail.follow(&here, &again), Err(HttpFailure::RedirectLoop));
    }

    #[test]
    fn ten_redirects_are_followed_and_no_more() {
        let mut trail = Trail::new(Method::GET);
        let mut here = url("http://a.example/0");
        for hop in 1..=LIMIT {
            here = trail
                .follow(&here, &redirect(302, &format!("/{hop}"), &[]))
                .unwrap();
        }
        assert_eq!(
            trail.follow(&here, &redirect(302, "/11", &[])),
            Err(HttpFailure::RedirectLoop)
        );
    }

    #[test]
    fn a_redirect_out_of_http_is_not_followed() {
        for location in [
            "ftp://a.example/",
            "javascript:alert(1)",
            "http://",
            "https://[::1",
        ] {
            let mut trail = Trail::new(Method::GET);
            let next = trail.follow(&url("http://a.example/"), &redirect(302, location, &[]));
            assert_eq!(next, Err(HttpFailure::BadRedirect(location.to_owned())));
        }
    }

    #[test]
    fn cookies_stay_with_the_host_that_set_them() {
        let mut trail = Trail::new(Method::GET);
        let to = trail.follow(
            &url("http://a.example/"),
            &redirect(302, "http://b.example/", &["id=7; Path=/"]),
        );
        assert_eq!(trail.cookies(&to.unwrap()), None);
        assert_eq!(trail.cookies(&url("http://a.example/x")).unwrap(), "id=7");
    }

    #[test]
    fn the_next_request_says_where_it_comes_from_but_not_from_tls_to_plain() {
        let mut trail = Trail::new(Method::GET);
        assert_eq!(trail.referer(&url("https://a.example/")), None);
        let from = url("https://u:p@a.example/x?y#z");
        trail.follow(&from, &redirect(302, "/b", &[])).unwrap();
        assert_eq!(
            trail.referer(&url("https://b.example/")).unwrap(),
            "https://a.example/x?y"
        );
        assert_eq!(trail.referer(&url("http://b.example/")), None);
    }

    #[test]
    fn only_a_redirect_that_says_where_leads_on() {
        assert!(leads_on(&redirect(308, "/x", &[])));
        assert!(!leads_on(&redirect(302, "", &[])));
        assert!(!leads_on(&redirect(304, "/x", &[])));
        assert!(!leads_on(&redirect(200, "/x", &[])));
    }
}
