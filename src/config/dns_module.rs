//! The `dns` prober: blackbox_exporter's keys, checked as it checks them, and what it finds out only while probing:
//! response codes, transports and patterns.

use hickory_proto::rr::{DNSClass, RecordType};
use url::Url;

use super::at::At;
use super::error::{Findings, Place, did_you_mean, shown};
use super::raw::module::{Dns, RecordRules};
use super::resolve::Resolving;
use super::value::Pattern;
use super::{credential, module};
use crate::probe::nameserver::rules::{Records, Sections};
use crate::probe::nameserver::{self as prober, Asked, Question, TARGET, Transport, names};

pub(super) fn resolve(place: Place, raw: &Dns, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    let tls = credential::connector(raw.tls_config.as_ref(), place, at);
    let findings = at.findings;
    let transport = transport(raw, findings);
    let name = asked(place, raw, findings);
    let record = numbered(raw.query_type.as_ref(), &TYPE, findings);
    let class = numbered(raw.query_class.as_ref(), &CLASS, findings);
    let question = Question {
        name: name?,
        record: RecordType::from(record.unwrap_or(ANY)),
        class: DNSClass::from(class.unwrap_or(IN)),
    };
    Some(prober::Settings {
        addressing: module::addressing(raw.preferred_ip_protocol, raw.ip_protocol_fallback),
        source: module::source_address(raw.source_ip_address.as_ref(), findings),
        transport,
        question,
        recursion: raw.recursion_desired.unwrap_or(true),
        rcodes: rcodes(raw.valid_rcodes.as_deref(), findings),
        rules: Sections {
            answer: records(raw.validate_answer_rrs.as_ref()),
            authority: records(raw.validate_authority_rrs.as_ref()),
            additional: records(raw.validate_additional_rrs.as_ref()),
        },
        tls: tls?,
    })
}

/// The type that is asked for where none is named: all of them.
const ANY: u16 = 255;

const IN: u16 = 1;

const NO_ERROR: u16 = 0;

/// Something that has a number and a name.
struct Named {
    what: &'static str,
    parse: fn(&str) -> Option<u16>,
    names: fn() -> Vec<&'static str>,
    example: &'static str,
}

const TYPE: Named = Named {
    what: "query type",
    parse: names::parse_type,
    names: || names::types().collect(),
    example: "as in A, MX and SOA, or by number as in TYPE65280",
};

const CLASS: Named = Named {
    what: "query class",
    parse: names::parse_class,
    names: || names::classes().collect(),
    example: "as in IN and CH, or by number as in CLASS32",
};

const RCODE: Named = Named {
    what: "response code",
    parse: names::parse_rcode,
    names: || names::rcodes().collect(),
    example: "as in NOERROR and NXDOMAIN, or by number",
};

/// The number; `None` where nothing is given, or after a fault.
fn numbered(raw: Option<&At<String>>, kind: &Named, findings: &Findings) -> Option<u16> {
    let raw = raw.filter(|raw| !raw.value.is_empty())?;
    let number = (kind.parse)(&raw.value);
    if number.is_none() {
        let what = format!("the {} {} is not known", kind.what, shown(&raw.value));
        let hint = did_you_mean(&raw.value.to_ascii_uppercase(), (kind.names)());
        let hint = hint.unwrap_or_else(|| kind.example.to_owned());
        findings.fault_with_hint(raw.place, what, hint);
    }
    number
}

fn rcodes(raw: Option<&[At<String>]>, findings: &Findings) -> Vec<u16> {
    match raw.unwrap_or_default() {
        [] => vec![NO_ERROR],
        given => given
            .iter()
            .filter_map(|text| numbered(Some(text), &RCODE, findings))
            .collect(),
    }
}

fn transport(raw: &Dns, findings: &Findings) -> Transport {
    let over_tls = raw.dns_over_tls.as_ref().filter(|over| over.value);
    let named = raw
        .transport_protocol
        .as_ref()
        .filter(|text| !text.value.is_empty());
    match (over_tls, named.map(|text| text.value.as_str())) {
        (None, None | Some("udp")) => Transport::Udp,
        (None, Some("tcp")) => Transport::Tcp,
        (Some(_), None | Some("tcp")) => Transport::Tls,
        (Some(over), Some("udp")) => {
            let hint = "let transport_protocol be tcp, or leave it out";
            findings.fault_with_hint(over.place, "DNS over TLS does not go over udp", hint);
            Transport::Tls
        }
        (_, Some(other)) => {
            let place = named.map(|text| text.place).unwrap_or_default();
            let what = format!("the transport {} is not known", shown(other));
            findings.fault_with_hint(place, what, "it is udp or tcp");
            Transport::Udp
        }
    }
}

/// What is asked for, and of whom.
fn asked(place: Place, raw: &Dns, findings: &Findings) -> Option<Asked> {
    let Some(name) = raw.query_name.as_ref().filter(|name| !name.value.is_empty()) else {
        findings.missing(
            place,
            "query_name",
            "name what is asked for, as in example.com or {target}",
        );
        return None;
    };
    let sample = names::name(&name.value.replace(TARGET, "example.com"));
    if sample.is_none() {
        let what = format!("{} cannot be asked for", shown(&name.value));
        let hint = "a label is 1 to 63 bytes, and a name at most 255";
        findings.fault_with_hint(name.place, what, hint);
    }
    let by_target = name.value.contains(TARGET);
    match (&raw.server, by_target) {
        (None, false) => sample.map(Asked::Name),
        (Some(server), false) => {
            let hint = "the target is the server; with {target} in query_name it is the name";
            findings.warn(server.place, "\"server\" is not used", hint);
            sample.map(Asked::Name)
        }
        (None, true) => {
            let why = "the target is the name: say who is asked for it, as in server: 192.0.2.53";
            findings.missing(place, "server", why);
            None
        }
        (Some(server), true) => Some(Asked::Target {
            template: name.value.clone(),
            server: sample.and_then(|_| self::server(server, findings))?,
        }),
    }
}

fn server(text: &At<String>, findings: &Findings) -> Option<Url> {
    let bracketed = match text.value.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => text.value.clone(),
    };
    let plain = !bracketed.contains(['/', '@', '?', '#', '%']);
    let url = Url::parse(&format!("dns://{bracketed}")).ok();
    let url = url.filter(|url| plain && url.host_str().is_some_and(|host| !host.is_empty()));
    if url.is_none() {
        let what = format!("{} is not a server", shown(&text.value));
        findings.fault_with_hint(
            text.place,
            what,
            "a host or an address, as in 192.0.2.53 or ns.example:5353",
        );
    }
    url
}

fn records(raw: Option<&RecordRules>) -> Records {
    let patterns = |raw: Option<&Vec<Pattern>>| {
        let raw = raw.into_iter().flatten();
        raw.map(|pattern| pattern.regex.clone()).collect()
    };
    let Some(raw) = raw else {
        return Records::default();
    };
    Records {
        fail_if_matches: patterns(raw.fail_if_matches_regexp.as_ref()),
        fail_if_all_match: patterns(raw.fail_if_all_match_regexp.as_ref()),
        fail_if_not_matches: patterns(raw.fail_if_not_matches_regexp.as_ref()),
        fail_if_none_matches: patterns(raw.fail_if_none_matches_regexp.as_ref()),
    }
}
