//! The servers that DNS questions go to.

use std::net::{IpAddr, SocketAddr};

use super::defaults;
use super::error::shown;
use super::raw;
use super::reader::At;
use super::resolve::Resolving;
use crate::probe::dns::{Server, Settings};

/// What is asked of a DNS-over-HTTPS server that names no path (RFC 8484 section 4.1).
const HTTPS_PATH: &str = "/dns-query";

pub(super) fn resolve(raw: &raw::Resolver, at: &mut Resolving<'_>) -> Settings {
    let servers = match &raw.servers {
        None => Settings::default().servers,
        Some(At { place, value: list }) => {
            if list.is_empty() && !at.findings.was_refused(*place, "") {
                at.findings.fault_with_hint(
                    *place,
                    "no server to ask",
                    "leave the key out to ask those of the system",
                );
            }
            list.iter().filter_map(|text| server(text, at)).collect()
        }
    };
    let authoritative_port = match raw.authoritative_port {
        Some(port) if port.value == 0 => {
            at.findings.fault(port.place, "0 is not a port");
            defaults::AUTHORITATIVE_PORT
        }
        port => port.map_or(defaults::AUTHORITATIVE_PORT, |port| port.value),
    };
    Settings {
        servers,
        authoritative_port,
        roots: at.read_file(raw.ca_file.as_ref()),
    }
}

fn server(text: &At<String>, at: &Resolving<'_>) -> Option<Server> {
    parse(&text.value)
        .map_err(|hint| {
            let what = format!("{} is not a server to ask", shown(&text.value));
            at.findings.fault_with_hint(text.place, what, hint);
        })
        .ok()
}

fn parse(text: &str) -> Result<Server, &'static str> {
    const FORMS: &str = "write system, 1.1.1.1, 1.1.1.1:53, udp://1.1.1.1, tcp://1.1.1.1, tls://1.1.1.1#one.one.one.one \
                         or https://1.1.1.1/dns-query";
    const NAMES: &str = "a server is named by its address; what its certificate is for goes behind a #, \
                         as in tls://1.1.1.1#one.one.one.one";
    if text == "system" {
        return Ok(Server::System);
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("udp", text));
    let (rest, name) = rest
        .split_once('#')
        .map_or((rest, None), |(rest, name)| (rest, Some(name)));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let default_port = match scheme {
        "udp" | "tcp" => 53,
        "tls" => 853,
        "https" => 443,
        _ => return Err(FORMS),
    };
    let hint = if text.contains("://") { NAMES } else { FORMS };
    let address = address(authority, default_port).ok_or(hint)?;
    let certificate = || match name {
        Some(name) => match url::Host::parse(name) {
            Ok(host) => Ok(host.to_string().trim_matches(['[', ']']).to_owned()),
            Err(_) => Err(NAMES),
        },
        None => Ok(address.ip().to_string()),
    };
    match scheme {
        "https" => {
            let path = if matches!(path, "" | "/") {
                HTTPS_PATH
            } else {
                path
            };
            let valid = path.bytes().all(|byte| byte.is_ascii_graphic());
            if valid {
                Ok(Server::Https(address, certificate()?, path.to_owned()))
            } else {
                Err(FORMS)
            }
        }
        _ if !path.is_empty() => Err("only https has a path"),
        "tls" => Ok(Server::Tls(address, certificate()?)),
        _ if name.is_some() => Err("only tls and https have a certificate, and so a name behind a #"),
        "tcp" => Ok(Server::Tcp(address)),
        _ => Ok(Server::Udp(address)),
    }
}

/// `1.1.1.1`, `1.1.1.1:53`, `2606:4700::1111`, `[2606:4700::1111]`, `[2606:4700::1111]:53`.
fn address(text: &str, default_port: u16) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .map(|ip| SocketAddr::new(ip, default_port))
        .or_else(|_| text.parse())
        .ok()
        .filter(|address| address.port() != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_documented_form_names_its_server() {
        let one = "one.one.one.one".to_owned();
        let query = "/dns-query".to_owned();
        for (text, server) in [
            ("system", Server::System),
            ("1.1.1.1", Server::Udp(at("1.1.1.1:53"))),
            ("1.1.1.1:5353", Server::Udp(at("1.1.1.1:5353"))),
            ("2606:4700::1111", Server::Udp(at("[2606:4700::1111]:53"))),
            ("[2606:4700::1111]:54", Server::Udp(at("[2606:4700::1111]:54"))),
            ("udp://1.1.1.1", Server::Udp(at("1.1.1.1:53"))),
            ("tcp://[::1]", Server::Tcp(at("[::1]:53"))),
            (
                "tls://1.1.1.1#one.one.one.one",
                Server::Tls(at("1.1.1.1:853"), one.clone()),
            ),
            (
                "tls://1.1.1.1",
                Server::Tls(at("1.1.1.1:853"), "1.1.1.1".to_owned()),
            ),
            (
                "https://1.1.1.1/dns-query",
                Server::Https(at("1.1.1.1:443"), "1.1.1.1".to_owned(), query.clone()),
            ),
            (
                "https://1.1.1.1:8443#one.one.one.one",
                Server::Https(at("1.1.1.1:8443"), one, query),
            ),
        ] {
            assert_eq!(parse(text), Ok(server), "{text}");
        }
    }

    #[test]
    fn names_and_unknown_schemes_are_refused() {
        for text in [
            "dns.google",
            "tls://dns.google",
            "quic://1.1.1.1",
            "udp://1.1.1.1/x",
            "udp://1.1.1.1#x",
            "1.1.1.1:0",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
