//! The `dns` prober.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpProtocol, TlsConfig};
use crate::config::at::At;
use crate::config::value::Pattern;

/// The `dns` prober.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "dns_module")]
#[expect(clippy::struct_field_names, reason = "the names are blackbox_exporter's")]
pub(in crate::config) struct Dns {
    /// The address family that comes first: `ip4` or `ip6`.
    #[schemars(extend("default" = "ip6"))]
    pub(in crate::config) preferred_ip_protocol: Option<IpProtocol>,
    /// Whether the other family is used where the preferred one has no address.
    #[schemars(extend("default" = true))]
    pub(in crate::config) ip_protocol_fallback: Option<bool>,
    /// Whether the server is asked over TLS (RFC 7858), by default at port 853.
    #[schemars(extend("default" = false))]
    pub(in crate::config) dns_over_tls: Option<At<bool>>,
    /// How the server is verified, and what it is shown.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
    /// The address of this machine to ask from. Default: the system's choice.
    pub(in crate::config) source_ip_address: Option<At<String>>,
    /// What carries question and answer: `udp` or `tcp`. Default: `udp`; with `dns_over_tls`, `tcp`.
    pub(in crate::config) transport_protocol: Option<At<String>>,
    /// The class that is asked for, as in `IN`, `CH` and `CLASS32`.
    #[schemars(extend("default" = "IN"))]
    pub(in crate::config) query_class: Option<At<String>>,
    /// The name that is asked for. With `{target}` in it the target is put there: it is then the name, and `server` says
    /// who is asked.
    #[schemars(required)]
    pub(in crate::config) query_name: Option<At<String>>,
    /// The type that is asked for, as in `A`, `MX`, `SOA` and `TYPE65280`.
    #[schemars(extend("default" = "ANY"))]
    pub(in crate::config) query_type: Option<At<String>>,
    /// Whether the server is asked to resolve; else only for what it holds.
    #[schemars(extend("default" = true))]
    pub(in crate::config) recursion_desired: Option<bool>,
    /// The server that is asked where the target is the name: a host or an address, with a port where it is not 53 (853
    /// over TLS). blackbox_exporter has no such key.
    pub(in crate::config) server: Option<At<String>>,
    /// Response codes that are right, by name or number; empty: `NOERROR`.
    #[schemars(extend("default" = ["NOERROR"]))]
    pub(in crate::config) valid_rcodes: Option<Vec<At<String>>>,
    /// Rules on the records of the answer section.
    pub(in crate::config) validate_answer_rrs: Option<RecordRules>,
    /// Rules on the records of the authority section.
    pub(in crate::config) validate_authority_rrs: Option<RecordRules>,
    /// Rules on the records of the additional section.
    pub(in crate::config) validate_additional_rrs: Option<RecordRules>,
}

/// Rules on records, each as text: name, time to live, class, type and data, with a tab between them, as in
/// `example.com.⇥300⇥IN⇥A⇥192.0.2.1`.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "validate_rrs")]
#[expect(clippy::struct_field_names, reason = "the names are blackbox_exporter's")]
pub(in crate::config) struct RecordRules {
    /// No record may match any of these.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_matches_regexp: Option<Vec<Pattern>>,
    /// Every record must match all of these. (So it is in blackbox_exporter too, whatever the name says; unlike the next,
    /// a section without records is right.)
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_all_match_regexp: Option<Vec<Pattern>>,
    /// Every record must match all of these, and there must be one.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_not_matches_regexp: Option<Vec<Pattern>>,
    /// Some record must match one of these.
    #[schemars(extend("default" = []))]
    pub(in crate::config) fail_if_none_matches_regexp: Option<Vec<Pattern>>,
}
