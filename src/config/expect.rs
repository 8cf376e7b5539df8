//! What must be true of the endpoints of a group.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::at::{At, OneOrMany};
use super::error::{Findings, Place, shown};
use super::maintenance::instant;
use super::raw;
use super::resolve::{Named, Resolving};
use super::value::Match;
use crate::endpoint::{
    CertificateExpectation, DnsExpectation, DnsTarget, Expectation, HeaderExpectation, Moving, TextMatch,
};

pub(super) fn resolve(
    At { place, value: raw }: At<raw::Expect>,
    at: &Resolving<'_>,
    named: &Named,
) -> Expectation {
    let findings = at.findings;
    let status = raw.status.unwrap_or_default().0;
    for code in &status {
        if !(100..600).contains(&code.value) {
            findings.fault_with_hint(
                code.place,
                format!("{} is not a status", code.value),
                "100 to 599",
            );
        }
    }
    if let Some(duration) = raw.duration
        && duration.value.0.is_zero()
    {
        findings.fault_with_hint(
            duration.place,
            "every answer is slower than 0s",
            "write it as in 2s",
        );
    }
    Expectation {
        status: status.into_iter().map(|code| code.value).collect(),
        location: raw.location.and_then(|location| text(location, findings)),
        headers: headers(place, raw.headers.unwrap_or_default(), findings),
        body: raw
            .body
            .unwrap_or_default()
            .0
            .into_iter()
            .filter_map(|body| text(body, findings))
            .collect(),
        dns: raw.dns.and_then(|raw| dns(raw, at, named)),
        certificate: certificate(raw.certificate.unwrap_or_default(), findings),
        duration: raw.duration.map(|duration| duration.value.0),
    }
}

/// A text to compare with, which is not empty.
fn text(At { place, value }: At<Match>, findings: &Findings) -> Option<TextMatch> {
    if matches!(&value.0, TextMatch::Exact(text) if text.is_empty()) {
        findings.fault_with_hint(
            place,
            "an empty text says nothing",
            "leave it out, or write {regexp: \"^$\"}",
        );
        return None;
    }
    Some(value.0)
}

fn headers(
    place: Place,
    raw: BTreeMap<String, Option<At<Match>>>,
    findings: &Findings,
) -> Vec<HeaderExpectation> {
    let mut headers = Vec::new();
    for (name, value) in raw {
        let Ok(header) = http::HeaderName::from_bytes(name.as_bytes()) else {
            let place = value.map_or(place, |value| value.place);
            findings.fault(place, format!("{} cannot be the name of a header", shown(&name)));
            continue;
        };
        headers.push(HeaderExpectation {
            name: header.as_str().to_owned(),
            value: value.map(|value| value.value.0),
        });
    }
    headers
}

fn dns(
    At { place, value: raw }: At<raw::ExpectDns>,
    at: &Resolving<'_>,
    named: &Named,
) -> Option<DnsExpectation> {
    let findings = at.findings;
    let moving = raw.moving.and_then(|moving| move_of(&moving, findings));
    let proxies = raw
        .proxy
        .map(|list| targets(&list, "leave \"proxy\" out when there is none", findings));
    let proxies = proxies.unwrap_or_default();
    match (raw.target, raw.platform) {
        (Some(list), None) => Some(DnsExpectation {
            targets: targets(&list, "leave \"dns\" out to expect none", findings),
            platform: None,
            moving,
            proxies,
        }),
        (None, Some(platform)) => Some(DnsExpectation {
            targets: Vec::new(),
            platform: Some(named.platforms.find(&platform, at)?),
            moving,
            proxies,
        }),
        (Some(_), Some(platform)) => {
            let what = "\"target\" and \"platform\" are both given";
            findings.fault_with_hint(
                platform.place,
                what,
                "keep the one that knows where the name must lead",
            );
            None
        }
        (None, None) => {
            if !findings.was_refused(place, "target") && !findings.was_refused(place, "platform") {
                let hint = "say where the name must lead: a name, an address or a network; or which platform says it";
                findings.missing(place, "target", hint);
            }
            None
        }
    }
}

fn targets(list: &At<OneOrMany<At<String>>>, hint: &str, findings: &Findings) -> Vec<DnsTarget> {
    if list.value.0.is_empty() && !findings.was_refused(list.place, "") {
        findings.fault_with_hint(list.place, "no target is named", hint);
    }
    let known = list.value.0.iter();
    known.filter_map(|text| target(text, findings)).collect()
}

fn move_of(At { place, value: raw }: &At<raw::Moving>, findings: &Findings) -> Option<Moving> {
    if raw.from.is_none() {
        findings.missing(*place, "from", "say where the name may still lead");
    }
    if raw.until.is_none() {
        findings.missing(
            *place,
            "until",
            "say when the move ends; the old target is a drift then",
        );
    }
    let until = raw.until.as_ref().and_then(|until| instant(until, findings));
    let from = raw.from.as_ref()?;
    Some(Moving {
        from: targets(from, "leave \"moving\" out when nothing moves", findings),
        until: until?,
    })
}

fn target(text: &At<String>, findings: &Findings) -> Option<DnsTarget> {
    let value = text.value.trim();
    if let Ok(address) = value.parse() {
        return Some(DnsTarget::address(address));
    }
    if let Ok(network) = value.parse::<IpNet>() {
        if network != network.trunc() {
            let what = format!("{} has bits set behind its prefix", shown(value));
            findings.fault_with_hint(text.place, what, format!("did you mean {}?", network.trunc()));
        }
        return Some(DnsTarget::Network(network));
    }
    match url::Host::parse(value.trim_end_matches('.')) {
        Ok(url::Host::Domain(name)) if name.contains(|c: char| c.is_ascii_alphanumeric()) => {
            Some(DnsTarget::Name(name.to_ascii_lowercase()))
        }
        _ => {
            let what = format!("{} is no name, address or network", shown(value));
            findings.fault_with_hint(
                text.place,
                what,
                "as in target.example.net, 192.0.2.1 or 192.0.2.0/24",
            );
            None
        }
    }
}

fn certificate(raw: raw::ExpectCertificate, findings: &Findings) -> CertificateExpectation {
    let issuer = raw.issuer.unwrap_or_default().0;
    for text in issuer.iter().filter(|text| text.value.trim().is_empty()) {
        findings.fault(text.place, "an empty text stands in every issuer");
    }
    CertificateExpectation {
        issuer: issuer.into_iter().map(|text| text.value).collect(),
        lifetime_left: raw.lifetime_left.map(|share| share.0),
    }
}
