//! Endpoints of a configuration by name.

use std::path::Path;

use url::Url;

use super::Target;
use crate::config::did_you_mean;

/// Those that the names stand for, in the order of the configuration. A name is that of an endpoint, its URL, or a host,
/// which may be that of several.
pub(super) fn chosen(targets: Vec<Target>, names: &[String], file: &Path) -> Result<Vec<Target>, String> {
    for name in names {
        if !targets.iter().any(|target| is_meant(target, name)) {
            let known = targets.iter().map(|(endpoint, _)| endpoint.name.as_str());
            return Err(unknown("endpoint", name, file, known));
        }
    }
    let mut chosen = targets;
    chosen.retain(|target| names.iter().any(|name| is_meant(target, name)));
    Ok(chosen)
}

fn is_meant((endpoint, _): &Target, name: &str) -> bool {
    endpoint.name.as_str() == name
        || endpoint.host == name
        || Url::parse(name).is_ok_and(|url| url == endpoint.url)
}

/// What is said of a name that the configuration does not have.
pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    file: &Path,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let hint = match (did_you_mean(name, known), what) {
        (Some(hint), _) => format!("; {hint}"),
        (None, "endpoint") => {
            "; what it does not watch is asked with --module, or without --config.file".to_owned()
        }
        (None, _) => String::new(),
    };
    format!("{} has no {what} {name:?}{hint}", file.display())
}
