//! Hosting platforms: what they speak, where they are, and what opens them.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::at::At;
use super::error::{Place, did_you_mean, shown};
use super::group::check_interval;
use super::raw::platform::{Domains, Platform, PlatformType};
use super::resolve::Resolving;
use super::{credential, defaults, header};
use crate::endpoint::PlatformName;
use crate::fetch;
use crate::platform::{Kind, Settings, json};

/// The shortest time between two rounds: what is asked more often is asked in vain, and costs the platform's patience.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// The platforms that are declared, by name.
#[derive(Debug, Default)]
pub(super) struct Declared {
    places: BTreeMap<String, Place>,
}

impl Declared {
    /// The platform that is meant, or a fault that names those there are.
    pub(super) fn find(&self, name: &At<String>, at: &Resolving<'_>) -> Option<PlatformName> {
        if self.places.contains_key(&name.value) {
            return Some(PlatformName::from(name.value.as_str()));
        }
        let known = self.places.keys().map(String::as_str);
        let hint =
            did_you_mean(&name.value, known).unwrap_or_else(|| "declare it under \"platforms\"".to_owned());
        let what = format!("there is no platform {}", shown(&name.value));
        at.findings.fault_with_hint(name.place, what, hint);
        None
    }
}

pub(super) fn resolve_all(raw: Vec<At<Platform>>, at: &mut Resolving<'_>) -> (Vec<Settings>, Declared) {
    let mut declared = Declared::default();
    let settings = raw
        .into_iter()
        .filter_map(|platform| resolve(&platform, &mut declared, at))
        .collect();
    (settings, declared)
}

fn resolve(
    At { place, value: raw }: &At<Platform>,
    declared: &mut Declared,
    at: &mut Resolving<'_>,
) -> Option<Settings> {
    let name = name(*place, raw, declared, at);
    if raw.r#type.is_none() && !at.findings.was_refused(*place, "type") {
        at.findings
            .missing(*place, "type", "say what it speaks, as in heroku");
    }
    let speaks = raw.r#type.as_ref()?.value;
    let kind = kind(*place, raw, speaks, at);
    let interval = raw.interval.map_or(defaults::PLATFORM_INTERVAL, |interval| {
        check_interval("an interval", interval, at.findings);
        if interval.value.0 < SHORTEST_INTERVAL {
            at.findings.fault_with_hint(
                interval.place,
                format!("an interval of {} asks too much of a platform", interval.value),
                "at least 10s; a failing endpoint has its platform asked at once anyway",
            );
        }
        interval.value.0
    });
    let url = url(*place, raw, speaks, at);
    let client = client(*place, raw, speaks, at);
    let kind = kind?;
    Some(Settings {
        name: name?,
        interval,
        url: url?,
        client,
        limit: kind.limit(),
        kind,
    })
}

fn name(place: Place, raw: &Platform, declared: &mut Declared, at: &Resolving<'_>) -> Option<PlatformName> {
    let Some(name) = &raw.name else {
        at.findings.missing(place, "name", "it is the label \"platform\"");
        return None;
    };
    if name.value.trim().is_empty() {
        at.findings
            .fault(name.place, "the name of a platform must not be empty");
    } else {
        let taken = &mut declared.places;
        at.findings.unique(("platform", "platforms"), name, taken);
    }
    Some(PlatformName::from(name.value.as_str()))
}

/// What of the platform is asked for; keys that belong to another type are faults.
fn kind(place: Place, raw: &Platform, speaks: PlatformType, at: &Resolving<'_>) -> Option<Kind> {
    let keys = Keys { place, speaks, at };
    let app = keys.text(
        "app",
        raw.app.as_ref(),
        &[PlatformType::Heroku, PlatformType::Fly],
    );
    let zone = keys.text("zone", raw.zone.as_ref(), &[PlatformType::Cloudflare]);
    let project = keys.text(
        "project",
        raw.project.as_ref(),
        &[PlatformType::Vercel, PlatformType::Railway],
    );
    let team = keys.given("team", raw.team.as_ref(), &[PlatformType::Vercel]);
    let environment = keys.text("environment", raw.environment.as_ref(), &[PlatformType::Railway]);
    let service = keys.text(
        "service",
        raw.service.as_ref(),
        &[PlatformType::Railway, PlatformType::Render],
    );
    let site = keys.text("site", raw.site.as_ref(), &[PlatformType::Netlify]);
    if speaks != PlatformType::Json {
        keys.without_json(raw);
    }
    match speaks {
        PlatformType::Heroku => Some(Kind::Heroku { app: app? }),
        PlatformType::Cloudflare => Some(Kind::Cloudflare { zone: zone? }),
        PlatformType::Fly => Some(Kind::Fly { app: app? }),
        PlatformType::Vercel => Some(Kind::Vercel {
            project: project?,
            team,
        }),
        PlatformType::Railway => Some(Kind::Railway {
            project: project?,
            environment: environment?,
            service: service?,
        }),
        PlatformType::Netlify => Some(Kind::Netlify { site: site? }),
        PlatformType::Render => Some(Kind::Render { service: service? }),
        PlatformType::Json => {
            if raw.json.is_none() {
                at.findings
                    .missing(place, "json", "say where names and targets stand in the answer");
            }
            Some(Kind::Json(Box::new(shape(raw.json.as_ref()?, at)?)))
        }
    }
}

/// The keys of one type.
struct Keys<'a, 'f> {
    place: Place,
    speaks: PlatformType,
    at: &'a Resolving<'f>,
}

impl Keys<'_, '_> {
    /// A text that some types need and others must not have.
    fn text(&self, key: &str, text: Option<&At<String>>, of: &[PlatformType]) -> Option<String> {
        if text.is_none() && of.contains(&self.speaks) {
            self.at
                .findings
                .missing(self.place, key, "the platform is asked for it");
        }
        self.given(key, text, of)
    }

    /// A text that some types may have and others must not.
    fn given(&self, key: &str, text: Option<&At<String>>, of: &[PlatformType]) -> Option<String> {
        let text = text?;
        if !of.contains(&self.speaks) {
            self.foreign(key, text.place);
            return None;
        }
        if text.value.trim().is_empty() {
            self.at
                .findings
                .fault(text.place, format!("\"{key}\" must not be empty"));
            return None;
        }
        Some(text.value.clone())
    }

    /// The keys that only the type `json` has.
    fn without_json(&self, raw: &Platform) {
        let header = raw.http_headers.iter().flatten().next();
        for (key, place) in [
            ("json", raw.json.as_ref().map(|json| json.place)),
            ("basic_auth", raw.basic_auth.as_ref().map(|auth| auth.place)),
            ("authorization", raw.authorization.as_ref().map(|auth| auth.place)),
            ("http_headers", header.map(|(_, value)| value.place)),
        ] {
            if let Some(place) = place {
                self.foreign(key, place);
            }
        }
    }

    fn foreign(&self, key: &str, place: Place) {
        self.at.findings.fault_with_hint(
            place,
            format!("\"{key}\" belongs to another type of platform"),
            "remove it, or change the type",
        );
    }
}

fn url(place: Place, raw: &Platform, speaks: PlatformType, at: &Resolving<'_>) -> Option<Url> {
    if let Some(url) = &raw.url {
        return at.web_url(url);
    }
    let own = match speaks {
        PlatformType::Heroku => "https://api.heroku.com",
        PlatformType::Cloudflare => "https://api.cloudflare.com/client/v4",
        PlatformType::Fly => "https://api.machines.dev/v1",
        PlatformType::Vercel => "https://api.vercel.com",
        PlatformType::Railway => "https://backboard.railway.com/graphql/v2",
        PlatformType::Netlify => "https://api.netlify.com/api/v1",
        PlatformType::Render => "https://api.render.com/v1",
        PlatformType::Json => {
            at.findings.missing(place, "url", "name where the list is");
            return None;
        }
    };
    Url::parse(own).ok()
}

fn client(place: Place, raw: &Platform, speaks: PlatformType, at: &mut Resolving<'_>) -> fetch::Settings {
    let mut headers = HeaderMap::new();
    if speaks == PlatformType::Json {
        for (name, value) in header::named(raw.http_headers.iter().flatten(), at) {
            headers.append(name, value);
        }
        let credentials = credential::Sources {
            basic_auth: raw.basic_auth.as_ref(),
            authorization: raw.authorization.as_ref(),
            ..credential::Sources::default()
        };
        if let Some(authorization) = credential::authorization(&credentials, at) {
            headers.insert(AUTHORIZATION, authorization);
        }
    }
    if let Some(authorization) = token(place, raw, speaks, at) {
        headers.insert(AUTHORIZATION, authorization);
    }
    let tls = credential::tls(raw.tls_config.as_ref(), at);
    if let Some(given) = &raw.tls_config
        && (tls.insecure_skip_verify || tls.server_name.is_some())
    {
        at.findings
            .unsupported(given.place, "insecure_skip_verify or server_name for a platform");
    }
    fetch::Settings {
        headers,
        tls,
        ..fetch::Settings::default()
    }
}

fn token(place: Place, raw: &Platform, speaks: PlatformType, at: &mut Resolving<'_>) -> Option<HeaderValue> {
    let absent = raw.token.is_none()
        && raw.token_file.is_none()
        && !at.findings.was_refused(place, "token")
        && !at.findings.was_refused(place, "token_file");
    if absent && speaks != PlatformType::Json {
        let hint = "name a file with a token that may read the domains";
        at.findings.missing(place, "token_file", hint);
    }
    credential::bearer(raw.token.as_ref(), raw.token_file.as_ref(), at)
}

fn shape(At { place, value: raw }: &At<Domains>, at: &Resolving<'_>) -> Option<json::Shape> {
    let pointer = |pointer: &At<String>| super::traffic::pointer(pointer, at);
    if raw.host.is_none() {
        at.findings.missing(
            *place,
            "host",
            "say where the name stands within a row, as in /hostname",
        );
    }
    let words = |words: &Option<Vec<At<String>>>| {
        let words = words.iter().flatten();
        words.map(|word| word.value.clone()).collect()
    };
    Some(json::Shape {
        rows: raw.rows.as_ref().map(pointer).unwrap_or_default(),
        host: raw.host.as_ref().map(pointer)?,
        targets: raw
            .target
            .iter()
            .flat_map(|list| &list.value.0)
            .map(pointer)
            .collect(),
        status: raw.status.as_ref().map(pointer),
        reason: raw.reason.as_ref().map(pointer),
        dns_ok: raw.dns_ok.as_ref().map(pointer),
        issued: words(&raw.issued),
        pending: words(&raw.pending),
        failing: words(&raw.failing),
        next: raw.next.as_ref().map(pointer),
    })
}

/// What [`show`](super::show()) prints of a platform: everything but what is secret.
pub(super) fn shown_platform(settings: &Settings) -> serde_json::Value {
    let mut all = serde_json::json!({
        "name": settings.name,
        "type": settings.kind.as_str(),
        "interval": super::value::Lasting(settings.interval),
        "url": settings.url.as_str(),
    });
    if settings.client.headers.contains_key(AUTHORIZATION) {
        all["token"] = super::MASK.into();
    }
    match &settings.kind {
        Kind::Heroku { app } | Kind::Fly { app } => all["app"] = app.as_str().into(),
        Kind::Cloudflare { zone } => all["zone"] = zone.as_str().into(),
        Kind::Vercel { project, team } => {
            all["project"] = project.as_str().into();
            if let Some(team) = team {
                all["team"] = team.as_str().into();
            }
        }
        Kind::Railway {
            project,
            environment,
            service,
        } => {
            all["project"] = project.as_str().into();
            all["environment"] = environment.as_str().into();
            all["service"] = service.as_str().into();
        }
        Kind::Netlify { site } => all["site"] = site.as_str().into(),
        Kind::Render { service } => all["service"] = service.as_str().into(),
        Kind::Json(shape) => all["json"] = json_shape(shape),
    }
    all
}

fn json_shape(shape: &json::Shape) -> serde_json::Value {
    serde_json::json!({
        "rows": shape.rows,
        "host": shape.host,
        "target": shape.targets,
        "status": shape.status,
        "reason": shape.reason,
        "dns_ok": shape.dns_ok,
        "issued": shape.issued,
        "pending": shape.pending,
        "failing": shape.failing,
        "next": shape.next,
    })
}
