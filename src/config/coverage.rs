//! Which public hosts there are: whom to ask, and what does not matter.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use http::header::AUTHORIZATION;
use url::Url;

use super::at::At;
use super::credential;
use super::error::{Place, shown};
use super::raw::coverage as raw;
use super::resolve::Resolving;
use crate::coverage::source::{Http, Kind, Monitor, Settings, Transfer, Transparency, TsigKey};
use crate::coverage::watch::Plan;
use crate::coverage::{Ignored, cloudflare, host};
use crate::fetch;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn resolve(raw: raw::Coverage, at: &mut Resolving<'_>) -> Plan {
    let mut taken = BTreeMap::new();
    let sources = raw.sources.unwrap_or_default();
    Plan {
        sources: sources
            .iter()
            .filter_map(|source| self::source(source, &mut taken, at))
            .collect(),
        ignored: raw
            .ignore
            .unwrap_or_default()
            .iter()
            .filter_map(|ignore| ignored(ignore, at))
            .collect(),
    }
}

fn source(
    At { place, value: raw }: &At<raw::HostSource>,
    taken: &mut BTreeMap<String, Place>,
    at: &mut Resolving<'_>,
) -> Option<Settings> {
    if raw.name.is_none() {
        at.findings.missing(*place, "name", "it is the label \"source\"");
    }
    let name = raw.name.as_ref()?;
    at.findings.unique(("source", "sources"), name, taken);
    if raw.r#type.is_none() && !at.findings.was_refused(*place, "type") {
        at.findings
            .missing(*place, "type", "say what it is, as in zone_file");
    }
    let kind = raw.r#type.as_ref()?.value;
    let (least, usual) = match kind {
        raw::HostSourceType::CertSpotter | raw::HostSourceType::CrtSh => (DAY, DAY),
        raw::HostSourceType::ZoneFile
        | raw::HostSourceType::Axfr
        | raw::HostSourceType::CloudflareDns
        | raw::HostSourceType::File
        | raw::HostSourceType::Http => (Duration::from_secs(60), HOUR),
    };
    let interval = raw.interval.map_or(usual, |interval| {
        if !(least..=7 * DAY).contains(&interval.value.0) {
            let what = format!("an interval of {} cannot be kept", interval.value);
            let hint = "1m to 7d; a monitor of Certificate Transparency is asked once a day at most";
            at.findings.fault_with_hint(interval.place, what, hint);
        }
        interval.value.0
    });
    Some(Settings {
        name: name.value.clone(),
        interval,
        kind: self::kind(*place, raw, kind, at)?,
    })
}

fn kind(
    place: Place,
    raw: &raw::HostSource,
    kind: raw::HostSourceType,
    at: &mut Resolving<'_>,
) -> Option<Kind> {
    match kind {
        raw::HostSourceType::ZoneFile => {
            let file = file(place, raw, at);
            let origin = text(place, "zone", raw.zone.as_ref(), at);
            Some(Kind::ZoneFile {
                file: file?,
                origin: origin?,
            })
        }
        raw::HostSourceType::Axfr => transfer(place, raw, at).map(Kind::Transfer),
        raw::HostSourceType::CloudflareDns => {
            let zone = text(place, "zone", raw.zone.as_ref(), at);
            let url = url(place, raw, Some("https://api.cloudflare.com/client/v4"), at);
            let client = client(raw, at);
            Some(Kind::CloudflareRecords(Box::new(cloudflare::Settings {
                url: url?,
                zone: zone?,
                client,
            })))
        }
        raw::HostSourceType::CertSpotter => monitor(
            place,
            raw,
            Monitor::CertSpotter,
            "https://api.certspotter.com/v1/issuances",
            at,
        ),
        raw::HostSourceType::CrtSh => monitor(place, raw, Monitor::CrtSh, "https://crt.sh/", at),
        raw::HostSourceType::File => file(place, raw, at).map(Kind::File),
        raw::HostSourceType::Http => {
            let url = url(place, raw, None, at);
            let client = client(raw, at);
            Some(Kind::Http(Box::new(Http { url: url?, client })))
        }
    }
}

fn monitor(
    place: Place,
    raw: &raw::HostSource,
    monitor: Monitor,
    usual: &str,
    at: &mut Resolving<'_>,
) -> Option<Kind> {
    let domain = text(place, "domain", raw.domain.as_ref(), at);
    let url = url(place, raw, Some(usual), at);
    let client = client(raw, at);
    Some(Kind::Transparency(Box::new(Transparency {
        monitor,
        url: url?,
        domain: host(&domain?)?,
        client,
    })))
}

fn text(place: Place, key: &str, given: Option<&At<String>>, at: &Resolving<'_>) -> Option<String> {
    if given.is_none() {
        at.findings.missing(place, key, "the list is asked for it");
    }
    given.map(|given| given.value.trim_end_matches('.').to_ascii_lowercase())
}

fn file(place: Place, raw: &raw::HostSource, at: &Resolving<'_>) -> Option<PathBuf> {
    if raw.file.is_none() {
        at.findings.missing(place, "file", "name the file");
    }
    raw.file.as_ref().map(|file| at.files.locate(&file.value))
}

fn url(place: Place, raw: &raw::HostSource, usual: Option<&str>, at: &Resolving<'_>) -> Option<Url> {
    match (&raw.url, usual) {
        (Some(url), _) => at.web_url(url),
        (None, Some(usual)) => Url::parse(usual).ok(),
        (None, None) => {
            at.findings.missing(place, "url", "name where the list is");
            None
        }
    }
}

fn client(raw: &raw::HostSource, at: &mut Resolving<'_>) -> fetch::Settings {
    let token = credential::bearer(raw.token.as_ref(), raw.token_file.as_ref(), at);
    let headers = token.into_iter().map(|token| (AUTHORIZATION, token)).collect();
    fetch::Settings {
        headers,
        tls: credential::tls(raw.tls_config.as_ref(), at),
        largest: 64 << 20,
        ..fetch::Settings::default()
    }
}

fn transfer(place: Place, raw: &raw::HostSource, at: &mut Resolving<'_>) -> Option<Transfer> {
    let zone = text(place, "zone", raw.zone.as_ref(), at);
    let key = raw.tsig.as_ref().map(|tsig| key(tsig, at));
    let Some(server) = &raw.server else {
        at.findings
            .missing(place, "server", "name the server, by address");
        return None;
    };
    let address = server.value.parse::<SocketAddr>().ok();
    let address = address.or_else(|| Some((server.value.parse::<IpAddr>().ok()?, 53).into()));
    if address.is_none() {
        let what = format!("{} is not an address", shown(&server.value));
        at.findings
            .fault_with_hint(server.place, what, "write it as in 192.0.2.1 or 192.0.2.1:5353");
    }
    Some(Transfer {
        server: address?,
        zone: zone?,
        key: match key {
            Some(key) => Some(key?),
            None => None,
        },
    })
}

fn key(At { place, value: raw }: &At<raw::Tsig>, at: &mut Resolving<'_>) -> Option<TsigKey> {
    if raw.name.is_none() {
        at.findings
            .missing(*place, "name", "the server knows the key by it");
    }
    let inline = raw
        .secret
        .as_ref()
        .map(|secret| (secret.place, secret.value.reveal()));
    let given = inline.map(|(place, _)| place);
    let given = given.or_else(|| raw.secret_file.as_ref().map(|file| file.place));
    let Some(given) = given else {
        at.findings
            .missing(*place, "secret_file", "name a file with the key");
        return None;
    };
    let secret = credential::either("secret", inline, raw.secret_file.as_ref(), at)?;
    let Ok(secret) = BASE64.decode(secret.trim()) else {
        at.findings.fault_with_hint(
            given,
            "the key is not in base64",
            "as the server's configuration has it",
        );
        return None;
    };
    Some(TsigKey {
        name: raw.name.as_ref()?.value.clone(),
        algorithm: match raw.algorithm.unwrap_or_default() {
            raw::TsigAlgorithm::Sha256 => TsigAlgorithm::HmacSha256,
            raw::TsigAlgorithm::Sha384 => TsigAlgorithm::HmacSha384,
            raw::TsigAlgorithm::Sha512 => TsigAlgorithm::HmacSha512,
        },
        secret,
    })
}

fn ignored(At { place, value: raw }: &At<raw::Ignore>, at: &Resolving<'_>) -> Option<Ignored> {
    let reason = raw
        .reason
        .as_ref()
        .filter(|reason| !reason.value.trim().is_empty());
    if reason.is_none() {
        at.findings.missing(
            *place,
            "reason",
            "who asks next year will want to know why nobody watches it",
        );
    }
    let Some(name) = &raw.host else {
        at.findings.missing(*place, "host", "name it, or *. and a domain");
        return None;
    };
    let bare = name.value.strip_prefix("*.").unwrap_or(&name.value);
    let Some(bare) = host(bare) else {
        let what = format!("{} is no host", shown(&name.value));
        at.findings.fault_with_hint(
            name.place,
            what,
            "write it as in mail.example.com or *.inner.example.com",
        );
        return None;
    };
    let wild = name.value.starts_with("*.");
    Some(Ignored {
        host: if wild { format!("*.{bare}") } else { bare },
        reason: reason?.value.clone(),
    })
}

/// What [`show`](super::show()) prints: everything but what is secret.
pub(super) fn shown_coverage(plan: &Plan) -> serde_json::Value {
    let source = |source: &Settings| {
        let mut all = serde_json::json!({
            "name": source.name,
            "interval": super::value::Lasting(source.interval),
        });
        let kind = match &source.kind {
            Kind::ZoneFile { file, origin } => {
                serde_json::json!({"type": "zone_file", "file": file, "zone": origin})
            }
            Kind::Transfer(transfer) => serde_json::json!({
                "type": "axfr",
                "server": transfer.server.to_string(),
                "zone": transfer.zone,
                "tsig": transfer.key.as_ref().map(|key| &key.name),
            }),
            Kind::CloudflareRecords(zone) => {
                serde_json::json!({"type": "cloudflare_dns", "zone": zone.zone, "url": zone.url.as_str()})
            }
            Kind::Transparency(monitor) => serde_json::json!({
                "type": match monitor.monitor {
                    Monitor::CertSpotter => "cert_spotter",
                    Monitor::CrtSh => "crt_sh",
                },
                "domain": monitor.domain,
                "url": monitor.url.as_str(),
            }),
            Kind::File(file) => serde_json::json!({"type": "file", "file": file}),
            Kind::Http(http) => serde_json::json!({"type": "http", "url": http.url.as_str()}),
        };
        if let (Some(all), serde_json::Value::Object(kind)) = (all.as_object_mut(), kind) {
            all.extend(kind);
        }
        all
    };
    let ignored = |ignored: &Ignored| serde_json::json!({"host": ignored.host, "reason": ignored.reason});
    serde_json::json!({
        "sources": plan.sources.iter().map(source).collect::<Vec<_>>(),
        "ignore": plan.ignored.iter().map(ignored).collect::<Vec<_>>(),
    })
}
