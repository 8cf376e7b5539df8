//! Endpoints from files, in the format of Prometheus' `file_sd_configs`.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs;
use tokio::io::AsyncReadExt;

use super::{Discovered, DiscoveryError, TargetGroup, flatten};

/// Bytes of one file at most.
const LARGEST: usize = 16 << 20;

/// Files that one pattern may match.
const MOST_FILES: usize = 1_000;

/// Which files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Paths; the last segment may hold `*`. Each ends in `.json`, `.yml` or `.yaml`.
    pub files: Vec<PathBuf>,
    /// How often they are looked at.
    pub interval: Duration,
}

/// Whether a path ends as one of the formats does.
#[must_use]
pub fn is_target_file(path: &Path) -> bool {
    format(path).is_some()
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Json,
    Yaml,
}

fn format(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "json" => Some(Format::Json),
        "yml" | "yaml" => Some(Format::Yaml),
        _ => None,
    }
}

/// The files at work, with the last good list of each.
#[derive(Debug)]
pub(super) struct Files {
    settings: Settings,
    known: BTreeMap<PathBuf, Known>,
}

/// A file as it was read last.
#[derive(Debug, Default)]
struct Known {
    /// To parse only what has changed: a time stamp misses a change within its grain.
    content: Vec<u8>,
    targets: Vec<Discovered>,
}

impl Files {
    pub(super) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            known: BTreeMap::new(),
        }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.settings.interval
    }

    /// The targets of all files, of a broken one those that it had when it was last good.
    pub(super) async fn refresh(&mut self) -> (Vec<Discovered>, Vec<DiscoveryError>) {
        let mut problems = Vec::new();
        let mut present = BTreeMap::new();
        for pattern in self.settings.files.clone() {
            match matching(&pattern).await {
                Ok(paths) => {
                    for path in paths {
                        let mut known = self
                            .known
                            .remove(&path)
                            .or_else(|| present.remove(&path))
                            .unwrap_or_default();
                        if let Err(problem) = update(&path, &mut known).await {
                            problems.push(problem);
                        }
                        present.insert(path, known);
                    }
                }
                Err(error) => {
                    problems.push(read_error(&pattern, error));
                    // A directory that cannot be listed has not lost its files.
                    let known = std::mem::take(&mut self.known);
                    let (here, elsewhere): (BTreeMap<_, _>, _) = known
                        .into_iter()
                        .partition(|(path, _)| path.parent() == pattern.parent());
                    present.extend(here);
                    self.known = elsewhere;
                }
            }
        }
        self.known = present;
        let targets = self
            .known
            .values()
            .flat_map(|known| known.targets.iter().cloned())
            .collect();
        (targets, problems)
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("file_sd")?;
        for path in &self.settings.files {
            write!(f, " {}", path.display())?;
        }
        Ok(())
    }
}

fn read_error(path: &Path, error: io::Error) -> DiscoveryError {
    DiscoveryError::Read {
        path: path.display().to_string(),
        error,
    }
}

/// The files that a path stands for, sorted; a path without `*` stands for itself.
async fn matching(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(name) = pattern
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| name.contains('*'))
    else {
        return Ok(vec![pattern.to_owned()]);
    };
    let directory = pattern.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut entries = fs::read_dir(directory.unwrap_or_else(|| Path::new("."))).await?;
    let mut paths = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let file = entry.file_name();
        // As a shell does, and ConfigMap volumes need: hidden entries only by name.
        if file
            .to_str()
            .is_some_and(|file| !file.starts_with('.') && glob(name, file))
        {
            paths.push(directory.map_or_else(|| PathBuf::from(&file), |directory| directory.join(&file)));
        }
    }
    paths.sort();
    paths.truncate(MOST_FILES);
    Ok(paths)
}

/// Whether `name` is what `pattern` stands for, where `*` stands for any run of characters.
fn glob(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Reads a file and, if it has changed, what stands in it; on a fault `known` keeps its targets.
async fn update(path: &Path, known: &mut Known) -> Result<(), DiscoveryError> {
    let content = read(path).await?;
    if content == known.content {
        return Ok(());
    }
    let broken = |error: String| DiscoveryError::Format {
        place: path.display().to_string(),
        error,
    };
    known.targets = parse(path, &content).map_err(broken)?;
    known.content = content;
    Ok(())
}

async fn read(path: &Path) -> Result<Vec<u8>, DiscoveryError> {
    let mut content = Vec::new();
    let file = fs::File::open(path)
        .await
        .map_err(|error| read_error(path, error))?;
    file.take(LARGEST as u64 + 1)
        .read_to_end(&mut content)
        .await
        .map_err(|error| read_error(path, error))?;
    if content.len() > LARGEST {
        return Err(DiscoveryError::TooLarge {
            place: path.display().to_string(),
            limit: LARGEST,
        });
    }
    Ok(content)
}

/// The targets of a file, by its ending. Never panics, whatever the content.
fn parse(path: &Path, content: &[u8]) -> Result<Vec<Discovered>, String> {
    let groups: Vec<TargetGroup> = match format(path) {
        Some(Format::Json) => serde_json::from_slice(content).map_err(|error| error.to_string())?,
        Some(Format::Yaml) => {
            // Long target files are normal.
            let options = serde_saphyr::options! {
                with_snippet: false,
                budget: serde_saphyr::budget! { max_nodes: 4_000_000, max_events: 8_000_000 },
            };
            serde_saphyr::from_slice_with_options(content, options).map_err(|error| error.to_string())?
        }
        None => return Err("the name must end in .json, .yml or .yaml".to_owned()),
    };
    Ok(flatten(groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name, matches) in [
            ("*.json", "a.json", true),
            ("*.json", ".json", true),
            ("*.json", "a.json.bak", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "abd", false),
            ("a*a", "a", false),
            ("*", "x", true),
        ] {
            assert_eq!(glob(pattern, name), matches, "{pattern} on {name}");
        }
    }
}
