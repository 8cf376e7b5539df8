//! The `websocket` prober: blackbox_exporter's keys, and headers in the form of its own example too.

use super::at::At;
use super::error::Place;
use super::proxy::{self, Keys};
use super::raw::module::{HttpConfig, QueryResponse, WebSocket};
use super::resolve::Resolving;
use super::{credential, dialogue, header, module, oauth2};
use crate::probe::websocket as prober;

pub(super) fn resolve(place: Place, raw: &WebSocket, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    let nothing = HttpConfig::default();
    let client = raw.http_config.as_ref();
    let place = client.map_or(place, |client| client.place);
    let client = client.map_or(&nothing, |client| &client.value);
    unused(raw.query_response.as_deref(), at);
    let tls = credential::connector(client.tls_config.as_ref(), place, at);
    let credentials = credential::Sources {
        basic_auth: client.basic_auth.as_ref(),
        authorization: client.authorization.as_ref(),
        bearer_token: client.bearer_token.as_ref(),
        bearer_token_file: client.bearer_token_file.as_ref(),
        oauth2: client.oauth2.as_ref().map(|oauth2| oauth2.place),
    };
    let authorization = credential::authorization(&credentials, at);
    let tokens = client.oauth2.as_ref().map(|raw| oauth2::resolve(raw, at));
    let proxies = proxy::resolve(Keys::of_client(client), at);
    let mut headers = header::of_either_form(raw.headers.iter().flatten(), at);
    headers.extend(header::named(client.http_headers.iter().flatten(), at));
    Some(prober::Settings {
        addressing: module::addressing(raw.preferred_ip_protocol, raw.ip_protocol_fallback),
        headers,
        authorization,
        tokens: match tokens {
            Some(tokens) => Some(Box::new(tokens?)),
            None => None,
        },
        proxies,
        steps: dialogue::resolve(raw.query_response.as_deref(), at.findings),
        tls: tls?,
    })
}

fn unused(steps: Option<&[At<QueryResponse>]>, at: &Resolving<'_>) {
    for step in steps.unwrap_or_default() {
        if step.value.starttls == Some(true) {
            let hint = "write wss:// to speak over TLS";
            at.findings
                .warn(step.place, "\"starttls\" is not used over a WebSocket", hint);
        }
        if step
            .value
            .labels
            .as_ref()
            .is_some_and(|labels| !labels.is_empty())
        {
            let hint = "blackbox_exporter has no series for them";
            at.findings
                .warn(step.place, "\"labels\" are not used over a WebSocket", hint);
        }
    }
}
