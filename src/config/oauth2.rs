//! Tokens, as Prometheus' HTTP client configuration writes them.

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey};
use url::Url;

use super::at::At;
use super::credential::{self, either, reference};
use super::error::shown;
use super::proxy::{self, Keys};
use super::raw::module::OAuth2;
use super::resolve::Resolving;
use crate::probe::http::Settings;
use crate::probe::http::token::{Assertion, Grant, Kept, Tokens};
use crate::text::has_credentials;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Bytes of an answer that holds a token.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// Where tokens come from; faults where that is not said.
pub(super) fn resolve(raw: &At<OAuth2>, at: &mut Resolving<'_>) -> Option<Tokens> {
    let At { place, value: raw } = raw;
    let tls = credential::connector(raw.tls_config.as_ref(), *place, at);
    let proxies = proxy::resolve(Keys::of_tokens(raw), at);
    let url = token_url(
        At {
            place: *place,
            value: raw,
        },
        at,
    );
    let grant = grant(
        At {
            place: *place,
            value: raw,
        },
        at,
    );
    let url = url?;
    let mut settings = Settings::new(tls?);
    settings.method = Method::POST;
    settings.follow_redirects = false;
    settings.body_size_limit = ANSWER_LIMIT;
    settings.headers = header_lines();
    settings.proxies = proxies;
    let parameters = raw.endpoint_params.iter().flatten();
    Some(Tokens {
        url,
        settings,
        grant: grant?,
        scopes: raw.scopes.clone().unwrap_or_default(),
        parameters: parameters
            .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
            .collect(),
        kept: Kept::default(),
    })
}

fn header_lines() -> Vec<(HeaderName, HeaderValue)> {
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    vec![
        (CONTENT_TYPE, form),
        (ACCEPT, HeaderValue::from_static("application/json")),
    ]
}

fn token_url(At { place, value: raw }: At<&OAuth2>, at: &Resolving<'_>) -> Option<Url> {
    let Some(given) = raw.token_url.as_ref().filter(|url| !url.value.is_empty()) else {
        at.findings
            .missing(place, "token_url", "name the endpoint that issues tokens");
        return None;
    };
    let url = Url::parse(&given.value).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        let what = format!("{} is not a URL to get tokens from", shown(&given.value));
        at.findings
            .fault_with_hint(given.place, what, "write it as in https://login.example/token");
    }
    if url.as_ref().is_some_and(has_credentials) {
        let hint = "use client_id and client_secret";
        at.findings
            .fault_with_hint(given.place, "a URL must not carry credentials", hint);
        return None;
    }
    url
}

fn grant(At { place, value: raw }: At<&OAuth2>, at: &mut Resolving<'_>) -> Option<Grant> {
    reference("client_secret_ref", raw.client_secret_ref.as_ref(), at);
    reference(
        "client_certificate_key_ref",
        raw.client_certificate_key_ref.as_ref(),
        at,
    );
    let inline = raw.client_secret.as_ref();
    let inline = inline.map(|secret| (secret.place, secret.value.reveal()));
    let secret = either("client_secret", inline, raw.client_secret_file.as_ref(), at);
    let id = raw.client_id.as_ref().filter(|id| !id.value.is_empty());
    if id.is_none() {
        at.findings.missing(place, "client_id", "say who asks for tokens");
    }
    let id = id?.value.clone();
    match &raw.grant_type {
        Some(kind) if kind.value == JWT_BEARER => assertion(id, At { place, value: raw }, at),
        Some(kind) if !["", "client_credentials"].contains(&kind.value.as_str()) => {
            let what = format!("there is no grant_type {}", shown(&kind.value));
            let hint = format!("client_credentials, or {JWT_BEARER}");
            at.findings.fault_with_hint(kind.place, what, hint);
            None
        }
        Some(_) | None => Some(Grant::ClientCredentials {
            id,
            secret: secret.map(|secret| secret.trim().to_owned()).unwrap_or_default(),
        }),
    }
}

fn assertion(client: String, At { place, value: raw }: At<&OAuth2>, at: &mut Resolving<'_>) -> Option<Grant> {
    let inline = raw.client_certificate_key.as_ref();
    let inline = inline.map(|key| (key.place, key.value.reveal()));
    let file = raw.client_certificate_key_file.as_ref();
    let Some(pem) = either("client_certificate_key", inline, file, at) else {
        at.findings.missing(
            place,
            "client_certificate_key",
            "give the key that signs assertions",
        );
        return None;
    };
    let Ok(key) = EncodingKey::from_rsa_pem(pem.as_bytes()) else {
        let hint = "an RSA key in PEM form";
        at.findings
            .fault_with_hint(place, "\"client_certificate_key\" is no key that signs", hint);
        return None;
    };
    let algorithm = match raw.signature_algorithm.as_ref().map(|name| name.value.as_str()) {
        None | Some("" | "RS256") => Algorithm::RS256,
        Some("RS384") => Algorithm::RS384,
        Some("RS512") => Algorithm::RS512,
        Some(other) => {
            let what = format!("there is no signature_algorithm {}", shown(other));
            at.findings.fault_with_hint(place, what, "RS256, RS384 or RS512");
            return None;
        }
    };
    let text = |key: &Option<At<String>>| {
        key.as_ref()
            .map(|key| key.value.clone())
            .filter(|key| !key.is_empty())
    };
    Some(Grant::JwtBearer(Box::new(Assertion {
        key,
        algorithm,
        key_id: text(&raw.client_certificate_key_id),
        issuer: text(&raw.iss).unwrap_or_else(|| client.clone()),
        subject: client,
        audience: text(&raw.audience)
            .or_else(|| text(&raw.token_url))
            .unwrap_or_default(),
        claims: raw.claims.clone().unwrap_or_default().into_iter().collect(),
    })))
}
