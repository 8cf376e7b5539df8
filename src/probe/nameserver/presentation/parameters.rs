//! The parameters of SVCB and HTTPS records (RFC 9460 section 2.1).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64;

use super::Reader;

/// `key="value"`, with a space between each two.
pub(super) fn shown(reader: &mut Reader<'_>) -> Option<String> {
    let mut shown = Vec::new();
    while !reader.0.is_empty() {
        let key = reader.u16()?;
        let length = reader.u16()?;
        let value = reader.take(usize::from(length))?;
        shown.push(format!("{}=\"{}\"", name(key), self::value(key, value)?));
    }
    Some(shown.join(" "))
}

fn name(key: u16) -> String {
    let known = match key {
        0 => "mandatory",
        1 => "alpn",
        2 => "no-default-alpn",
        3 => "port",
        4 => "ipv4hint",
        5 => "ech",
        6 => "ipv6hint",
        7 => "dohpath",
        8 => "ohttp",
        _ => return format!("key{key}"),
    };
    known.to_owned()
}

fn value(key: u16, value: &[u8]) -> Option<String> {
    let mut reader = Reader(value);
    let mut parts = Vec::new();
    match key {
        0 => {
            while !reader.0.is_empty() {
                parts.push(name(reader.u16()?));
            }
        }
        1 => {
            while !reader.0.is_empty() {
                parts.push(escaped(reader.counted()?));
            }
        }
        3 => parts.push(reader.u16()?.to_string()),
        4 => {
            while !reader.0.is_empty() {
                parts.push(Ipv4Addr::from(reader.array::<4>()?).to_string());
            }
        }
        5 => parts.push(BASE64.encode(value)),
        6 => {
            while !reader.0.is_empty() {
                parts.push(Ipv6Addr::from(reader.array::<16>()?).to_string());
            }
        }
        _ => parts.push(escaped(value)),
    }
    Some(parts.join(","))
}

fn escaped(text: &[u8]) -> String {
    let mut out = String::new();
    for byte in text {
        match byte {
            b'"' | b';' | b' ' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b'!'..=b'~' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\{byte:03}");
            }
        }
    }
    out
}
