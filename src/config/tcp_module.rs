//! The `tcp` prober: blackbox_exporter's keys, checked as it checks them.

use super::error::Place;
use super::raw::module::Tcp;
use super::resolve::Resolving;
use super::{credential, dialogue, module};
use crate::probe::tcp as prober;

pub(super) fn resolve(place: Place, raw: &Tcp, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    let tls = credential::connector(raw.tls_config.as_ref(), place, at);
    Some(prober::Settings {
        addressing: module::addressing(raw.preferred_ip_protocol, raw.ip_protocol_fallback),
        source: module::source_address(raw.source_ip_address.as_ref(), at.findings),
        steps: dialogue::resolve(raw.query_response.as_deref(), at.findings),
        begins_with_tls: raw.tls.unwrap_or(false),
        tls: tls?,
    })
}
