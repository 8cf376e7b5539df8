//! What a check is to probe: targets that are named by hand, or what a configuration watches.

use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::super::{CheckArgs, warn};
use crate::app;
use crate::clock::SystemClock;
use crate::config::{self, Config};
use crate::discovery::{self, Discovered, Feed, GroupPlan, Source};
use crate::endpoint::Endpoint;
use crate::platform;
use crate::probe::{Module, Prober};

mod asked;
mod by_module;
mod named;

pub(in crate::cli) use asked::{Asked, Ways, of_targets};

/// What is to be probed, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) targets: Vec<Target>,
    pub(super) anchors: Vec<Url>,
    /// Those that say where one of the targets must lead.
    pub(super) platforms: Vec<platform::Settings>,
    pub(super) anchor_module: Arc<Module>,
    pub(super) prober: Prober,
}

/// An endpoint, and how it is asked.
pub(super) type Target = (Arc<Endpoint>, Arc<Module>);

impl Plan {
    /// Reads the arguments, and where the configuration says so asks who else is watched; what is wrong is the error.
    pub(super) async fn of(args: &CheckArgs) -> Result<Self, String> {
        let Some(file) = &args.config_file else {
            let config = of_targets(&Asked::of(args))?;
            let groups: Vec<_> = config.groups.iter().map(|plan| (plan, Vec::new())).collect();
            let targets = watched(&config, &groups);
            return Self::with(config, targets);
        };
        let config = config::load(file).map_err(|errors| errors.to_string())?;
        let targets = match &args.module {
            Some(module) => by_module::targets(&config, file, module, &args.targets)?,
            None => of_catalogue(&config, file, args).await?,
        };
        Self::with(config, targets)
    }

    fn with(config: Config, targets: Vec<Target>) -> Result<Self, String> {
        if targets.is_empty() {
            return Err("there is nothing to check: no endpoint is watched".to_owned());
        }
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

/// What the configuration watches, as far as the arguments ask for it.
async fn of_catalogue(config: &Config, file: &Path, args: &CheckArgs) -> Result<Vec<Target>, String> {
    let wanted = args.group.as_deref();
    let named = |plan: &&GroupPlan| wanted.is_none_or(|wanted| wanted == plan.group.name.as_str());
    let groups: Vec<&GroupPlan> = config.groups.iter().filter(named).collect();
    if let (Some(wanted), []) = (wanted, &groups[..]) {
        let known = config.groups.iter().map(|plan| plan.group.name.as_str());
        return Err(named::unknown("group", wanted, file, known));
    }
    let mut known = Vec::with_capacity(groups.len());
    for plan in groups {
        known.push((plan, discovered(plan).await));
    }
    let targets = watched(config, &known);
    if args.targets.is_empty() {
        return Ok(targets);
    }
    named::chosen(targets, &args.targets, file)
}

/// The endpoints of the groups, those that their sources have told of behind those that the configuration names.
fn watched(config: &Config, groups: &[(&GroupPlan, Vec<Discovered>)]) -> Vec<Target> {
    let plans = groups.iter().map(|(plan, found)| (*plan, found.as_slice()));
    let (endpoints, rejected) = discovery::catalogue(plans);
    for rejected in rejected {
        warn(&format!(
            "{:?} is not checked: {}",
            rejected.target, rejected.reason
        ));
    }
    let endpoints = endpoints.into_iter();
    let with_module = |endpoint: Arc<Endpoint>| {
        let module = config.modules.get(&endpoint.group.module)?;
        Some((endpoint, Arc::clone(module)))
    };
    endpoints.filter_map(with_module).collect()
}

/// What the sources of a group tell of, each asked once; of those that cannot be asked, that is said.
async fn discovered(plan: &GroupPlan) -> Vec<Discovered> {
    let group = &plan.group.name;
    let mut found = Vec::new();
    for settings in &plan.sources {
        match Source::new(settings.clone()) {
            Ok(mut source) => {
                let refreshed = source.refresh().await;
                for problem in refreshed.problems {
                    warn(&format!("hosts of group {group} are missing: {problem}"));
                }
                found.extend_from_slice(source.targets());
            }
            Err(error) => warn(&format!("hosts of group {group} are missing: {error}")),
        }
    }
    for feed in &plan.feeds {
        let teller = match feed {
            Feed::Platform(name) => format!("platform {name}"),
            Feed::Traffic(stream) => format!("stream {stream}"),
        };
        warn(&format!(
            "the hosts that {teller} tells group {group} of are not checked: only a running server learns of them"
        ));
    }
    found
}
