//! The `grpc` prober: blackbox_exporter's keys, checked as it checks them, and the keys of metadata.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use http::{HeaderName, HeaderValue};

use super::at::At;
use super::error::{Place, shown};
use super::raw::module::Grpc;
use super::resolve::Resolving;
use super::{credential, header, module};
use crate::probe::grpc as prober;

/// Keys of metadata that belong to the protocol; all that begin with `grpc-` do too.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "user-agent",
];

pub(super) fn resolve(place: Place, raw: &Grpc, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    let tls = credential::connector(raw.tls_config.as_ref(), place, at);
    let over_tls = raw.tls.unwrap_or(false);
    let name = raw
        .tls_config
        .as_ref()
        .and_then(|tls| tls.value.server_name.as_ref());
    Some(prober::Settings {
        addressing: module::addressing(raw.preferred_ip_protocol, raw.ip_protocol_fallback),
        service: raw
            .service
            .as_ref()
            .map_or_else(String::new, |service| service.value.clone()),
        metadata: metadata(raw, at),
        authority: name
            .filter(|name| over_tls && !name.value.is_empty())
            .map(|name| name.value.clone()),
        over_tls,
        tls: tls?,
    })
}

fn metadata(raw: &Grpc, at: &Resolving<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut metadata = Vec::new();
    for (key, values) in raw.metadata.iter().flatten() {
        for value in values {
            metadata.extend(entry(key, value, at));
        }
    }
    metadata
}

fn entry(key: &str, value: &At<String>, at: &Resolving<'_>) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(key.as_bytes()).ok();
    let name = name.filter(|name| !name.as_str().starts_with("grpc-") && !RESERVED.contains(&name.as_str()));
    let Some(name) = name else {
        let what = format!("{} cannot be a key of metadata", shown(key));
        let hint = "letters, digits, - and _; none of the protocol's own";
        at.findings.fault_with_hint(value.place, what, hint);
        return None;
    };
    let value_of = if name.as_str().ends_with("-bin") {
        HeaderValue::try_from(BASE64.encode(&value.value))
    } else {
        HeaderValue::from_str(&value.value)
    };
    let Ok(mut sent) = value_of else {
        let what = format!("the metadata \"{name}\" cannot have this value");
        at.findings.fault_with_hint(
            value.place,
            what,
            "name it with -bin at the end to send any bytes",
        );
        return None;
    };
    sent.set_sensitive(header::is_secret(name.as_str()));
    Some((name, sent))
}
