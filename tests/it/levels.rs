//! The shape of the source: who may import whom, and who alone may do what. `docs/ARCHITECTURE.md` gives the reasons.

#![expect(clippy::unwrap_used, reason = "what helps a test fails as the test does")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Every module and its level: it imports from its own level or a lower one. A file belongs to the longest entry that
/// its path begins with.
const LEVELS: &[(&str, u8)] = &[
    // The vocabulary.
    ("build_info", 0),
    ("cause", 0),
    ("clock", 0),
    ("endpoint", 0),
    ("outcome", 0),
    ("outlook", 0),
    ("text", 0),
    // Rules: values in, values out.
    ("alert", 1),
    ("certificate", 1),
    ("coverage", 1),
    ("dashboard", 1),
    ("diagnosis", 1),
    ("incident", 1),
    ("observation", 1),
    ("schedule", 1),
    ("traffic", 1),
    // The edges to the network.
    ("discovery", 2),
    ("coverage::cloudflare", 2),
    ("coverage::source", 2),
    ("coverage::transfer", 2),
    ("coverage::transparency", 2),
    ("coverage::zone", 2),
    ("fetch", 2),
    ("foresight", 2),
    ("platform", 2),
    ("probe", 2),
    ("traffic::bucket", 2),
    ("traffic::plan", 2),
    ("traffic::source", 2),
    ("traffic::stream", 2),
    // What is known, and what shows it.
    ("state", 3),
    ("metrics", 4),
    ("web", 4),
    // What makes it known.
    ("record", 5),
    ("schedule::runner", 5),
    ("vantage", 5),
    ("coverage::watch", 5),
    ("foresight::watch", 5),
    ("platform::watch", 5),
    ("traffic::watch", 5),
    // What is built, and who builds it.
    ("config", 6),
    ("app", 7),
    ("cli", 7),
    ("telemetry", 7),
];

/// What shows the state must not reach the network by itself.
const NEVER: &[(&str, &str)] = &[
    ("metrics", "probe"),
    ("metrics", "discovery"),
    ("web", "probe"),
    ("web", "discovery"),
];

/// A source file, without its unit tests and its comments.
struct Source {
    /// Below `src`.
    path: PathBuf,
    /// `schedule::runner`.
    module: String,
    lines: Vec<String>,
}

impl Source {
    fn named(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn belongs_to(&self, module: &str) -> bool {
        self.module == module || self.module.starts_with(&format!("{module}::"))
    }

    /// Everything after `crate::`, imports in braces taken apart.
    fn imports(&self) -> Vec<String> {
        let text = self.lines.concat();
        text.match_indices("crate::")
            .filter(|(at, _)| {
                !text[..*at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
            })
            .flat_map(|(at, found)| heads(&text[at + found.len()..]))
            .collect()
    }
}

/// The paths at the start of a text: one, or all those in braces.
fn heads(text: &str) -> Vec<String> {
    let Some(list) = text.strip_prefix('{') else {
        let path: String = text
            .chars()
            .take_while(|character| character.is_alphanumeric() || matches!(character, '_' | ':'))
            .collect();
        return if path.is_empty() { Vec::new() } else { vec![path] };
    };
    let (mut depth, mut entry, mut entries) = (0, String::new(), Vec::new());
    for character in list.chars() {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => {
                entries.push(std::mem::take(&mut entry));
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        entry.push(character);
    }
    entries.push(entry);
    entries.iter().flat_map(|entry| heads(entry.trim())).collect()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut directories, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_owned();
                let module = path.with_extension("").to_string_lossy().replace('/', "::");
                let lines = text
                    .lines()
                    .take_while(|line| !line.starts_with("#[cfg(test)]"))
                    .map(|line| {
                        if line.trim_start().starts_with("//") {
                            "\n".to_owned()
                        } else {
                            format!("{line}\n")
                        }
                    })
                    .collect();
                sources.push(Source { path, module, lines });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(
        sources.len() > 50,
        "the scanner has found only {} files",
        sources.len()
    );
    sources
}

/// The level of a path such as `schedule::runner::Deployment`; `None` where the table does not know it.
fn level(path: &str) -> Option<u8> {
    LEVELS
        .iter()
        .filter(|(module, _)| path == *module || path.starts_with(&format!("{module}::")))
        .max_by_key(|(module, _)| module.len())
        .map(|(_, level)| *level)
}

/// All lines of the files outside `exempt` in which `holds`, as a list to read.
fn found(sources: &[Source], exempt: &[&str], holds: impl Fn(&str) -> bool) -> String {
    let mut list = String::new();
    for source in sources
        .iter()
        .filter(|source| !exempt.iter().any(|module| source.belongs_to(module)))
    {
        for (number, line) in source.lines.iter().enumerate().filter(|(_, line)| holds(line)) {
            writeln!(list, "src/{}:{}: {}", source.named(), number + 1, line.trim()).unwrap();
        }
    }
    list
}

#[test]
fn a_module_imports_only_from_its_own_level_and_lower_ones() {
    let mut wrong = String::new();
    for source in sources()
        .iter()
        .filter(|source| !matches!(source.module.as_str(), "lib" | "main"))
    {
        let Some(own) = level(&source.module) else {
            writeln!(wrong, "src/{} stands in no level", source.named()).unwrap();
            continue;
        };
        for import in source.imports() {
            match level(&import) {
                Some(other) if other <= own => {}
                Some(other) => {
                    writeln!(
                        wrong,
                        "src/{} (level {own}) imports crate::{import} (level {other})",
                        source.named()
                    )
                    .unwrap();
                }
                None => writeln!(
                    wrong,
                    "src/{} imports crate::{import}, which stands in no level",
                    source.named()
                )
                .unwrap(),
            }
            for (module, forbidden) in NEVER {
                if source.belongs_to(module)
                    && (import == *forbidden || import.starts_with(&format!("{forbidden}::")))
                {
                    writeln!(wrong, "src/{} imports crate::{import}", source.named()).unwrap();
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports against the levels of tests/it/levels.rs:\n{wrong}"
    );
}

#[test]
fn the_scanner_sees_imports_in_braces_and_in_the_middle_of_code() {
    let source = Source {
        path: PathBuf::new(),
        module: String::new(),
        lines: vec![
            "use crate::{probe::{self, tls}, web};\n".to_owned(),
            "let at = crate::state::store::Store::open(path);\n".to_owned(),
            "use other_crate::metrics;\n".to_owned(),
        ],
    };
    assert_eq!(source.imports(), ["probe::", "web", "state::store::Store::open"]);
}

#[test]
fn rules_and_vocabulary_know_no_runtime() {
    let high: Vec<&str> = LEVELS
        .iter()
        .filter(|(_, level)| *level > 1)
        .map(|(module, _)| *module)
        .chain(["lib", "main"])
        .collect();
    let wrong = found(&sources(), &high, |line| line.contains("tokio"));
    assert!(wrong.is_empty(), "tokio in level 0 or 1:\n{wrong}");
}

#[test]
fn only_record_writes_what_is_known() {
    let writes = |line: &str| {
        line.contains(".publish(")
            || line.contains("state.replace(")
            || line.contains("own.update(")
            || line.contains(".change_traffic(")
    };
    let wrong = found(&sources(), &["record", "state"], writes);
    assert!(wrong.is_empty(), "state is written outside of record:\n{wrong}");
}

#[test]
fn only_metrics_names_metrics() {
    // The rules and the texts of alerts ask for metrics by name, and so do dashboards: they are held to the catalogue by
    // promtool's tests and by `dashboards.rs`.
    let names = |line: &str| {
        line.contains("\"linkwatch_") || line.contains("\"probe_") || line.contains(" linkwatch_")
    };
    let wrong = found(&sources(), &["metrics", "alert", "dashboard"], names);
    assert!(wrong.is_empty(), "metrics are named outside of metrics:\n{wrong}");
}

#[test]
fn a_file_fits_four_hundred_lines() {
    let mut wrong = String::new();
    for source in sources() {
        let lines = source.lines.len();
        if lines > 400 {
            writeln!(wrong, "src/{}: {lines} lines", source.named()).unwrap();
        }
    }
    assert!(
        wrong.is_empty(),
        "files over 400 lines before their tests:\n{wrong}"
    );
}
