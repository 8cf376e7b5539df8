//! The `icmp` prober: blackbox_exporter's keys, checked as it checks them.

use super::at::At;
use super::error::{Findings, Place};
use super::module;
use super::raw::module::Icmp;
use super::resolve::Resolving;
use crate::probe::icmp as prober;

/// Hops that a request may take where a module does not say.
const HOPS: u8 = 64;

#[expect(
    clippy::unnecessary_wraps,
    reason = "the modules of all probers are resolved by functions of one form"
)]
pub(super) fn resolve(_place: Place, raw: &Icmp, at: &mut Resolving<'_>) -> Option<prober::Settings> {
    Some(prober::Settings {
        addressing: module::addressing(raw.preferred_ip_protocol, raw.ip_protocol_fallback),
        source: module::source_address(raw.source_ip_address.as_ref(), at.findings),
        payload: payload(raw.payload_size.as_ref(), at.findings),
        dont_fragment: raw.dont_fragment.unwrap_or(false),
        hop_limit: hops(raw.ttl.as_ref(), at.findings),
    })
}

fn hops(raw: Option<&At<i64>>, findings: &Findings) -> u8 {
    let Some(raw) = raw.filter(|raw| raw.value != 0) else {
        return HOPS;
    };
    u8::try_from(raw.value).unwrap_or_else(|_| {
        let what = if raw.value < 0 {
            "\"ttl\" cannot be negative"
        } else {
            "\"ttl\" cannot exceed 255"
        };
        findings.fault(raw.place, what);
        HOPS
    })
}

fn payload(raw: Option<&At<i64>>, findings: &Findings) -> u16 {
    let Some(raw) = raw.filter(|raw| raw.value != 0) else {
        return prober::PAYLOAD;
    };
    let size = u16::try_from(raw.value).ok();
    size.filter(|size| *size <= prober::PAYLOAD_LIMIT)
        .unwrap_or_else(|| {
            let what = format!("a payload of {} bytes does not fit into a packet", raw.value);
            let hint = format!("\"payload_size\" is 1 to {}", prober::PAYLOAD_LIMIT);
            findings.fault_with_hint(raw.place, what, hint);
            prober::PAYLOAD
        })
}
