//! The `unix` prober: blackbox_exporter's keys, checked as it checks them.

use super::error::Place;
use super::raw::module::Unix;
use super::resolve::Resolving;
use super::{credential, dialogue};
use crate::probe::unix as prober;

pub(super) fn resolve(place: Place, raw: &Unix, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    let tls = credential::connector(raw.tls_config.as_ref(), place, at);
    Some(prober::Settings {
        steps: dialogue::resolve(raw.query_response.as_deref(), at.findings),
        begins_with_tls: raw.tls.unwrap_or(false),
        tls: tls?,
    })
}
