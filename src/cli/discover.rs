//! `linkwatch discover`: the public hosts that nobody watches, as a group that can be put into the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use tokio::task::JoinSet;

use super::{Exit, complain, warn};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::coverage::source::Settings;
use crate::coverage::{group, host, unwatched};
use crate::platform::{self, Adapter, PlatformError};

/// What `discover` can be told.
#[derive(Debug, Args)]
pub(super) struct DiscoverArgs {
    /// What is watched, and whom to ask: `coverage` and `platforms`.
    #[arg(long = "config.file", default_value = "linkwatch.yml", value_name = "FILE")]
    config_file: PathBuf,
}

/// A list of hosts, or why there is none.
type Listed = (String, Result<BTreeSet<String>, String>);

/// Asks every source once.
pub(super) fn run(args: &DiscoverArgs) -> Exit {
    let config = match config::load(&args.config_file) {
        Ok(config) => config,
        Err(errors) => return complain(&errors.to_string()),
    };
    if config.coverage.is_none() && config.platforms.is_empty() {
        return complain(
            "the configuration names nobody who could tell of hosts: add \"coverage\" or \"platforms\"",
        );
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    let mut lists = runtime.block_on(ask(&config));
    lists.sort_by(|one, other| one.0.cmp(&other.0));
    print(&config, lists)
}

async fn ask(config: &Config) -> Vec<Listed> {
    let mut asking: JoinSet<Listed> = JoinSet::new();
    for source in config.coverage.iter().flat_map(|plan| plan.sources.clone()) {
        asking.spawn(async move {
            let list = Settings::ask(&source).await;
            (source.name, list.map_err(|error| error.to_string()))
        });
    }
    for settings in config.platforms.clone() {
        asking.spawn(async move {
            let list = domains(&settings).await;
            (settings.name.to_string(), list.map_err(|error| error.to_string()))
        });
    }
    asking.join_all().await
}

async fn domains(settings: &platform::Settings) -> Result<BTreeSet<String>, PlatformError> {
    let domains = Adapter::new(settings)?.domains(SystemClock.now()).await?;
    Ok(domains.iter().filter_map(|domain| host(&domain.host)).collect())
}

/// Prints each host once, under the first source that tells of it.
fn print(config: &Config, lists: Vec<Listed>) -> Exit {
    let endpoints = config.groups.iter().flat_map(|plan| &plan.endpoints);
    let mut watched: BTreeSet<String> = endpoints.filter_map(|endpoint| host(&endpoint.host)).collect();
    let ignored = config.coverage.as_ref().map(|plan| plan.ignored.as_slice());
    let (mut groups, mut failed) = (String::new(), false);
    for (source, list) in lists {
        match list {
            Ok(known) => {
                let missing = unwatched(&known, &watched, ignored.unwrap_or_default());
                let (all, left) = (known.len(), missing.len());
                warn(&format!(
                    "{source}: {all} hosts, {left} of them new and unwatched"
                ));
                if !missing.is_empty() {
                    groups.push_str(&group(&source, &missing));
                }
                watched.extend(missing);
            }
            Err(error) => {
                failed = true;
                warn(&format!("{source}: {error}"));
            }
        }
    }
    if !groups.is_empty() {
        anstream::print!("groups:\n{groups}");
    }
    match (failed, groups.is_empty()) {
        (true, _) => Exit::Unknown,
        (false, true) => Exit::Fine,
        (false, false) => Exit::Cause,
    }
}
