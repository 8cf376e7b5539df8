//! `linkwatch config`: looks at a configuration without running it.

use std::path::Path;

use super::{ConfigCommand, Exit};
use crate::config::{self, Config};

/// Does what the arguments say.
pub(super) fn run(command: &ConfigCommand) -> Exit {
    match command {
        ConfigCommand::Check {
            web_config_file: Some(file),
            ..
        } => check_web(file),
        ConfigCommand::Check { config_file, .. } => loaded(config_file).map_or(Exit::Usage, |config| {
            let endpoints: usize = config.groups.iter().map(|plan| plan.endpoints.len()).sum();
            for warning in &config.warnings {
                anstream::println!("warning: {warning}");
            }
            anstream::println!(
                "{}: valid, {} groups, {endpoints} endpoints",
                config_file.display(),
                config.groups.len()
            );
            Exit::Fine
        }),
        ConfigCommand::Show { config_file } => loaded(config_file).map_or(Exit::Usage, |config| {
            anstream::print!("{}", config::show(&config));
            Exit::Fine
        }),
        ConfigCommand::Schema => {
            anstream::println!("{:#}", config::schema());
            Exit::Fine
        }
    }
}

/// Reports everything that is wrong with a file of the web side.
fn check_web(file: &Path) -> Exit {
    let loaded = config::load_web(file).inspect_err(|errors| anstream::eprintln!("{errors}"));
    loaded.map_or(Exit::Usage, |config| {
        for warning in &config.warnings {
            anstream::println!("warning: {warning}");
        }
        anstream::println!("{}: valid, {}", file.display(), config.access);
        Exit::Fine
    })
}

/// Loads a configuration, or tells everything that is wrong with it.
fn loaded(file: &Path) -> Option<Config> {
    config::load(file)
        .inspect_err(|errors| anstream::eprintln!("{errors}"))
        .ok()
}
