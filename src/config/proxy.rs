//! Proxies, as Prometheus' HTTP client configuration writes them.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use url::Url;

use super::at::At;
use super::credential;
use super::error::shown;
use super::header;
use super::raw::module::{Http, HttpConfig, OAuth2, ProxyUrl, TlsConfig};
use super::resolve::Resolving;
use super::secret::Secret;
use crate::probe::http::proxy::{Bypass, Proxies, Proxy, ProxyKind};
use crate::probe::tls;

/// The keys that say what stands between.
#[derive(Clone, Copy)]
pub(super) struct Keys<'r> {
    url: Option<&'r At<ProxyUrl>>,
    no_proxy: Option<&'r At<String>>,
    from_environment: Option<At<bool>>,
    connect_header: Option<&'r BTreeMap<String, At<Vec<Secret>>>>,
    tls: Option<&'r At<TlsConfig>>,
}

impl<'r> Keys<'r> {
    pub(super) fn of_module(raw: &'r Http) -> Self {
        Self {
            url: raw.proxy_url.as_ref(),
            no_proxy: raw.no_proxy.as_ref(),
            from_environment: raw.proxy_from_environment,
            connect_header: raw.proxy_connect_header.as_ref(),
            tls: raw.tls_config.as_ref(),
        }
    }

    pub(super) fn of_client(raw: &'r HttpConfig) -> Self {
        Self {
            url: raw.proxy_url.as_ref(),
            no_proxy: raw.no_proxy.as_ref(),
            from_environment: raw.proxy_from_environment,
            connect_header: raw.proxy_connect_header.as_ref(),
            tls: raw.tls_config.as_ref(),
        }
    }

    pub(super) fn of_tokens(raw: &'r OAuth2) -> Self {
        Self {
            url: raw.proxy_url.as_ref(),
            no_proxy: raw.no_proxy.as_ref(),
            from_environment: raw.proxy_from_environment,
            connect_header: raw.proxy_connect_header.as_ref(),
            tls: raw.tls_config.as_ref(),
        }
    }
}

/// What the keys say.
pub(super) fn resolve(keys: Keys<'_>, at: &mut Resolving<'_>) -> Proxies {
    let url = keys.url.filter(|url| !url.value.reveal().is_empty());
    let no_proxy = keys.no_proxy.filter(|list| !list.value.is_empty());
    let environment = keys.from_environment.filter(|key| key.value);
    contradictions(url, no_proxy, environment, at);
    let mut proxies = match (environment, url) {
        (Some(key), _) => by_environment(key, at),
        (None, Some(url)) => by_url(url, no_proxy),
        (None, None) => Proxies::default(),
    };
    if url.is_some() && proxies.https.is_none() {
        let hint = "schemes are http, https, socks5 and socks5h, with a host after them";
        let place = url.map(|url| url.place).unwrap_or_default();
        at.findings
            .fault_with_hint(place, "\"proxy_url\" names no proxy", hint);
    }
    proxies.connect_headers = connect_headers(keys, url.is_some() || environment.is_some(), at);
    let secure = [&proxies.http, &proxies.https];
    let secure = secure
        .into_iter()
        .flatten()
        .any(|proxy| proxy.kind == ProxyKind::Https);
    if secure {
        let settings = tls::Settings {
            server_name: None,
            ..credential::tls(keys.tls, at)
        };
        // What is wrong with it is said of the module itself.
        proxies.tls = tls::Connector::new(settings).ok();
    }
    proxies
}

fn contradictions(
    url: Option<&At<ProxyUrl>>,
    no_proxy: Option<&At<String>>,
    environment: Option<At<bool>>,
    at: &Resolving<'_>,
) {
    let hint = "the environment says both itself: keep one";
    if let (Some(_), Some(url)) = (environment, url) {
        let what = "\"proxy_from_environment\" and \"proxy_url\" are both given";
        at.findings.fault_with_hint(url.place, what, hint);
    }
    if let (Some(_), Some(list)) = (environment, no_proxy) {
        let what = "\"proxy_from_environment\" and \"no_proxy\" are both given";
        at.findings.fault_with_hint(list.place, what, hint);
    }
    if let (None, None, Some(list)) = (environment, url, no_proxy) {
        let hint = "give proxy_url, or leave it out";
        at.findings
            .fault_with_hint(list.place, "\"no_proxy\" without a proxy", hint);
    }
}

fn by_environment(key: At<bool>, at: &Resolving<'_>) -> Proxies {
    Proxies::from_environment(|name| std::env::var(name).ok()).unwrap_or_else(|why| {
        let hint = "set it as in http://proxy.example:3128";
        at.findings.fault_with_hint(key.place, why, hint);
        Proxies::default()
    })
}

fn by_url(url: &At<ProxyUrl>, no_proxy: Option<&At<String>>) -> Proxies {
    let proxy = Url::parse(url.value.reveal()).ok().as_ref().and_then(Proxy::at);
    let bypass = no_proxy.map(|list| Bypass::parse(&list.value).with_this_machine());
    Proxies {
        http: proxy.clone(),
        https: proxy,
        bypass: bypass.unwrap_or_default(),
        ..Proxies::default()
    }
}

fn connect_headers(keys: Keys<'_>, has_proxy: bool, at: &Resolving<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (name, values) in keys.connect_header.into_iter().flatten() {
        if !has_proxy {
            let hint = "give proxy_url or proxy_from_environment too";
            let what = format!("\"proxy_connect_header\" sets {} for no proxy", shown(name));
            at.findings.fault_with_hint(values.place, what, hint);
        }
        let Some(name) = header::header_name(name, values.place, at) else {
            continue;
        };
        let value = |value: &Secret| header::header(&name, value.reveal(), values.place, true, at);
        headers.extend(values.value.iter().filter_map(value));
    }
    headers
}
