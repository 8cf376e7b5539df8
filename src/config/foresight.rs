//! What will break if nothing is done: whom to ask.

use std::collections::BTreeMap;

use url::Url;

use super::at::{At, OneOrMany};
use super::error::{Place, did_you_mean, shown};
use super::group::check_interval;
use super::raw::foresight as raw;
use super::raw::module::TlsConfig;
use super::resolve::Resolving;
use super::{credential, defaults};
use crate::fetch;
use crate::foresight::Settings;
use crate::foresight::acme::{self, KNOWN, Known};
use crate::foresight::feed;
use crate::foresight::rdap::{self, Bootstrap};

pub(super) fn resolve(raw: raw::Foresight, at: &mut Resolving<'_>) -> Settings {
    let interval = raw.interval.map_or(defaults::AUTHORITY_INTERVAL, |interval| {
        check_interval("an interval", interval, at.findings);
        interval.value.0.max(defaults::SHORTEST_AUTHORITY_INTERVAL)
    });
    let mut taken = BTreeMap::new();
    let authorities = raw.authorities.unwrap_or_default();
    Settings {
        authorities: authorities
            .iter()
            .filter_map(|authority| self::authority(authority, &mut taken, at))
            .collect(),
        interval,
        feeds: feeds(&raw.feeds.unwrap_or_default(), at),
        registration: raw.registration.and_then(|raw| registration(&raw.value, at)),
    }
}

fn authority(
    At { place, value: raw }: &At<raw::Authority>,
    taken: &mut BTreeMap<String, Place>,
    at: &mut Resolving<'_>,
) -> Option<acme::Settings> {
    let Some(name) = &raw.name else {
        at.findings
            .missing(*place, "name", "it is the label \"authority\"");
        return None;
    };
    if name.value.trim().is_empty() {
        at.findings
            .fault(name.place, "the name of an authority must not be empty");
    } else {
        at.findings.unique(("authority", "authorities"), name, taken);
    }
    let known = KNOWN.iter().find(|known| known.name == name.value);
    let directory = directory(name, raw, known, at);
    let texts = |given: Option<&At<OneOrMany<At<String>>>>, known: Vec<&str>| -> Vec<String> {
        given.map_or_else(
            || known.into_iter().map(str::to_owned).collect(),
            |given| given.value.0.iter().map(|text| text.value.clone()).collect(),
        )
    };
    let issuers = texts(
        raw.issuer.as_ref(),
        known.iter().map(|known| known.issuer).collect(),
    );
    if issuers.iter().all(|issuer| issuer.trim().is_empty()) {
        let hint = "say what the issuer of its certificates is called";
        at.findings.missing(*place, "issuer", hint);
    }
    let identifiers = known.iter().flat_map(|known| known.identifiers).copied();
    Some(acme::Settings {
        name: name.value.clone(),
        directory: directory?,
        issuers,
        identifiers: texts(raw.caa.as_ref(), identifiers.collect()),
        client: client(raw.tls_config.as_ref(), at),
    })
}

fn directory(
    name: &At<String>,
    raw: &raw::Authority,
    known: Option<&Known>,
    at: &Resolving<'_>,
) -> Option<Url> {
    match (&raw.directory, known) {
        (Some(directory), _) => at.web_url(directory),
        (None, Some(known)) => Url::parse(known.directory).ok(),
        (None, None) => {
            let hint = did_you_mean(&name.value, KNOWN.iter().map(|known| known.name))
                .unwrap_or_else(|| "name the URL of its ACME directory".to_owned());
            at.findings.missing(name.place, "directory", &hint);
            None
        }
    }
}

fn feeds(raw: &[At<raw::Feed>], at: &Resolving<'_>) -> Vec<feed::Settings> {
    let mut taken = BTreeMap::new();
    raw.iter().filter_map(|page| feed(page, &mut taken, at)).collect()
}

fn feed(
    At { place, value: raw }: &At<raw::Feed>,
    taken: &mut BTreeMap<String, Place>,
    at: &Resolving<'_>,
) -> Option<feed::Settings> {
    for (key, given) in [
        ("name", raw.name.is_some()),
        ("url", raw.url.is_some()),
        ("type", raw.r#type.is_some()),
    ] {
        if !given && !at.findings.was_refused(*place, key) {
            at.findings
                .missing(*place, key, "a status page has a name, a type and a URL");
        }
    }
    let name = raw.name.as_ref()?;
    at.findings.unique(("feed", "feeds"), name, taken);
    let url = raw.url.as_ref().and_then(|url| at.web_url(url));
    let kind = match raw.r#type.as_ref()?.value {
        raw::FeedType::Statuspage => feed::Kind::Statuspage,
        raw::FeedType::StatusIo => feed::Kind::StatusIo,
        raw::FeedType::Trust => feed::Kind::Trust {
            product: raw
                .product
                .as_ref()
                .map_or_else(|| "Heroku".to_owned(), |product| product.value.clone()),
        },
    };
    let mut settings = feed::Settings::new(&name.value, url?, kind);
    if let Some(interval) = raw.interval {
        check_interval("an interval", interval, at.findings);
        settings.interval = interval.value.0.max(defaults::SHORTEST_AUTHORITY_INTERVAL);
    }
    Some(settings)
}

fn registration(raw: &raw::Registration, at: &mut Resolving<'_>) -> Option<rdap::Settings> {
    let bootstrap = match &raw.bootstrap_file {
        None => Bootstrap::built_in(),
        Some(file) => match Bootstrap::parse(&at.read_file(Some(file))?) {
            Ok(bootstrap) => bootstrap,
            Err(error) => {
                let what = format!("{} is no bootstrap file: {error}", shown(&file.value));
                let hint = "it has the form of IANA's dns.json (RFC 9224)";
                at.findings.fault_with_hint(file.place, what, hint);
                return None;
            }
        },
    };
    Some(rdap::Settings {
        bootstrap,
        client: client(raw.tls_config.as_ref(), at),
    })
}

fn client(raw: Option<&At<TlsConfig>>, at: &mut Resolving<'_>) -> fetch::Settings {
    let tls = credential::tls(raw, at);
    if let Some(given) = raw
        && (tls.insecure_skip_verify || tls.server_name.is_some())
    {
        at.findings
            .unsupported(given.place, "insecure_skip_verify or server_name for foresight");
    }
    fetch::Settings {
        tls,
        ..fetch::Settings::default()
    }
}

/// What [`show`](super::show()) prints.
pub(super) fn shown_foresight(settings: &Settings) -> serde_json::Value {
    let authority = |authority: &acme::Settings| {
        serde_json::json!({
            "name": authority.name,
            "directory": authority.directory.as_str(),
            "issuer": authority.issuers,
            "caa": authority.identifiers,
        })
    };
    let mut all = serde_json::json!({
        "authorities": settings.authorities.iter().map(authority).collect::<Vec<_>>(),
        "interval": super::value::Lasting(settings.interval),
        "feeds": settings.feeds.iter().map(shown_feed).collect::<Vec<_>>(),
    });
    if settings.registration.is_some() {
        all["registration"] = serde_json::json!({});
    }
    all
}

fn shown_feed(feed: &feed::Settings) -> serde_json::Value {
    serde_json::json!({
        "name": feed.name,
        "type": feed.kind.as_str(),
        "url": feed.url.as_str(),
        "interval": super::value::Lasting(feed.interval),
    })
}
