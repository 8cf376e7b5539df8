//! The configuration: file, mirror of the file, resolved settings; every fault at once.
//!
//! `raw` mirrors the file, `resolve` turns it into what the rest of the program is built from. Nothing here
//! acts: a configuration that loads has had its files read, its patterns compiled and its certificates checked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::discovery::Template;
use crate::endpoint::{Confirm, ModuleName, ProberName};
use crate::probe::{Module, Modules, dns};

mod at;
mod carry;
mod coverage;
mod credential;
mod defaults;
mod demand;
mod dialogue;
mod dns_module;
mod error;
mod expect;
mod files;
mod foresight;
mod group;
mod grpc_module;
mod header;
mod http_module;
mod icmp_module;
mod maintenance;
mod module;
mod oauth2;
mod platform;
mod proxy;
mod raw;
mod reader;
mod regexp;
mod resolve;
mod resolver;
mod schema;
mod secret;
mod show;
mod source;
mod tcp_module;
mod traffic;
mod tree;
mod unix_module;
mod value;
mod web;
mod websocket_module;

pub use crate::discovery::GroupPlan;
pub use carry::{Carried, Source, carry};
pub use demand::Demand;
pub(crate) use error::did_you_mean;
pub use error::{ConfigErrors, Place, Problem};
pub use files::{Files, Sources};
pub use schema::{reference, schema};
pub use secret::{MASK, Secret};
pub use show::{show, show_module};
pub use web::{WebConfig, load_web, parse_web};

/// A configuration, checked and ready to use.
#[derive(Debug)]
pub struct Config {
    /// What holds where a group does not say otherwise.
    pub global: Global,
    /// What is watched, in the order of the file.
    pub groups: Vec<GroupPlan>,
    /// How to ask: the declared modules, those of the module files, and the built-in ones.
    pub modules: Modules,
    /// Whom DNS questions go to.
    pub resolver: dns::Settings,
    /// Places that are never ours; none, or two and more.
    pub anchors: Vec<Url>,
    /// Who says where names must lead.
    pub platforms: Vec<crate::platform::Settings>,
    /// Whom to ask what will break if nothing is done.
    pub foresight: crate::foresight::Settings,
    /// Which hosts there are: whom to ask; `None`: nobody.
    pub coverage: Option<crate::coverage::watch::Plan>,
    /// What may be asked of `/probe`.
    pub demand: Demand,
    /// Whether the file is one of `blackbox_exporter`: nothing but modules.
    pub as_blackbox: bool,
    /// Whether the file says nothing at all, as one that is being written.
    pub is_blank: bool,
    /// Click traffic; none where none is configured.
    pub traffic: Option<Arc<crate::traffic::plan::Plan>>,
    /// PEM of the intermediate certificates in `intermediates_file`.
    pub intermediates: Option<Vec<u8>>,
    /// What works, but not as its author may think.
    pub warnings: Vec<Problem>,
    /// The files that it was made of.
    pub sources: Sources,
    /// Each module as it may be shown.
    shown_modules: BTreeMap<ModuleName, serde_json::Value>,
}

/// What holds where a group does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Global {
    /// Time from one probe of an endpoint to the next.
    pub interval: Duration,
    /// The whole of one probe.
    pub timeout: Duration,
    /// How a first failure is confirmed.
    pub confirm: Confirm,
}

/// Loads a file and everything that it names, relative to its directory. Blocks on the file system.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let mut files = Files::directory(directory);
    match files.read(path) {
        Ok(text) => parse(path, &text, files),
        Err(error) => {
            let what = format!("cannot read the configuration: {error}");
            Err(ConfigErrors::of_file(path, what, None, files.sources()))
        }
    }
}

/// Parses a configuration that stands in `text`, under the name that its errors shall carry; `files` serves
/// those that it names. Never panics, whatever the bytes.
pub fn parse(name: &Path, text: &[u8], mut files: Files) -> Result<Config, ConfigErrors> {
    match resolve::resolve(name, text, &mut files) {
        Ok(config) => Ok(Config {
            sources: files.sources(),
            ..config
        }),
        Err(problems) => Err(ConfigErrors {
            problems,
            sources: files.sources(),
        }),
    }
}

/// How the anchors of the vantage point are asked: whatever they answer, whatever their certificate, since a clock that
/// is off must not blind us too.
pub fn anchor_module() -> Result<Arc<Module>, ConfigErrors> {
    let config = parse(
        Path::new("built in"),
        defaults::ANCHOR_MODULE.as_bytes(),
        Files::memory([]),
    )?;
    let name = ModuleName::from(defaults::ANCHOR);
    config.modules.get(&name).cloned().ok_or_else(|| ConfigErrors {
        problems: Vec::new(),
        sources: Sources::default(),
    })
}

/// How a host becomes an endpoint where a group says nothing but how it is named.
#[must_use]
pub fn usual_template(prober: ProberName, name: &str) -> Template {
    Template {
        url: defaults::url(prober),
        name: name.to_owned(),
        prober,
    }
}

/// The mean time between two false alarms, said as so many per so long: `1 per 30d`; at least an hour.
#[must_use]
pub fn false_alarms(text: &str) -> Option<jiff::SignedDuration> {
    traffic::parse_budget(text)
}

/// A length of time as Prometheus writes it: `5s`, `500ms`, `1m30s`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    value::Lasting::parse(text).ok().map(|lasting| lasting.0)
}
