//! What will break if nothing is done: where that is asked for.

use schemars::JsonSchema;
use serde::Deserialize;

use super::module::TlsConfig;
use crate::config::at::{At, OneOrMany};
use crate::config::value::Lasting;

/// What will break if nothing is done. Nothing of it is looked at by itself: all of it asks third parties.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "foresight")]
pub(in crate::config) struct Foresight {
    /// The authorities that issue the certificates: whether each is up, when it wants each certificate renewed (ARI), and
    /// whether CAA records let it.
    #[schemars(extend("default" = []))]
    pub(in crate::config) authorities: Option<Vec<At<Authority>>>,
    /// How often each authority is asked whether it is up: 10s to 1d.
    #[schemars(extend("default" = crate::config::defaults::authority_interval()))]
    pub(in crate::config) interval: Option<At<Lasting>>,
    /// Status pages of platforms, authorities and others: context for people, and never a cause.
    #[schemars(extend("default" = []))]
    pub(in crate::config) feeds: Option<Vec<At<Feed>>>,
    /// How long the domains of the hosts are registered, by RDAP; once a day each. `{}` turns it on.
    pub(in crate::config) registration: Option<At<Registration>>,
}

/// A certificate authority that speaks ACME.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "authority")]
pub(in crate::config) struct Authority {
    /// Its name, unique: the label `authority`. `letsencrypt`, `google`, `zerossl` and `sslcom` need no more.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// The URL of its directory. Default: that of the known authority.
    pub(in crate::config) directory: Option<At<String>>,
    /// Texts of which one stands in the issuer's organisation or common name of its certificates.
    pub(in crate::config) issuer: Option<At<OneOrMany<At<String>>>>,
    /// The domains by which it knows itself in CAA records.
    pub(in crate::config) caa: Option<At<OneOrMany<At<String>>>>,
    /// How it is verified.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
}

/// A status page.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "feed")]
pub(in crate::config) struct Feed {
    /// Its name, unique: the label `source`.
    #[schemars(required)]
    pub(in crate::config) name: Option<At<String>>,
    /// What it speaks: `statuspage` (Atlassian's, `…/api/v2/summary.json`), `status_io` (`…/1.0/status/ID`), or `trust`
    /// (Salesforce's, what `instances` and `incidents/active` are below).
    #[schemars(required)]
    pub(in crate::config) r#type: Option<At<FeedType>>,
    /// Where it is.
    #[schemars(required)]
    pub(in crate::config) url: Option<At<String>>,
    /// `trust`: whose instances.
    #[schemars(extend("default" = "Heroku"))]
    pub(in crate::config) product: Option<At<String>>,
    /// How often it is asked: 10s to 1d.
    #[schemars(extend("default" = "5m"))]
    pub(in crate::config) interval: Option<At<Lasting>>,
}

/// What a status page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(in crate::config) enum FeedType {
    Statuspage,
    StatusIo,
    Trust,
}

/// How registrations are looked up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "registration")]
pub(in crate::config) struct Registration {
    /// Which registry speaks for which top-level domain: IANA's `dns.json` (RFC 9224). Default: a list of some, built in.
    pub(in crate::config) bootstrap_file: Option<At<String>>,
    /// How registries are verified.
    pub(in crate::config) tls_config: Option<At<TlsConfig>>,
}
