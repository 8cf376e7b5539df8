//! The file as it is written: a mirror that knows keys, kinds and places, and decides nothing.
//!
//! The comments of its fields are the reference: the JSON Schema and `docs/CONFIGURATION.md` are made of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::at::{At, OneOrMany};
use super::value::{Lasting, Match, Share};

pub(super) mod coverage;
pub(super) mod foresight;
pub(super) mod module;
pub(super) mod platform;
pub(super) mod probe;
pub(super) mod traffic;
pub(super) mod web;

pub(super) use module::Module;

/// A whole configuration file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "linkwatch")]
pub(super) struct Root {
    /// What holds for every group that does not say otherwise.
    pub(super) global: Option<At<Global>>,
    /// How linkwatch tells its own trouble from that of its targets.
    pub(super) vantage: Option<Vantage>,
    /// Whom DNS questions go to.
    pub(super) resolver: Option<Resolver>,
    /// How to ask, by name, in `blackbox_exporter`'s own schema. `http_2xx` and `http_redirect` (which follows
    /// nothing and takes every redirect for right) are there without being declared.
    #[schemars(extend("default" = {}))]
    pub(super) modules: Option<BTreeMap<String, At<Module>>>,
    /// Files of `blackbox_exporter`, as they are: their `modules` are added to these.
    #[schemars(extend("default" = []))]
    pub(super) module_files: Option<Vec<At<String>>>,
    /// What is watched.
    #[schemars(extend("default" = []))]
    pub(super) groups: Option<Vec<At<Group>>>,
    /// Hosting platforms, asked what they expect of their domains.
    #[schemars(extend("default" = []))]
    pub(super) platforms: Option<Vec<At<platform::Platform>>>,
    /// What will break if nothing is done: renewals, authorities, registrations.
    pub(super) foresight: Option<foresight::Foresight>,
    /// Which public hosts there are, held against those that are watched.
    pub(super) coverage: Option<coverage::Coverage>,
    /// What may be asked of `/probe`. A file with nothing but `modules` in it is one of `blackbox_exporter`, and as open
    /// as that is: give this section, if only `probe: {}`, to be on the safe side.
    pub(super) probe: Option<probe::Probe>,
    /// Click traffic that is watched for going quiet.
    pub(super) traffic: Option<traffic::Traffic>,
}

/// What holds for every group that does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "global")]
pub(super) struct Global {
    /// Time from one probe of an endpoint to the next: 1s to 1d.
    #[schemars(extend("default" = super::defaults::interval()))]
    pub(super) interval: Option<At<Lasting>>,
    /// The whole of one probe, all stages and redirects; at most the interval.
    #[schemars(extend("default" = super::defaults::timeout()))]
    pub(super) timeout: Option<At<Lasting>>,
    /// How a first failure is confirmed before an endpoint is called down.
    pub(super) confirm: Option<Confirm>,
    /// PEM file of intermediate certificates that prove a presented chain incomplete.
    pub(super) intermediates_file: Option<At<String>>,
}

/// How a first failure is confirmed: down is only said when every further probe fails too.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "confirm")]
pub(super) struct Confirm {
    /// Further probes, 0 to 10; 0 believes the first.
    #[schemars(extend("default" = super::defaults::CONFIRM_ATTEMPTS))]
    pub(super) attempts: Option<At<u32>>,
    /// The pause before each of them, at most 1m.
    #[schemars(extend("default" = super::defaults::pause()))]
    pub(super) pause: Option<At<Lasting>>,
}

/// How linkwatch tells its own trouble from that of its targets.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "vantage")]
pub(super) struct Vantage {
    /// URLs of two or more independent places that are never ours: when all fail, this place is offline and
    /// nothing is said of its targets. Without anchors that is never said.
    #[schemars(extend("default" = []))]
    pub(super) anchors: Option<At<Vec<At<String>>>>,
}

/// Whom DNS questions go to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "resolver")]
pub(super) struct Resolver {
    /// `system`, or servers by address: `1.1.1.1`, `1.1.1.1:53`, `udp://1.1.1.1`, `tcp://1.1.1.1`,
    /// `tls://1.1.1.1#one.one.one.one`, `https://1.1.1.1/dns-query#one.one.one.one`. What follows `#` is the
    /// name that the server's certificate must have; without it, its address. The first that answers is
    /// believed, all are compared.
    #[schemars(extend("default" = ["system"]))]
    pub(super) servers: Option<At<Vec<At<String>>>>,
    /// PEM file of the authorities that servers by `tls` and `https` are verified with, in place of the public ones.
    pub(super) ca_file: Option<At<String>>,
    /// The port that a zone's authoritative servers are asked on.
    #[schemars(extend("default" = super::defaults::AUTHORITATIVE_PORT))]
    pub(super) authoritative_port: Option<At<u16>>,
}

/// Endpoints that share how they are asked and what must be true of them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "group")]
pub(super) struct Group {
    /// Its name, unique: the label `group`.
    #[schemars(required)]
    pub(super) name: Option<At<String>>,
    /// Hosts: names or addresses, with a port where it is not the usual one, or whole URLs. Brace ranges and
    /// lists are expanded: `web-{00..19}.example.com`, `{www,api}.example.com`.
    #[schemars(extend("default" = []))]
    pub(super) hosts: Option<At<Vec<At<String>>>>,
    /// Where further hosts come from.
    #[schemars(extend("default" = []))]
    pub(super) discover: Option<At<Vec<At<Discover>>>>,
    /// What is asked for; `{host}` stands for the host.
    #[schemars(extend("default" = super::defaults::url(crate::endpoint::ProberName::Http)))]
    pub(super) url: Option<At<String>>,
    /// The name of each endpoint, unique over all groups: `{host}` stands for the host (and its port, where it
    /// has one), `{url}` for the URL.
    #[schemars(extend("default" = super::defaults::ENDPOINT_NAME))]
    pub(super) endpoint_name: Option<At<String>>,
    /// The module that says how to ask.
    #[schemars(extend("default" = super::defaults::MODULE))]
    pub(super) module: Option<At<String>>,
    /// Time from one probe of an endpoint to the next: 1s to 1d. Default: that of `global`.
    pub(super) interval: Option<At<Lasting>>,
    /// The whole of one probe; at most the interval. Default: that of `global`.
    pub(super) timeout: Option<At<Lasting>>,
    /// How a first failure is confirmed. Default: that of `global`, key by key.
    pub(super) confirm: Option<Confirm>,
    /// `all`: every resolved address is probed, each with its own verdict. `one`: the first, as
    /// `blackbox_exporter` does.
    #[schemars(extend("default" = "all"))]
    pub(super) addresses: Option<Addresses>,
    /// Put on every series of the group.
    #[schemars(extend("default" = {}))]
    pub(super) labels: Option<BTreeMap<String, At<String>>>,
    /// `false`: its alerts are warnings at most.
    #[schemars(extend("default" = true))]
    pub(super) page: Option<bool>,
    /// Windows in which nothing pages, and warnings that somebody has accepted for a time.
    #[schemars(extend("default" = []))]
    pub(super) maintenance: Option<Vec<At<Maintenance>>>,
    /// What must be true of every endpoint.
    pub(super) expect: Option<At<Expect>>,
}

/// Which of a name's addresses are probed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Addresses {
    All,
    One,
}

/// Where hosts come from: exactly one of these keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "discover")]
pub(super) struct Discover {
    /// Files in the format of Prometheus' `file_sd_configs`.
    pub(super) file_sd: Option<At<FileSd>>,
    /// A URL in the format of Prometheus' `http_sd_configs`.
    pub(super) http_sd: Option<At<HttpSd>>,
    /// The domains that a platform knows, by its name; wildcards among them are left out.
    pub(super) platform: Option<At<String>>,
    /// The hosts that a stream of traffic is seen on, by the stream's name.
    pub(super) traffic: Option<At<String>>,
}

/// Files in the format of Prometheus' `file_sd_configs`: lists of `{targets: […], labels: {…}}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "file_sd")]
pub(super) struct FileSd {
    /// Paths that end in `.json`, `.yml` or `.yaml`; the last segment may hold `*`.
    #[schemars(required)]
    pub(super) files: Option<At<Vec<At<String>>>>,
    /// How often the files are looked at: 1s to 1d.
    #[schemars(extend("default" = super::defaults::file_refresh()))]
    pub(super) refresh_interval: Option<At<Lasting>>,
}

/// A URL in the format of Prometheus' `http_sd_configs`: 200, JSON, a list of `{targets: […], labels: {…}}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "http_sd")]
pub(super) struct HttpSd {
    /// What is asked.
    #[schemars(required)]
    pub(super) url: Option<At<String>>,
    /// How often it is asked: 1s to 1d.
    #[schemars(extend("default" = super::defaults::http_refresh()))]
    pub(super) refresh_interval: Option<At<Lasting>>,
    /// A user and a password.
    pub(super) basic_auth: Option<At<module::BasicAuth>>,
    /// Credentials of another kind.
    pub(super) authorization: Option<At<module::Authorization>>,
    /// How the server is verified, and what it is shown.
    pub(super) tls_config: Option<At<module::TlsConfig>>,
}

/// One of three: a window (`from`, `until`), a weekly window (`days`, `from`, `until`, `time_zone`), or an
/// accepted warning (`accept`, `until`).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "maintenance")]
pub(super) struct Maintenance {
    /// Begin: a date and time (`2026-05-08T02:00:00Z`); weekly, a time of day (`02:00`).
    pub(super) from: Option<At<String>>,
    /// End, in the same form; an accepted warning is raised again then.
    #[schemars(required)]
    pub(super) until: Option<At<String>>,
    /// Weekly: the days on which the window begins. Default, where `from` is a time of day: every day.
    pub(super) days: Option<Vec<At<Day>>>,
    /// Weekly: whose clock, as in `Europe/Berlin`. Default: UTC.
    pub(super) time_zone: Option<At<String>>,
    /// A cause that warns, and that somebody has accepted.
    pub(super) accept: Option<At<String>>,
    /// Why.
    #[schemars(required)]
    pub(super) reason: Option<At<String>>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What must be true of every endpoint of a group.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "expect")]
pub(super) struct Expect {
    /// Statuses that are right. With a 3xx, or with `location`, the first answer is judged and nothing is
    /// followed. Default: what the module says.
    pub(super) status: Option<OneOrMany<At<u16>>>,
    /// Where the first answer must redirect to, letter for letter or by `{regexp: …}`.
    pub(super) location: Option<At<Match>>,
    /// Headers of the answer: a text, `{regexp: …}`, or nothing, which only asks for the header to be there.
    #[schemars(extend("default" = {}))]
    pub(super) headers: Option<BTreeMap<String, Option<At<Match>>>>,
    /// Texts that the body must contain, or `{regexp: …}` that it must match.
    #[schemars(extend("default" = []))]
    pub(super) body: Option<OneOrMany<At<Match>>>,
    /// Where the name must lead in DNS.
    pub(super) dns: Option<At<ExpectDns>>,
    /// What must be true of the certificate beyond being trusted.
    pub(super) certificate: Option<ExpectCertificate>,
    /// A slower answer is a warning.
    pub(super) duration: Option<At<Lasting>>,
}

/// Where a name must lead in DNS.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "dns")]
pub(super) struct ExpectDns {
    /// A name (the end of a CNAME, flattened or not), an address or a network; of several, any one.
    pub(super) target: Option<At<OneOrMany<At<String>>>>,
    /// During a move: where the name may still lead, and until when.
    pub(super) moving: Option<At<Moving>>,
    /// Proxies that may stand in front of the target, by name, address or network: a name that leads to one is judged by
    /// what answers, and its target is unverifiable. Cloudflare's networks are known.
    pub(super) proxy: Option<At<OneOrMany<At<String>>>>,
    /// In place of `target`: the platform that says it, by its name.
    pub(super) platform: Option<At<String>>,
}

/// A move from one platform to another: until it is over, the old targets are as right as the new ones.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "moving")]
pub(super) struct Moving {
    /// The old targets, written as the new ones.
    pub(super) from: Option<At<OneOrMany<At<String>>>>,
    /// The end of the move, with its offset, as in 2026-05-08T02:00:00Z.
    pub(super) until: Option<At<String>>,
}

/// What must be true of a certificate beyond being trusted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "certificate")]
pub(super) struct ExpectCertificate {
    /// Texts of which one must stand in the issuer's organisation or common name.
    #[schemars(extend("default" = []))]
    pub(super) issuer: Option<OneOrMany<At<String>>>,
    /// The least share of its lifetime that must be left.
    pub(super) lifetime_left: Option<Share>,
}

/// A file of `blackbox_exporter`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModuleFile {
    pub(super) modules: Option<BTreeMap<String, At<Module>>>,
}
