//! The configuration as it may be shown: resolved, defaults filled in, secrets masked.

use serde_json::{Map, Value, json};
use url::Url;

use super::coverage;
use super::foresight;
use super::header;
use super::platform;
use super::raw;
use super::secret::MASK;
use super::value::Lasting;
use super::{Config, schema};
use crate::discovery::{self, Feed, GroupPlan};
use crate::endpoint::{
    Confirm, DnsTarget, Endpoint, Expectation, Labels, Maintenance, ModuleName, ProberName, TextMatch,
};
use crate::probe::dns::{self, Server};

/// YAML of what is in force, every secret masked.
#[must_use]
pub fn show(config: &Config) -> String {
    if config.as_blackbox {
        return yaml(&json!({"modules": config.shown_modules}));
    }
    yaml(&json!({
        "global": {
            "interval": Lasting(config.global.interval),
            "timeout": Lasting(config.global.timeout),
            "confirm": confirm(config.global.confirm),
        },
        "vantage": {"anchors": config.anchors.iter().map(Url::as_str).collect::<Vec<_>>()},
        "resolver": resolver(&config.resolver),
        "modules": config.shown_modules,
        "platforms": config.platforms.iter().map(platform::shown_platform).collect::<Vec<_>>(),
        "foresight": foresight::shown_foresight(&config.foresight),
        "coverage": config.coverage.as_ref().map(coverage::shown_coverage),
        "probe": config.demand.shown(),
        "groups": config.groups.iter().map(group).collect::<Vec<_>>(),
    }))
}

/// YAML of one module, every secret masked.
#[must_use]
pub fn show_module(config: &Config, name: &ModuleName) -> Option<String> {
    config.shown_modules.get(name).map(yaml)
}

fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}

fn confirm(confirm: Confirm) -> Value {
    json!({"attempts": confirm.attempts, "pause": Lasting(confirm.pause)})
}

fn resolver(settings: &dns::Settings) -> Value {
    let servers = settings.servers.iter().map(|server| match server {
        Server::System => "system".to_owned(),
        Server::Udp(address) => format!("udp://{address}"),
        Server::Tcp(address) => format!("tcp://{address}"),
        Server::Tls(address, name) => format!("tls://{address}#{name}"),
        Server::Https(address, name, path) => format!("https://{address}{path}#{name}"),
    });
    json!({
        "servers": servers.collect::<Vec<_>>(),
        "authoritative_port": settings.authoritative_port,
    })
}

fn feed(feed: &Feed) -> Value {
    match feed {
        Feed::Platform(name) => json!({"platform": name}),
        Feed::Traffic(stream) => json!({"traffic": **stream}),
    }
}

fn group(plan: &GroupPlan) -> Value {
    let group = &plan.group;
    let endpoint =
        |endpoint: &std::sync::Arc<Endpoint>| json!({"name": endpoint.name, "url": endpoint.url.as_str()});
    json!({
        "name": group.name,
        "url": plan.template.url,
        "endpoint_name": plan.template.name,
        "endpoints": plan.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "discover": plan.sources.iter().map(source).chain(plan.feeds.iter().map(feed)).collect::<Vec<_>>(),
        "module": group.module,
        "interval": Lasting(group.interval),
        "timeout": Lasting(group.timeout),
        "confirm": confirm(group.confirm),
        "addresses": group.addresses,
        "labels": labels(&plan.labels),
        "page": group.page,
        "maintenance": maintenance(plan),
        "expect": expect(&group.expect),
    })
}

fn labels(labels: &Labels) -> Value {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn source(settings: &discovery::Settings) -> Value {
    match settings {
        discovery::Settings::File(files) => json!({
            "file_sd": {"files": files.files, "refresh_interval": Lasting(files.interval)},
        }),
        discovery::Settings::Http(http) => without_nulls(json!({
            "http_sd": {
                "url": http.url.as_str(),
                "refresh_interval": Lasting(http.interval),
                "authorization": http.authorization.as_ref().map(|_| MASK),
            },
        })),
    }
}

fn maintenance(plan: &GroupPlan) -> Vec<Value> {
    let windows = plan.group.maintenance.iter().map(|window| match window {
        Maintenance::Once { from, until, reason } => json!({"from": from, "until": until, "reason": reason}),
        Maintenance::Weekly {
            days,
            from,
            until,
            zone,
            reason,
        } => json!({
            "days": days.iter().map(|day| format!("{day:?}").to_lowercase()[..3].to_owned()).collect::<Vec<_>>(),
            "from": from.strftime("%H:%M").to_string(),
            "until": until.strftime("%H:%M").to_string(),
            "time_zone": zone.iana_name().unwrap_or("UTC"),
            "reason": reason,
        }),
    });
    let accepted = plan.group.accepted.iter().map(
        |accepted| json!({"accept": accepted.cause, "reason": accepted.reason, "until": accepted.until}),
    );
    windows.chain(accepted).collect()
}

fn expect(expect: &Expectation) -> Value {
    let headers = expect.headers.iter().map(|expected| {
        let value = match &expected.value {
            Some(TextMatch::Exact(_)) if header::is_secret(&expected.name) => json!(MASK),
            value => value.as_ref().map_or(Value::Null, text),
        };
        (expected.name.clone(), value)
    });
    let mut all = json!({
        "status": expect.status,
        "body": expect.body.iter().map(text).collect::<Vec<_>>(),
        "headers": headers.collect::<Map<_, _>>(),
        "certificate": without_nulls(json!({
            "issuer": expect.certificate.issuer,
            "lifetime_left": expect.certificate.lifetime_left,
        })),
    });
    if let Some(location) = &expect.location {
        all["location"] = text(location);
    }
    if let Some(dns) = &expect.dns {
        let targets: Vec<_> = dns.targets.iter().map(DnsTarget::to_string).collect();
        all["dns"] = match &dns.platform {
            Some(platform) => json!({"platform": platform}),
            None => json!({"target": targets}),
        };
        if !dns.proxies.is_empty() {
            all["dns"]["proxy"] = json!(dns.proxies);
        }
        if let Some(moving) = &dns.moving {
            let from: Vec<_> = moving.from.iter().map(DnsTarget::to_string).collect();
            all["dns"]["moving"] = json!({"from": from, "until": moving.until.to_string()});
        }
    }
    if let Some(duration) = expect.duration {
        all["duration"] = json!(Lasting(duration));
    }
    all
}

fn text(text: &TextMatch) -> Value {
    match text {
        TextMatch::Exact(text) => json!(text),
        TextMatch::Regexp(pattern) => json!({"regexp": pattern.as_str()}),
    }
}

/// A module with its defaults filled in and its secrets masked.
pub(super) fn module(raw: &raw::Module, prober: ProberName) -> Value {
    let mut module = without_nulls(json!(raw));
    let section = module
        .as_object_mut()
        .map(|module| module.entry(prober.as_str()).or_insert_with(|| json!({})));
    if let Some(Value::Object(section)) = section {
        // Follows what both spellings say together.
        if let Some(Value::Bool(not)) = section.remove("no_follow_redirects") {
            section.insert("follow_redirects".to_owned(), json!(!not));
        }
        for (key, default) in schema::module_defaults(prober) {
            section.entry(key).or_insert(default);
        }
        mask_headers(section.get_mut("headers"), |value| *value = json!(MASK));
        mask_headers(section.get_mut("http_headers"), |values| {
            let plain = values.get_mut("values").and_then(Value::as_array_mut);
            plain.into_iter().flatten().for_each(|value| *value = json!(MASK));
        });
    }
    module
}

fn mask_headers(headers: Option<&mut Value>, mask: impl Fn(&mut Value)) {
    for (name, value) in headers.and_then(Value::as_object_mut).into_iter().flatten() {
        if !header::is_harmless(name) {
            mask(value);
        }
    }
}

fn without_nulls(mut value: Value) -> Value {
    match &mut value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            for value in entries.values_mut() {
                *value = without_nulls(value.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_nulls(item.take());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}
