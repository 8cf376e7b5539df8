//! The `http` prober: blackbox_exporter's keys, checked as it checks them, and some more.

use http::Method;
use http::header::ACCEPT_ENCODING;

use super::at::At;
use super::error::{Place, shown};
use super::proxy::{self, Keys};
use super::raw::module::{Compression, HeaderMatch, Http};
use super::resolve::Resolving;
use super::value::Pattern;
use super::{credential, header, module, oauth2};
use crate::probe::http as prober;
use crate::probe::http::proxy::Proxies;
use crate::probe::http::revocation::Lists;
use crate::probe::tls;

pub(super) fn resolve(place: Place, raw: &Http, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    check_contradictions(raw, at);
    check_http3(raw, at);
    let headers = header::resolve(raw, at);
    let body = body(raw, at);
    let credentials = credential::Sources {
        basic_auth: raw.basic_auth.as_ref(),
        authorization: raw.authorization.as_ref(),
        bearer_token: raw.bearer_token.as_ref(),
        bearer_token_file: raw.bearer_token_file.as_ref(),
        oauth2: raw.oauth2.as_ref().map(|oauth2| oauth2.place),
    };
    let authorization = credential::authorization(&credentials, at);
    let tokens = raw.oauth2.as_ref().map(|raw| oauth2::resolve(raw, at));
    let proxies = proxies(raw, at);
    let tls = credential::connector(raw.tls_config.as_ref(), place, at);
    Some(prober::Settings {
        valid_status_codes: status_codes(raw, at),
        valid_http_versions: versions(raw, at),
        addressing: module::addressing(raw.preferred_ip_protocol, raw.ip_protocol_fallback),
        follow_redirects: follows_redirects(raw),
        fail_if_ssl: is_set(raw.fail_if_ssl),
        fail_if_not_ssl: is_set(raw.fail_if_not_ssl),
        method: method(raw.method.as_ref(), at)?,
        headers,
        body,
        compression: raw.compression.map(|compression| coding(compression.value)),
        body_size_limit: raw.body_size_limit.map_or(0, |limit| limit.0),
        fail_if_body_matches: patterns(raw.fail_if_body_matches_regexp.as_deref()),
        fail_if_body_not_matches: patterns(raw.fail_if_body_not_matches_regexp.as_deref()),
        fail_if_body_json_matches: expression(raw.fail_if_body_json_matches_cel.as_ref(), at),
        fail_if_body_json_not_matches: expression(raw.fail_if_body_json_not_matches_cel.as_ref(), at),
        fail_if_header_matches: header_rules(raw.fail_if_header_matches.as_deref(), at),
        fail_if_header_not_matches: header_rules(raw.fail_if_header_not_matches.as_deref(), at),
        http2: raw.enable_http2.unwrap_or(true),
        http3: is_set(raw.enable_http3),
        authorization,
        tokens: match tokens {
            Some(tokens) => Some(Box::new(tokens?)),
            None => None,
        },
        lists: raw.check_revoked.unwrap_or(false).then(lists).flatten(),
        proxies,
        tls: tls?,
    })
}

fn is_set(key: Option<At<bool>>) -> bool {
    key.is_some_and(|key| key.value)
}

fn follows_redirects(raw: &Http) -> bool {
    match (raw.no_follow_redirects, raw.follow_redirects) {
        (Some(not), _) => !not.value,
        (None, follow) => follow.is_none_or(|follow| follow.value),
    }
}

/// Lists are signed by whom they are about: that they can be had is all that matters, and no key of the module's.
fn lists() -> Option<Box<Lists>> {
    let tls = tls::Connector::new(tls::Settings::default()).ok()?;
    Some(Box::new(Lists::new(tls)))
}

fn proxies(raw: &Http, at: &mut Resolving<'_>) -> Proxies {
    let mut proxies = proxy::resolve(Keys::of_module(raw), at);
    proxies.skip_resolving = is_set(raw.skip_resolve_phase_with_proxy);
    proxies
}

fn check_contradictions(raw: &Http, at: &Resolving<'_>) {
    if let Some(not) = raw.no_follow_redirects {
        match raw.follow_redirects {
            Some(follow) if follow.value == not.value => at.findings.fault_with_hint(
                not.place,
                "\"no_follow_redirects\" contradicts \"follow_redirects\"",
                "keep follow_redirects: the other is its old spelling",
            ),
            _ => {
                let now = format!("write follow_redirects: {}", !not.value);
                at.findings
                    .warn(not.place, "\"no_follow_redirects\" is deprecated", now);
            }
        }
    }
    if let (true, Some(not_ssl)) = (
        is_set(raw.fail_if_ssl),
        raw.fail_if_not_ssl.filter(|key| key.value),
    ) {
        let hint = "keep one";
        at.findings.fault_with_hint(
            not_ssl.place,
            "\"fail_if_ssl\" and \"fail_if_not_ssl\" let no answer pass",
            hint,
        );
    }
    let accepted = raw
        .headers
        .iter()
        .flatten()
        .find(|(name, _)| name.eq_ignore_ascii_case(ACCEPT_ENCODING.as_str()));
    if let (Some(compression), Some((_, accepted))) = (raw.compression, accepted)
        && !accepts(&accepted.value, coding_name(compression.value))
    {
        let name = coding_name(compression.value);
        let what = format!(
            "the header Accept-Encoding: {} refuses the compression {name}",
            shown(&accepted.value)
        );
        at.findings
            .fault_with_hint(accepted.place, what, "leave the header out: compression sets it");
    }
}

/// HTTP/3 is spoken alone: what else a module offers or takes as right would never come, nor would it without.
fn check_http3(raw: &Http, at: &Resolving<'_>) {
    let versions = raw.valid_http_versions.as_deref().unwrap_or_default();
    let Some(http3) = raw.enable_http3.filter(|key| key.value) else {
        if let Some(version) = versions.iter().find(|version| version.value == "HTTP/3.0") {
            let hint = "write enable_http3: true and enable_http2: false beside it";
            let what = "no answer has the version \"HTTP/3.0\" without \"enable_http3\"";
            at.findings.fault_with_hint(version.place, what, hint);
        }
        return;
    };
    if raw.enable_http2.unwrap_or(true) {
        let hint = "write enable_http2: false beside it";
        at.findings
            .fault_with_hint(http3.place, "\"enable_http3\" offers HTTP/3 alone", hint);
    }
    if versions.iter().any(|version| version.value != "HTTP/3.0") {
        let hint = "write valid_http_versions: [\"HTTP/3.0\"] beside it";
        at.findings.fault_with_hint(
            http3.place,
            "\"enable_http3\" brings answers in HTTP/3.0 alone",
            hint,
        );
    }
    if let Some(proxy) = &raw.proxy_url {
        let hint = "HTTP/3 goes past proxies, as it does in blackbox_exporter";
        at.findings.warn(proxy.place, "the proxy is not used", hint);
    }
}

/// Whether a client with this `Accept-Encoding` (RFC 9110 section 12.5.3) takes the coding.
fn accepts(accept_encoding: &str, coding: &str) -> bool {
    let mut wildcard = None;
    for item in accept_encoding.split(',') {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters
            .trim()
            .strip_prefix("q=")
            .map_or(Some(1.0), |q| q.parse::<f32>().ok());
        let taken = quality.is_some_and(|quality| quality > 0.0);
        match name.trim() {
            "*" => wildcard = Some(taken),
            name if name.eq_ignore_ascii_case(coding) => return taken,
            _ => {}
        }
    }
    wildcard.unwrap_or_else(|| accept_encoding.trim().is_empty())
}

const fn coding(compression: Compression) -> prober::Compression {
    match compression {
        Compression::Gzip => prober::Compression::Gzip,
        Compression::Br => prober::Compression::Brotli,
        Compression::Deflate => prober::Compression::Deflate,
        Compression::Identity => prober::Compression::Identity,
    }
}

const fn coding_name(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip",
        Compression::Br => "br",
        Compression::Deflate => "deflate",
        Compression::Identity => "identity",
    }
}

fn status_codes(raw: &Http, at: &Resolving<'_>) -> Vec<u16> {
    let codes = raw.valid_status_codes.as_deref().unwrap_or_default();
    for code in codes.iter().filter(|code| !(100..1000).contains(&code.value)) {
        at.findings.fault_with_hint(
            code.place,
            format!("{} is not a status", code.value),
            "100 to 999",
        );
    }
    codes.iter().map(|code| code.value).collect()
}

fn versions(raw: &Http, at: &Resolving<'_>) -> Vec<String> {
    const KNOWN: [&str; 4] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"];
    let versions = raw.valid_http_versions.as_deref().unwrap_or_default();
    for version in versions
        .iter()
        .filter(|version| !KNOWN.contains(&version.value.as_str()))
    {
        let what = format!("no answer has the version {}", shown(&version.value));
        at.findings
            .warn(version.place, what, format!("versions are {}", KNOWN.join(", ")));
    }
    versions.iter().map(|version| version.value.clone()).collect()
}

fn method(raw: Option<&At<String>>, at: &Resolving<'_>) -> Option<Method> {
    let Some(raw) = raw.filter(|raw| !raw.value.is_empty()) else {
        return Some(Method::GET);
    };
    let method = Method::from_bytes(raw.value.as_bytes())
        .ok()
        .filter(|method| *method != Method::CONNECT);
    if method.is_none() {
        at.findings.fault(
            raw.place,
            format!("{} is not a method to probe with", shown(&raw.value)),
        );
    }
    method
}

fn body(raw: &Http, at: &mut Resolving<'_>) -> Vec<u8> {
    match (&raw.body, &raw.body_file) {
        (Some(_), Some(file)) => {
            at.findings.fault_with_hint(
                file.place,
                "\"body\" and \"body_file\" are both given",
                "keep one",
            );
            Vec::new()
        }
        (Some(body), None) => body.value.reveal().as_bytes().to_vec(),
        (None, file) => at.read_file(file.as_ref()).unwrap_or_default(),
    }
}

fn patterns(raw: Option<&[Pattern]>) -> Vec<regex::Regex> {
    raw.unwrap_or_default()
        .iter()
        .map(|pattern| pattern.regex.clone())
        .collect()
}

fn expression(raw: Option<&At<String>>, at: &Resolving<'_>) -> Option<prober::Expression> {
    let raw = raw?;
    let compiled = prober::Expression::compile(&raw.value);
    compiled
        .map_err(|why| {
            let what = format!("bad CEL expression {}: {why}", shown(&raw.value));
            let hint = "its variable is body, as in body.status == 'ok'";
            at.findings.fault_with_hint(raw.place, what, hint);
        })
        .ok()
}

fn header_rules(raw: Option<&[At<HeaderMatch>]>, at: &Resolving<'_>) -> Vec<prober::HeaderRule> {
    let mut rules = Vec::new();
    for At { place, value: rule } in raw.unwrap_or_default() {
        let header = rule.header.as_ref().filter(|header| !header.value.is_empty());
        if header.is_none() {
            at.findings
                .missing(*place, "header", "name the header that the rule is about");
        }
        if rule.regexp.is_none() {
            at.findings.missing(
                *place,
                "regexp",
                "give the pattern that the header is matched with",
            );
        }
        if let (Some(header), Some(pattern)) = (header, &rule.regexp) {
            rules.push(prober::HeaderRule {
                header: header.value.to_ascii_lowercase(),
                pattern: pattern.regex.clone(),
                allow_missing: rule.allow_missing.unwrap_or(false),
            });
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_encoding_is_weighed_as_the_rfc_says() {
        for (header, coding, taken) in [
            ("gzip", "gzip", true),
            ("deflate", "gzip", false),
            ("*;q=0.0", "gzip", false),
            ("*", "br", true),
            ("gzip;q=0, *", "gzip", false),
            ("br;q=1.0, gzip;q=0.5", "gzip", true),
            ("", "gzip", true),
            ("GZIP", "gzip", true),
            ("*;q=0.0, compress;q=0.5, br;q=0.1", "br", true),
            (" gzip, br ; q=0.1, *; q=0.0 ", "br", true),
            (" gzip, br ; q=0.0, * ", "br", false),
        ] {
            assert_eq!(accepts(header, coding), taken, "{header} for {coding}");
        }
    }
}
