//! Click traffic: where counts come from, and what is judged.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::module::{Authorization, BasicAuth, HeaderValues, TlsConfig};
use crate::config::at::At;
use crate::config::value::Lasting;

/// Click traffic that is watched for going quiet.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "traffic")]
pub(in crate::config) struct Traffic {
    /// Where counts come from.
    #[schemars(extend("default" = []))]
    pub(in crate::config) sources: Option<Vec<At<Source>>>,
    /// How many false alarms are accepted of the whole installation, shared out over all series and groups: a number,
    /// `per`, a duration of 1h to 10y.
    #[schemars(extend("default" = crate::config::defaults::FALSE_ALARMS))]
    pub(in crate::config) false_alarms: Option<At<String>>,
    /// The wall clock that the rhythm of day and week follows, as in `Europe/Berlin`.
    #[schemars(extend("default" = "UTC"))]
    pub(in crate::config) time_zone: Option<At<String>>,
    /// After so long at a new level the level is accepted, and the alarm ends: 1h to 28d.
    #[schemars(extend("default" = crate::config::defaults::accept_after()))]
    pub(in crate::config) accept_after: Option<At<Lasting>>,
    /// What is judged.
    #[schemars(extend("default" = []))]
    pub(in crate::config) streams: Option<Vec<At<Stream>>>,
}

/// A place that answers queries.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "source")]
pub(in crate::config) struct Source {
    /// Its name, unique: the label `source`.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// What it speaks.
    #[schemars(extend("default" = "prometheus"))]
    pub(in crate::config) r#type: Option<At<SourceType>>,
    /// Where it is: what stands before `/api/v1/` (Prometheus) or `/loki/api/v1/` (Loki); for `json` what queries are
    /// relative to.
    #[schemars(required)]
    pub(in crate::config) url: Option<At<String>>,
    /// One request may take so long: 1s to 10m.
    #[schemars(extend("default" = crate::config::defaults::source_timeout()))]
    pub(in crate::config) timeout: Option<At<Lasting>>,
    /// A user and a password.
    pub(in crate::config) basic_auth: Option<At<BasicAuth>>,
    /// Credentials of another kind.
    pub(in crate::config) authorization: Option<At<Authorization>>,
    /// Request headers, as in `X-Scope-OrgID: {values: [team]}`.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) http_headers: Option<BTreeMap<String, At<HeaderValues>>>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
    /// The proxy that is asked to ask it.
    pub(in crate::config) proxy_url: Option<At<String>>,
    /// Whether redirects are followed; never to another host, nor from `https` to `http`.
    #[schemars(extend("default" = true))]
    pub(in crate::config) follow_redirects: Option<bool>,
    /// For the type `json`: where times, labels and counts stand.
    pub(in crate::config) json: Option<At<Json>>,
}

/// What a source speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum SourceType {
    Prometheus,
    Loki,
    Json,
}

/// Where times, labels and counts stand in a JSON answer. Paths are JSON Pointers (RFC 6901); a `*` segment goes through
/// every element.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "json")]
pub(in crate::config) struct Json {
    /// `GET`, or `POST` with a body.
    #[schemars(extend("default" = "GET"))]
    pub(in crate::config) method: Option<At<Method>>,
    /// The body, with the same placeholders as the query.
    pub(in crate::config) body: Option<At<String>>,
    /// The array of rows; empty: the answer itself.
    #[schemars(extend("default" = ""))]
    pub(in crate::config) rows: Option<At<String>>,
    /// Within a row: the start of its bin, in RFC 3339, `YYYY-MM-DD HH:MM:SS` in UTC, or seconds or milliseconds since
    /// 1970.
    #[schemars(required)]
    pub(in crate::config) time: Option<At<String>>,
    /// Within a row: its count.
    #[schemars(required)]
    pub(in crate::config) count: Option<At<String>>,
    /// Within a row: its labels, by name.
    #[schemars(extend("default" = {}))]
    pub(in crate::config) labels: Option<BTreeMap<String, At<String>>>,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(in crate::config) enum Method {
    Get,
    Post,
}

/// Series of one kind, from one query.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "stream")]
pub(in crate::config) struct Stream {
    /// Its name, unique: the label `stream`.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// The source, by name. Default: the only one.
    pub(in crate::config) source: Option<At<String>>,
    /// What is asked: `PromQL`; `LogQL`; for `json` a path and query string, relative to the source's URL, with `{from}`,
    /// `{to}` and `{step}`, or `{from_unix}`, `{to_unix}` and `{step_seconds}`.
    #[schemars(required)]
    pub(in crate::config) query: Option<At<String>>,
    /// What the values are. `counter`: a counter, differenced here for each label set; only of Prometheus. `increase`: the
    /// clicks of each bin. Default: `counter` of Prometheus, else `increase`.
    pub(in crate::config) kind: Option<At<Kind>>,
    /// The label whose values tell the series apart; without it all is one series.
    pub(in crate::config) sum_by: Option<At<String>>,
    /// The label that holds the host: it joins a series to the endpoints of that host. Default: that of `sum_by`.
    pub(in crate::config) host_label: Option<At<String>>,
    /// The length of a bin: whole minutes that divide a day.
    #[schemars(extend("default" = crate::config::defaults::bin()))]
    pub(in crate::config) bin: Option<At<Lasting>>,
    /// A bin is judged so long after its end, when late samples are in; at most 1d.
    #[schemars(extend("default" = crate::config::defaults::ingest_delay()))]
    pub(in crate::config) ingest_delay: Option<At<Lasting>>,
    /// How much history is fetched at start: 1d to 1y.
    #[schemars(extend("default" = crate::config::defaults::history()))]
    pub(in crate::config) history: Option<At<Lasting>>,
    /// What explains the stream's bursts and quiet, as mails sent do: expected clicks follow it.
    pub(in crate::config) reference: Option<At<Reference>>,
    /// How many instances of linkwatch send probes that the query counts: so many as their schedule sends are taken off. 0:
    /// the query leaves them out, by their header `X-Linkwatch-Probe` or their User-Agent.
    #[schemars(extend("default" = 0))]
    pub(in crate::config) own_probe_instances: Option<At<u32>>,
    /// Series that are not judged, by name.
    #[schemars(extend("default" = []))]
    pub(in crate::config) ignore: Option<Vec<At<String>>>,
}

/// A second query of the same source.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "reference")]
pub(in crate::config) struct Reference {
    /// What is asked. Series are told apart by the stream's `sum_by`; what lacks that label holds for all.
    #[schemars(required)]
    pub(in crate::config) query: Option<At<String>>,
    /// What the values are. Default: as of the stream.
    pub(in crate::config) kind: Option<At<Kind>>,
}

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum Kind {
    Counter,
    Increase,
}
