//! Credentials and TLS settings, as Prometheus' HTTP client configuration writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;

use super::at::At;
use super::error::Place;
use super::raw::module::{Authorization, BasicAuth, TlsConfig, TlsVersion};
use super::resolve::Resolving;
use super::secret::Secret;
use super::value::Later;
use crate::probe::tls;

/// The keys that make an `Authorization` header: at most one of them.
#[derive(Default, Clone, Copy)]
pub(super) struct Sources<'r> {
    pub(super) basic_auth: Option<&'r At<BasicAuth>>,
    pub(super) authorization: Option<&'r At<Authorization>>,
    pub(super) bearer_token: Option<&'r At<Secret>>,
    pub(super) bearer_token_file: Option<&'r At<String>>,
    /// Where `oauth2` stands, which makes the header from probe to probe.
    pub(super) oauth2: Option<Place>,
}

/// The header that the keys make, marked as sensitive.
pub(super) fn authorization(sources: &Sources<'_>, at: &mut Resolving<'_>) -> Option<HeaderValue> {
    let bearer = sources
        .bearer_token
        .map(|token| token.place)
        .or_else(|| sources.bearer_token_file.map(|file| file.place));
    let places = [
        sources.basic_auth.map(|basic| basic.place),
        sources.authorization.map(|authorization| authorization.place),
        bearer,
        sources.oauth2,
    ];
    if let Some(second) = places.into_iter().flatten().nth(1) {
        let hint = "keep one of basic_auth, authorization, bearer_token and oauth2";
        at.findings
            .fault_with_hint(second, "the Authorization header is given twice", hint);
    }
    let place = places.into_iter().flatten().next()?;
    let basic = sources.basic_auth.map(|raw| basic(raw, at));
    let other = sources.authorization.and_then(|raw| other(raw, at));
    let inline = sources
        .bearer_token
        .map(|token| (token.place, token.value.reveal()));
    let bearer =
        either("bearer_token", inline, sources.bearer_token_file, at).map(|token| format!("Bearer {token}"));
    let text = basic.or(other).or(bearer)?;
    let Ok(mut header) = HeaderValue::from_str(&text) else {
        at.findings
            .fault(place, "the credentials hold a character that no header can carry");
        return None;
    };
    header.set_sensitive(true);
    Some(header)
}

fn basic(raw: &At<BasicAuth>, at: &mut Resolving<'_>) -> String {
    let raw = &raw.value;
    reference("username_ref", raw.username_ref.as_ref(), at);
    reference("password_ref", raw.password_ref.as_ref(), at);
    let inline = raw
        .username
        .as_ref()
        .map(|name| (name.place, name.value.as_str()));
    let username = either("username", inline, raw.username_file.as_ref(), at);
    let inline = raw
        .password
        .as_ref()
        .map(|secret| (secret.place, secret.value.reveal()));
    let password = either("password", inline, raw.password_file.as_ref(), at);
    let pair = format!(
        "{}:{}",
        username.unwrap_or_default(),
        password.unwrap_or_default()
    );
    format!("Basic {}", BASE64.encode(pair))
}

fn other(raw: &At<Authorization>, at: &mut Resolving<'_>) -> Option<String> {
    let raw = &raw.value;
    reference("credentials_ref", raw.credentials_ref.as_ref(), at);
    if let Some(kind) = raw
        .kind
        .as_ref()
        .filter(|kind| kind.value.trim().eq_ignore_ascii_case("basic"))
    {
        at.findings.fault_with_hint(
            kind.place,
            "authorization cannot be of type Basic",
            "use basic_auth",
        );
    }
    let inline = raw
        .credentials
        .as_ref()
        .map(|secret| (secret.place, secret.value.reveal()));
    let credentials = either("credentials", inline, raw.credentials_file.as_ref(), at)?;
    let kind = raw.kind.as_ref().map_or("Bearer", |kind| kind.value.trim());
    Some(format!("{kind} {credentials}"))
}

/// A token as the `Authorization` header has it (RFC 6750), marked sensitive; `None` where none is given or it cannot be
/// sent, which is a fault.
pub(super) fn bearer(
    token: Option<&At<Secret>>,
    file: Option<&At<String>>,
    at: &mut Resolving<'_>,
) -> Option<HeaderValue> {
    let inline = token.map(|token| (token.place, token.value.reveal()));
    let place = inline
        .map(|(place, _)| place)
        .or_else(|| file.map(|file| file.place))?;
    let token = either("token", inline, file, at)?;
    let value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).ok();
    let Some(mut value) = value.filter(|_| !token.trim().is_empty()) else {
        let hint = "it is one line of visible characters";
        at.findings
            .fault_with_hint(place, "the token cannot be sent", hint);
        return None;
    };
    value.set_sensitive(true);
    Some(value)
}

/// A text that stands in the file, or in another one that is named by the twin of its key.
pub(super) fn either(
    key: &str,
    inline: Option<(Place, &str)>,
    file: Option<&At<String>>,
    at: &mut Resolving<'_>,
) -> Option<String> {
    match (inline, file) {
        (Some(_), Some(file)) => {
            let what = format!("\"{key}\" and \"{key}_file\" are both given");
            at.findings.fault_with_hint(file.place, what, "keep one");
            None
        }
        (Some((_, text)), None) => Some(text.to_owned()),
        (None, Some(file)) => at.read_text(file),
        (None, None) => None,
    }
}

/// A key that names a secret in a store: there is none, as there is none in blackbox_exporter as it is released.
pub(super) fn reference(key: &str, raw: Option<&At<Later>>, at: &Resolving<'_>) {
    if let Some(raw) = raw {
        let what = format!("\"{key}\" names a secret store, and there is none");
        let other = key.trim_end_matches("_ref");
        let hint = format!("give {other}, or name a file with {other}_file");
        at.findings.fault_with_hint(raw.place, what, hint);
    }
}

/// What shakes hands by a `tls_config`; a fault where it cannot be used. `place` is that of the section around it.
pub(super) fn connector(
    raw: Option<&At<TlsConfig>>,
    place: Place,
    at: &mut Resolving<'_>,
) -> Option<tls::Connector> {
    let place = raw.map_or(place, |raw| raw.place);
    tls::Connector::new(tls(raw, at))
        .map_err(|error| at.findings.fault(place, error.to_string()))
        .ok()
}

/// The settings of a `tls_config`, its files read.
pub(super) fn tls(raw: Option<&At<TlsConfig>>, at: &mut Resolving<'_>) -> tls::Settings {
    let Some(At { place, value: raw }) = raw else {
        return tls::Settings::default();
    };
    reference("ca_ref", raw.ca_ref.as_ref(), at);
    reference("cert_ref", raw.cert_ref.as_ref(), at);
    reference("key_ref", raw.key_ref.as_ref(), at);
    let text = |raw: &At<String>| (raw.place, raw.value.clone());
    let ca = raw.ca.as_ref().map(text);
    let ca = either(
        "ca",
        ca.as_ref().map(|(place, ca)| (*place, ca.as_str())),
        raw.ca_file.as_ref(),
        at,
    );
    tls::Settings {
        roots: ca.map(String::into_bytes),
        client: client(*place, raw, at),
        server_name: raw
            .server_name
            .as_ref()
            .map(|name| name.value.clone())
            .filter(|name| !name.is_empty()),
        insecure_skip_verify: raw.insecure_skip_verify.unwrap_or(false),
        min_version: raw.min_version.map(|found| version("min_version", found, at)),
        max_version: raw.max_version.map(|found| version("max_version", found, at)),
    }
}

fn client(place: Place, raw: &TlsConfig, at: &mut Resolving<'_>) -> Option<tls::ClientCertificate> {
    let inline = raw.cert.as_ref().map(|cert| (cert.place, cert.value.as_str()));
    let given = (
        inline.is_some() || raw.cert_file.is_some(),
        raw.key.is_some() || raw.key_file.is_some(),
    );
    if given.0 != given.1 && raw.cert_ref.is_none() && raw.key_ref.is_none() {
        let (has, lacks) = if given.0 { ("cert", "key") } else { ("key", "cert") };
        let what = format!("a client {has} without its {lacks}");
        at.findings
            .fault_with_hint(place, what, format!("give {lacks} or {lacks}_file too"));
    }
    let chain = either("cert", inline, raw.cert_file.as_ref(), at);
    let inline = raw.key.as_ref().map(|key| (key.place, key.value.reveal()));
    let key = either("key", inline, raw.key_file.as_ref(), at);
    Some(tls::ClientCertificate {
        chain: chain?.into_bytes(),
        key: key?.into_bytes(),
    })
}

fn version(key: &str, version: At<TlsVersion>, at: &Resolving<'_>) -> tls::Version {
    match version.value {
        TlsVersion::Tls12 => tls::Version::Tls12,
        TlsVersion::Tls13 => tls::Version::Tls13,
        TlsVersion::Tls10 | TlsVersion::Tls11 => {
            let what = format!("{key} is older than TLS12, which is the oldest that is offered");
            let hint = "TLS 1.0 and 1.1 are withdrawn (RFC 8996): servers that speak nothing newer fail";
            at.findings.warn(version.place, what, hint);
            tls::Version::Tls12
        }
    }
}
