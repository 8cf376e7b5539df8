//! `linkwatch config`: looks at a configuration without running it.

use std::path::{Path, PathBuf};

use super::{ConfigCommand, Exit, complain, warn};
use crate::config::{self, Config, Files, Source};

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
        ConfigCommand::FromBlackbox { blackbox, prometheus } => from_blackbox(blackbox, prometheus),
        ConfigCommand::Schema => {
            anstream::println!("{:#}", config::schema());
            Exit::Fine
        }
    }
}

/// Prints a configuration made of an existing set-up; what could not be carried over is said there and counted here.
fn from_blackbox(blackbox: &Path, others: &[PathBuf]) -> Exit {
    let read = |path: &Path| {
        let text = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Source {
            path: path.to_owned(),
            text,
        })
    };
    let sources = read(blackbox).and_then(|blackbox| {
        let others: Result<Vec<Source>, String> = others.iter().map(|path| read(path)).collect();
        Ok((blackbox, others?))
    });
    let carried = sources.and_then(|(blackbox, others)| {
        config::carry(&blackbox, &others).map_err(|errors| errors.to_string())
    });
    let carried = match carried {
        Ok(carried) => carried,
        Err(reason) => return complain(&reason),
    };
    anstream::print!("{}", carried.text);
    if !carried.notes.is_empty() {
        let count = carried.notes.len();
        warn(&format!(
            "not carried over, as comments at the head tell: {count}"
        ));
    }
    // Relative paths start where the output was begun.
    let checked = config::parse(
        Path::new("the output"),
        carried.text.as_bytes(),
        Files::directory(Path::new("")),
    );
    match checked {
        Ok(_) => Exit::Fine,
        Err(errors) => complain(&format!("the output is no valid configuration yet:\n{errors}")),
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
