//! From an existing set-up to a catalogue: the modules of `blackbox_exporter`, and the targets that Prometheus (or its
//! operator) has it probe, as a `linkwatch.yml`. What cannot be carried over is said, with its place.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::error::{ConfigErrors, Findings, Place, Problem, shown};
use super::files::Files;
use super::tree::{Node, Value};
use super::{resolve, value::Lasting};
use crate::endpoint::ProberName;
use crate::text::has_credentials;

mod job;
mod operator;
mod relabel;

/// A file that is carried over.
#[derive(Debug)]
pub struct Source {
    /// As the user named it.
    pub path: PathBuf,
    /// What is in it.
    pub text: Vec<u8>,
}

/// What became of a set-up.
#[derive(Debug)]
pub struct Carried {
    /// A `linkwatch.yml`.
    pub text: String,
    /// Groups in it.
    pub groups: usize,
    /// What could not be carried over; it stands in the text, too.
    pub notes: Vec<Problem>,
}

/// One group of the catalogue.
#[derive(Debug, Default)]
struct Group {
    name: String,
    module: String,
    /// Whole URLs.
    hosts: Vec<String>,
    /// Lines of YAML, each an item.
    discover: Vec<String>,
    /// What a discovered host becomes.
    url: Option<String>,
    labels: Vec<(String, String)>,
    interval: Option<Lasting>,
    timeout: Option<Lasting>,
}

/// Turns a set-up into a catalogue; fails where a file is not YAML.
pub fn carry(blackbox: &Source, others: &[Source]) -> Result<Carried, ConfigErrors> {
    let mut modules = Modules::default();
    let mut problems = Vec::new();
    let findings = Findings::new(&blackbox.path);
    if let Some(tree) = resolve::parse(&blackbox.text, &findings) {
        modules.read(&tree);
    }
    problems.extend(findings.finish().0);
    let (mut groups, mut notes) = (Vec::new(), Vec::new());
    for source in others {
        let findings = Findings::new(&source.path);
        if let Some(tree) = resolve::parse(&source.text, &findings) {
            let mut carrier = Carrier {
                findings: &findings,
                modules: &modules,
                beside: source.path.parent().unwrap_or_else(|| Path::new("")),
                groups: &mut groups,
            };
            if tree.get("kind").is_some() {
                carrier.resources(&tree);
            } else {
                carrier.jobs(&tree);
            }
        }
        let (faults, warnings) = findings.finish();
        problems.extend(faults);
        notes.extend(warnings);
    }
    if !problems.is_empty() {
        let sources = Files::memory([]).sources();
        return Err(ConfigErrors { problems, sources });
    }
    Ok(Carried {
        text: text(&blackbox.path, &groups, &notes),
        groups: groups.len(),
        notes,
    })
}

/// The modules of a file, by name, with what they speak.
#[derive(Debug, Default)]
struct Modules(Vec<(String, String)>);

impl Modules {
    fn read(&mut self, tree: &Node) {
        for (name, module) in tree.get("modules").map(Node::entries).unwrap_or_default() {
            let prober = module.get("prober").and_then(Node::text).unwrap_or_default();
            self.0.push((name.to_owned(), prober.to_owned()));
        }
    }

    /// What a module speaks, by the name of the prober.
    fn prober(&self, module: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == module);
        found.map(|(_, prober)| prober.as_str())
    }
}

/// Carries the content of one file.
struct Carrier<'c> {
    findings: &'c Findings,
    modules: &'c Modules,
    /// Where relative paths start.
    beside: &'c Path,
    groups: &'c mut Vec<Group>,
}

impl Carrier<'_> {
    fn note(&self, place: Place, what: impl Into<String>, hint: impl Into<String>) {
        self.findings.warn(place, what, hint);
    }

    /// The scheme of what a module is asked for; `None`, with a note, where it cannot be in a catalogue.
    fn scheme(&self, place: Place, module: &str) -> Option<&'static str> {
        let Some(prober) = self.modules.prober(module) else {
            let what = format!("there is no module {}: its targets are left out", shown(module));
            self.note(place, what, "declare it, or name the file in which it is");
            return None;
        };
        let known = ProberName::ALL.into_iter().find(|known| known.as_str() == prober);
        match known {
            // What blackbox_exporter takes a target without a scheme for.
            Some(ProberName::Http) => Some("http"),
            Some(other) => other.schemes().first().copied(),
            None => {
                let what = format!("targets of the prober {} are left out", shown(prober));
                self.note(place, what, "probe them by /probe as before");
                None
            }
        }
    }

    /// Adds a group, unless it would watch nothing.
    fn add(&mut self, group: Group) {
        if !group.hosts.is_empty() || !group.discover.is_empty() {
            let taken = |name: &str| self.groups.iter().any(|other| other.name == name);
            let mut name = group.name.clone();
            let mut number = 1;
            while taken(&name) {
                number += 1;
                name = format!("{}-{number}", group.name);
            }
            self.groups.push(Group { name, ..group });
        }
    }

    /// A target as a URL; `None`, with a note, where a catalogue cannot have it.
    fn url(&self, place: Place, scheme: &str, target: &str) -> Option<String> {
        let whole = if target.contains("://") {
            target.to_owned()
        } else {
            format!("{scheme}://{target}")
        };
        let parsed = url::Url::parse(&whole).ok();
        let refuse = |what: &str, hint: &str| {
            self.note(place, what, hint);
            None
        };
        match parsed {
            None => refuse(
                "a target that is no URL is left out",
                "write it as https://host/path",
            ),
            Some(url) if has_credentials(&url) => refuse(
                "a target with credentials is left out",
                "put them into its module as basic_auth",
            ),
            Some(_) if whole.contains(['{', '}']) => refuse(
                "a target with braces is left out",
                "they stand for ranges and lists in linkwatch",
            ),
            Some(_) => Some(whole),
        }
    }
}

/// Reading a tree whose shape is somebody else's.
impl Node {
    fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .into_iter()
            .find_map(|(name, node)| (name == key).then_some(node))
    }

    fn entries(&self) -> Vec<(&str, &Self)> {
        match &self.value {
            Value::Mapping(entries) => entries
                .iter()
                .map(|(key, node)| (key.text.as_str(), node))
                .collect(),
            Value::Null | Value::Scalar(_) | Value::List(_) => Vec::new(),
        }
    }

    fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Scalar(_) | Value::Mapping(_) => &[],
        }
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Null | Value::List(_) | Value::Mapping(_) => None,
        }
    }

    fn lasting(&self) -> Option<Lasting> {
        Lasting::parse(self.text()?).ok()
    }
}

/// The file: notes first, then the modules, then the groups.
fn text(blackbox: &Path, groups: &[Group], notes: &[Problem]) -> String {
    let mut text = String::from("# Made of an existing set-up by `linkwatch config from-blackbox`.\n");
    if !notes.is_empty() {
        text.push_str("#\n# Not carried over:\n");
        for note in notes {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# - {}", note.to_string().replace('\n', " "));
        }
    }
    let _ = writeln!(text, "module_files: [{}]\n", quoted(&blackbox.to_string_lossy()));
    if groups.is_empty() {
        text.push_str("groups: []\n");
        return text;
    }
    text.push_str("groups:\n");
    let urls = groups.iter().flat_map(|group| &group.hosts);
    let unique = urls.clone().collect::<BTreeSet<_>>().len() == urls.count();
    let discovers = groups.iter().any(|group| !group.discover.is_empty());
    for group in groups {
        // Names of endpoints are unique over all groups; discovered ones are not known here.
        let name = if unique && (!discovers || groups.len() == 1) {
            "{url}".to_owned()
        } else {
            format!("{}: {{url}}", group.name)
        };
        write_group(&mut text, group, &name);
    }
    text
}

fn write_group(text: &mut String, group: &Group, endpoint_name: &str) {
    let _ = writeln!(text, "  - name: {}", quoted(&group.name));
    let _ = writeln!(text, "    module: {}", quoted(&group.module));
    let _ = writeln!(text, "    endpoint_name: {}", quoted(endpoint_name));
    for (key, value) in [("interval", group.interval), ("timeout", group.timeout)] {
        if let Some(value) = value {
            let _ = writeln!(text, "    {key}: {value}");
        }
    }
    if let Some(url) = group.url.as_ref().filter(|_| !group.discover.is_empty()) {
        let _ = writeln!(text, "    url: {}", quoted(url));
    }
    if !group.hosts.is_empty() {
        text.push_str("    hosts:\n");
        for host in &group.hosts {
            let _ = writeln!(text, "      - {}", quoted(host));
        }
    }
    if !group.discover.is_empty() {
        text.push_str("    discover:\n");
        for source in &group.discover {
            let _ = writeln!(text, "      - {source}");
        }
    }
    if !group.labels.is_empty() {
        text.push_str("    labels:\n");
        for (name, value) in &group.labels {
            let _ = writeln!(text, "      {name}: {}", quoted(value));
        }
    }
}

/// A text as YAML takes it whatever is in it: as JSON writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
