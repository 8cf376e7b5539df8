//! What a check is to probe: the arguments are read as a small configuration, so that there is one way to say and to
//! refuse things.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::super::{CheckArgs, target};
use crate::app;
use crate::clock::SystemClock;
use crate::config::{self, Config, Files};
use crate::endpoint::Endpoint;
use crate::platform;
use crate::probe::{Module, Prober};

/// What is to be probed, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) targets: Vec<(Arc<Endpoint>, Arc<Module>)>,
    pub(super) anchors: Vec<Url>,
    /// Those that say where one of the targets must lead.
    pub(super) platforms: Vec<platform::Settings>,
    pub(super) anchor_module: Arc<Module>,
    pub(super) prober: Prober,
}

impl Plan {
    /// Reads the arguments; what is wrong with them is the error.
    pub(super) fn of(args: &CheckArgs) -> Result<Self, String> {
        if args.group.is_some() && args.config_file.is_none() {
            return Err("--group names a group of a configuration: say which, with --config.file".to_owned());
        }
        let config = match &args.config_file {
            Some(file) => config::load(file).map_err(|errors| errors.to_string())?,
            None => of_targets(&Asked::of(args))?,
        };
        let named = |name: &str| args.group.as_deref().is_none_or(|wanted| wanted == name);
        if let Some(wanted) = &args.group
            && !config
                .groups
                .iter()
                .any(|plan| plan.group.name.as_str() == wanted)
        {
            return Err(format!("the configuration has no group {wanted:?}"));
        }
        let targets: Vec<(Arc<Endpoint>, Arc<Module>)> = config
            .groups
            .iter()
            .filter(|plan| named(plan.group.name.as_str()))
            .flat_map(|plan| &plan.endpoints)
            .filter_map(|endpoint| {
                let module = config.modules.get(&endpoint.group.module)?;
                Some((Arc::clone(endpoint), Arc::clone(module)))
            })
            .collect();
        let mut platforms = config.platforms.clone();
        platforms.retain(|settings| {
            let mut endpoints = targets.iter().map(|(endpoint, _)| endpoint);
            endpoints.any(|endpoint| endpoint.platform() == Some(&settings.name))
        });
        Ok(Self {
            platforms,
            targets,
            anchor_module: config::anchor_module().map_err(|errors| errors.to_string())?,
            prober: app::prober(&config, Arc::new(SystemClock), Arc::default()),
            anchors: config.anchors,
        })
    }
}

/// What is asked of targets that are named by hand.
#[derive(Debug)]
pub(in crate::cli) struct Asked<'a> {
    pub(in crate::cli) targets: &'a [String],
    pub(in crate::cli) resolvers: &'a [String],
    pub(in crate::cli) authoritative_port: Option<u16>,
    pub(in crate::cli) ca_file: Option<&'a Path>,
    pub(in crate::cli) timeout: Duration,
    pub(in crate::cli) expect_status: &'a [u16],
    pub(in crate::cli) expect_location: Option<&'a str>,
    pub(in crate::cli) expect_dns: &'a [String],
}

impl<'a> Asked<'a> {
    fn of(args: &'a CheckArgs) -> Self {
        Self {
            targets: &args.targets,
            resolvers: args.resolver.as_slice(),
            authoritative_port: None,
            ca_file: args.ca_file.as_deref(),
            timeout: args.timeout,
            expect_status: &args.expect_status,
            expect_location: args.expect_location.as_deref(),
            expect_dns: &args.expect_dns,
        }
    }
}

/// The arguments as a configuration of one group.
pub(in crate::cli) fn of_targets(args: &Asked<'_>) -> Result<Config, String> {
    for target in args.targets {
        target::check(target)?;
    }
    let milliseconds = format!("{}ms", args.timeout.as_millis());
    let distinct: BTreeSet<_> = args.targets.iter().filter_map(|target| host(target)).collect();
    let name = if distinct.len() == args.targets.len() {
        "{host}"
    } else {
        "{url}"
    };
    let mut http = Map::new();
    if let Some(file) = &args.ca_file {
        http.insert("tls_config".into(), json!({ "ca_file": file }));
    }
    let mut expect = Map::new();
    if !args.expect_status.is_empty() {
        expect.insert("status".into(), json!(args.expect_status));
    }
    if let Some(location) = &args.expect_location {
        expect.insert("location".into(), json!(location));
    }
    if !args.expect_dns.is_empty() {
        expect.insert("dns".into(), json!({ "target": args.expect_dns }));
    }
    let mut text = json!({
        "global": { "interval": "1d", "timeout": milliseconds },
        "modules": { "check": { "prober": "http", "http": http } },
        "groups": [{
            "name": "check",
            "module": "check",
            "hosts": args.targets,
            "endpoint_name": name,
            "expect": expect,
        }],
    });
    if !args.resolvers.is_empty() {
        text["resolver"] = json!({ "servers": args.resolvers });
    }
    if let Some(port) = args.authoritative_port {
        text["resolver"]["authoritative_port"] = json!(port);
    }
    let text = Value::to_string(&text);
    config::parse(
        Path::new("arguments"),
        text.as_bytes(),
        Files::directory(Path::new("")),
    )
    .map_err(|errors| {
        let said = errors.problems.iter().map(|problem| match &problem.hint {
            Some(hint) => format!("{} ({hint})", problem.what),
            None => problem.what.clone(),
        });
        said.collect::<Vec<_>>().join("\nlinkwatch: ")
    })
}

/// The host of a target as the name of its endpoint would show it.
fn host(target: &str) -> Option<String> {
    let url = if target.contains("://") {
        Url::parse(target)
    } else {
        Url::parse(&format!("https://{target}"))
    };
    let url = url.ok()?;
    Some(format!("{}:{:?}", url.host_str()?, url.port_or_known_default()))
}
