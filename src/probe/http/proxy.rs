//! Which proxy a request goes through, by the rules of Go's client: they are what blackbox_exporter's users know.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::probe::tls;
use crate::text::has_credentials;

/// The proxies of a module.
#[derive(Debug, Default)]
pub struct Proxies {
    /// For `http` and `ws` URLs.
    pub http: Option<Proxy>,
    /// For `https` and `wss` URLs.
    pub https: Option<Proxy>,
    /// What is asked without them.
    pub bypass: Bypass,
    /// Headers for the proxy that shall make a connection.
    pub connect_headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the target's name is left to them.
    pub skip_resolving: bool,
    /// TLS with proxies that want it: what the module says of servers, but for the name.
    pub tls: Option<tls::Connector>,
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What is spoken with it.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// For the proxy itself.
    pub credentials: Option<Credentials>,
}

/// What is spoken with a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP/1.1.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// SOCKS 5 (RFC 1928); names are resolved by the proxy.
    Socks5,
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(<secret>)")
    }
}

impl Proxies {
    /// The proxy that the environment names for each scheme, and what goes past it; `variable` reads it.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let either = |upper: &str| {
            let given = |name: &str| variable(name).filter(|value| !value.is_empty());
            given(upper).or_else(|| given(&upper.to_ascii_lowercase()))
        };
        let proxy = |name: &str| match either(name) {
            None => Ok(None),
            Some(text) => {
                let url = Url::parse(&text).ok().filter(Url::has_host);
                let url = url.or_else(|| Url::parse(&format!("http://{text}")).ok());
                let proxy = url.as_ref().and_then(Proxy::at);
                proxy
                    .map(Some)
                    .ok_or_else(|| format!("the variable {name} names no proxy"))
            }
        };
        let no_proxy = either("NO_PROXY").unwrap_or_default();
        Ok(Self {
            http: proxy("HTTP_PROXY")?,
            https: proxy("HTTPS_PROXY")?,
            bypass: Bypass::parse(&no_proxy).with_this_machine(),
            ..Self::default()
        })
    }

    /// The proxy for a URL, whose host may be known by its address too.
    pub(in crate::probe) fn of(&self, url: &Url, address: Option<IpAddr>) -> Option<&Proxy> {
        let proxy = match url.scheme() {
            "https" | "wss" => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        proxy.filter(|_| !self.bypass.lets_past(url, address))
    }

    /// Whether the name of a URL is left to the proxy.
    pub(in crate::probe) fn resolve(&self, url: &Url) -> bool {
        self.skip_resolving && self.of(url, None).is_some()
    }
}

impl Proxy {
    /// The proxy that a URL names, if it is one.
    #[must_use]
    pub fn at(url: &Url) -> Option<Self> {
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let given = has_credentials(url);
        Some(Self {
            kind,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            credentials: given.then(|| Credentials {
                user: decoded(url.username()),
                password: decoded(url.password().unwrap_or_default()),
            }),
        })
    }

    /// Whether it takes requests for a URL, in place of making a connection.
    pub(super) fn takes_requests(&self, url: &Url) -> bool {
        self.kind != ProxyKind::Socks5 && url.scheme() != "https"
    }

    /// What the proxy is told of who asks (RFC 9110 section 11.7.2).
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let Credentials { user, password } = self.credentials.as_ref()?;
        let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Where it stands, and nothing about who may use it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What is asked without a proxy: `no_proxy`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bypass {
    everything: bool,
    this_machine: bool,
    rules: Vec<(Hosts, Option<u16>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    Network(IpNet),
    /// Names that end so.
    Below(String),
    /// This name and those below it.
    Domain(String),
}

impl Bypass {
    /// Reads a list with commas: names (with those below them, or those alone after a point or `*.`), addresses and
    /// networks, each with or without a port; `*` is everything.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let items = text.split(',').map(|item| item.trim().to_ascii_lowercase());
        let items: Vec<_> = items.filter(|item| !item.is_empty()).collect();
        Self {
            everything: items.iter().any(|item| item == "*"),
            this_machine: false,
            rules: items.iter().filter_map(|item| rule(item)).collect(),
        }
    }

    /// And this machine by its name or loopback address.
    #[must_use]
    pub fn with_this_machine(mut self) -> Self {
        self.this_machine = true;
        self
    }

    fn lets_past(&self, url: &Url, known: Option<IpAddr>) -> bool {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            Some(Host::Domain(_)) | None => None,
        };
        let name = url
            .host_str()
            .unwrap_or_default()
            .trim_end_matches('.')
            .to_ascii_lowercase();
        let here = name == "localhost" || literal.is_some_and(|address| address.is_loopback());
        let port = url.port_or_known_default();
        let holds = |hosts: &Hosts| match hosts {
            Hosts::Network(network) => [literal, known]
                .iter()
                .flatten()
                .any(|address| network.contains(address)),
            Hosts::Below(end) => name.ends_with(end.as_str()),
            Hosts::Domain(domain) => {
                name == *domain
                    || name
                        .strip_suffix(domain.as_str())
                        .is_some_and(|rest| rest.ends_with('.'))
            }
        };
        let rule =
            |(hosts, only): &(Hosts, Option<u16>)| holds(hosts) && only.is_none_or(|only| Some(only) == port);
        self.everything || (self.this_machine && here) || self.rules.iter().any(rule)
    }
}

fn rule(item: &str) -> Option<(Hosts, Option<u16>)> {
    if let Ok(network) = item.parse() {
        return Some((Hosts::Network(network), None));
    }
    let bare = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let (host, port) = match item.rsplit_once(':') {
        Some((host, port)) if bare(item).is_none() => (host, Some(port.parse().ok()?)),
        Some(_) | None => (item, None),
    };
    if let Some(address) = bare(host) {
        return Some((Hosts::Network(address.into()), port));
    }
    let hosts = match host.strip_prefix('*').unwrap_or(host) {
        "" | "." => return None,
        end if end.starts_with('.') => Hosts::Below(end.to_owned()),
        name => Hosts::Domain(name.to_owned()),
    };
    Some((hosts, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn what_goes_past_a_proxy_is_what_goes_past_it_in_go() {
        for (list, target, past) in [
            ("a.test", "http://a.test/", true),
            ("a.test", "http://www.a.test/", true),
            ("a.test", "http://ba.test/", false),
            (".a.test", "http://a.test/", false),
            (".a.test", "http://www.a.test/", true),
            ("*.a.test", "https://www.a.test/", true),
            ("A.Test:8080", "http://a.test:8080/", true),
            ("a.test:8080", "http://a.test/", false),
            ("192.0.2.1", "http://192.0.2.1/", true),
            ("192.0.2.1:443", "http://192.0.2.1/", false),
            ("192.0.2.1:443", "https://192.0.2.1/", true),
            ("192.0.2.0/24, b.test", "http://192.0.2.9/", true),
            ("2001:db8::1", "http://[2001:db8::1]/", true),
            ("[2001:db8::1]:80", "http://[2001:db8::1]/", true),
            ("*", "http://anything.test/", true),
            ("", "http://localhost/", false),
        ] {
            assert_eq!(
                Bypass::parse(list).lets_past(&url(target), None),
                past,
                "{list} and {target}"
            );
        }
        let known = Some(IpAddr::from([192, 0, 2, 7]));
        assert!(Bypass::parse("192.0.2.0/24").lets_past(&url("http://a.test/"), known));
    }

    #[test]
    fn the_environment_names_a_proxy_for_each_scheme_and_never_this_machine() {
        let variables = [
            ("http_proxy", "proxy.test:3128"),
            ("HTTPS_PROXY", "https://us%40er:pa%3Ass@[::1]"),
            ("no_proxy", "inner.test"),
        ];
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let proxies = Proxies::from_environment(variable).unwrap();
        let of = |target: &str| proxies.of(&url(target), None).map(ToString::to_string);
        assert_eq!(of("http://a.test/").as_deref(), Some("proxy.test:3128"));
        assert_eq!(of("https://a.test/").as_deref(), Some("[::1]:443"));
        assert_eq!(of("http://www.inner.test/"), None);
        assert_eq!(of("http://127.0.0.1:9115/"), None);
        let secure = proxies.https.as_ref().unwrap();
        assert_eq!(
            secure.authorization().unwrap(),
            format!("Basic {}", BASE64_STANDARD.encode("us@er:pa:ss")).as_str()
        );
        assert!(!format!("{proxies:?}").contains("pa:ss"));
        assert!(Proxies::from_environment(|_| Some("ftp://a.test".to_owned())).is_err());
    }
}
