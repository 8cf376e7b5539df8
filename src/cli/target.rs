//! Targets as people type them, and what is wrong with those that cannot be meant.

use std::net::IpAddr;

use url::{Host, Url};

use crate::endpoint::ProberName;

/// What a target names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// A name in ASCII form, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads a host with or without a port, or a URL.
pub(super) fn place(text: &str) -> Result<Place, String> {
    check(text)?;
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&whole).map_err(|error| refused(text, &error.to_string()))?;
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(refused(text, "it names no host")),
    };
    let port = url.port_or_known_default().unwrap_or(443);
    Ok(Place { host, port })
}

/// Refuses what would be read as something else than it looks like, with the way to write it.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("an empty target: name a host or a URL, as in example.com".to_owned());
    }
    if text.contains(char::is_whitespace) {
        return Err(refused(
            text,
            "a host holds no spaces; separate targets as arguments",
        ));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let scheme = scheme.to_ascii_lowercase();
        return match ProberName::of_scheme(&scheme) {
            Some(ProberName::Unix) => Ok(()),
            Some(_) => port(text, rest.split(['/', '?', '#']).next().unwrap_or_default()),
            None => Err(refused(text, &not_probed(&scheme, rest))),
        };
    }
    if text.starts_with('/') {
        return Err(refused(text, &format!("a socket is written as unix://{text}")));
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err(refused(
            text,
            &format!("write an IPv6 address in brackets: [{text}]"),
        ));
    }
    if let Some((host, path)) = text.split_once(['/', '?', '#']) {
        if path.parse::<u8>().is_ok() && host.parse::<IpAddr>().is_ok() {
            return Err(refused(text, "a network is not a target; name one address"));
        }
        let meant = match host.split_once(':') {
            Some((scheme, _)) if ProberName::of_scheme(&scheme.to_ascii_lowercase()).is_some() => {
                text.replacen(':', "://", 1)
            }
            Some(_) | None => format!("https://{text}"),
        };
        return Err(refused(
            text,
            &format!("a URL needs its scheme and two slashes: {meant}"),
        ));
    }
    port(text, text)
}

/// The way to ask for what nobody is asked for by such a scheme.
fn not_probed(scheme: &str, rest: &str) -> String {
    let meant = match scheme {
        "grpcs" => format!("grpc://{rest} with --tls"),
        "tls" | "ssl" | "tcps" => format!("tcp://{rest} with --tls"),
        "ping" => format!("icmp://{rest}"),
        _ => format!("https://{rest}"),
    };
    format!("{scheme} is not probed; write {meant}")
}

/// A port beyond the last one is a slip that a parser's words do not explain.
fn port(text: &str, authority: &str) -> Result<(), String> {
    if authority.contains('[') && !authority.contains(']') {
        return Err(refused(text, "the bracket of its IPv6 address is not closed"));
    }
    let after = match authority.rsplit_once(']') {
        Some((_, after)) => after.strip_prefix(':'),
        None => authority.split_once(':').map(|(_, port)| port),
    };
    match after {
        None | Some("") => Ok(()),
        Some(number) if number.parse::<u16>().is_ok_and(|port| port > 0) => Ok(()),
        Some(_) if authority.contains('@') => Ok(()),
        Some(number) => Err(refused(
            text,
            &format!("{number} is not a port: ports go from 1 to 65535"),
        )),
    }
}

fn refused(text: &str, why: &str) -> String {
    format!("the target {text:?} cannot be used: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_cannot_be_meant_is_answered_with_one_that_can() {
        for (text, said) in [
            ("example.com/c/1", "https://example.com/c/1"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("10.0.0.0/8", "one address"),
            ("example.com:70000", "1 to 65535"),
            ("https://example.com:0/", "1 to 65535"),
            ("[::1]:99999", "1 to 65535"),
            ("http://[::1", "not closed"),
            ("unix:/tmp/x.sock", "unix:///tmp/x.sock"),
            ("ftp://example.com/", "https://example.com/"),
            ("grpcs://example.com", "grpc://example.com with --tls"),
            ("tcp://example.com:99999", "1 to 65535"),
            ("/run/app.sock", "unix:///run/app.sock"),
            ("a.test b.test", "as arguments"),
            (" ", "example.com"),
        ] {
            let refused = check(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn a_place_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("Example.com", "example.com", 443),
            ("example.com:8443", "example.com", 8443),
            ("192.0.2.1", "192.0.2.1", 443),
            ("[2001:db8::1]:8443", "2001:db8::1", 8443),
            ("http://example.com/a", "example.com", 80),
            ("zürich.example", "xn--zrich-kva.example", 443),
        ] {
            let read = place(text).unwrap();
            assert_eq!((read.host.as_str(), read.port), (host, port), "{text}");
        }
    }
}
