//! What holds where a file says nothing: one place for the program, the schema and the reference.

use std::time::Duration;

use super::value::Lasting;
use crate::endpoint::ProberName;

pub(super) const INTERVAL: Duration = Duration::from_secs(15);
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const CONFIRM_ATTEMPTS: u32 = 2;
pub(super) const CONFIRM_PAUSE: Duration = Duration::from_secs(2);
pub(super) const AUTHORITATIVE_PORT: u16 = 53;
pub(super) const ENDPOINT_NAME: &str = "{host}";
pub(super) const MODULE: &str = "http_2xx";
pub(super) const FILE_REFRESH: Duration = Duration::from_secs(30);
pub(super) const HTTP_REFRESH: Duration = Duration::from_secs(60);

pub(super) const PLATFORM_INTERVAL: Duration = Duration::from_secs(60);

pub(super) const AUTHORITY_INTERVAL: Duration = Duration::from_secs(60);
pub(super) const SHORTEST_AUTHORITY_INTERVAL: Duration = Duration::from_secs(10);

pub(super) const CONCURRENCY: u32 = 512;

pub(super) const FALSE_ALARMS: &str = "1 per 30d";
pub(super) const ACCEPT_AFTER: Duration = Duration::from_secs(86_400);
pub(super) const SOURCE_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const BIN: Duration = Duration::from_secs(60);
pub(super) const INGEST_DELAY: Duration = Duration::from_secs(120);
/// Four weeks for the season, and one more to calibrate on.
pub(super) const HISTORY: Duration = Duration::from_secs(35 * 86_400);

/// The modules that are there without being declared.
pub(super) const MODULES: &str = "
modules:
  http_2xx:
    prober: http
  http_redirect:
    prober: http
    http:
      follow_redirects: false
      valid_status_codes: [301, 302, 303, 307, 308]
";

/// The name of the anchors' module, in a configuration of its own.
pub(super) const ANCHOR: &str = "anchor";

/// How anchors are asked.
pub(super) const ANCHOR_MODULE: &str = "
modules:
  anchor:
    prober: http
    http:
      follow_redirects: false
      tls_config: {insecure_skip_verify: true}
";

/// What a host is asked for where a group does not say.
pub(super) fn url(prober: ProberName) -> String {
    let path = match prober {
        ProberName::Http | ProberName::WebSocket => "/",
        ProberName::Tcp | ProberName::Dns | ProberName::Icmp | ProberName::Unix | ProberName::Grpc => "",
    };
    format!("{}://{{host}}{path}", prober.schemes()[0])
}

pub(super) fn interval() -> String {
    Lasting(INTERVAL).to_string()
}

pub(super) fn platform_interval() -> String {
    Lasting(PLATFORM_INTERVAL).to_string()
}

pub(super) fn authority_interval() -> String {
    Lasting(AUTHORITY_INTERVAL).to_string()
}

pub(super) fn timeout() -> String {
    Lasting(TIMEOUT).to_string()
}

pub(super) fn pause() -> String {
    Lasting(CONFIRM_PAUSE).to_string()
}

pub(super) fn file_refresh() -> String {
    Lasting(FILE_REFRESH).to_string()
}

pub(super) fn http_refresh() -> String {
    Lasting(HTTP_REFRESH).to_string()
}

pub(super) fn accept_after() -> String {
    Lasting(ACCEPT_AFTER).to_string()
}

pub(super) fn source_timeout() -> String {
    Lasting(SOURCE_TIMEOUT).to_string()
}

pub(super) fn bin() -> String {
    Lasting(BIN).to_string()
}

pub(super) fn ingest_delay() -> String {
    Lasting(INGEST_DELAY).to_string()
}

pub(super) fn history() -> String {
    Lasting(HISTORY).to_string()
}
