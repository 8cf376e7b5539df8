//! From the mirror of the file to what the program uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::at::At;
use super::error::{Findings, Place, Problem, shown};
use super::files::Files;
use super::reader;
use super::{
    Config, Demand, Global, coverage, defaults, foresight, group, module, platform, raw, resolver, traffic,
    tree,
};
use crate::endpoint::{Confirm, ProberName};
use crate::probe::dns;
use crate::text::has_credentials;

/// One file being resolved: where its faults go, and where the files that it names come from.
pub(super) struct Resolving<'f> {
    pub(super) findings: &'f Findings,
    pub(super) files: &'f mut Files,
}

/// What groups refer to by name.
pub(super) struct Named {
    pub(super) modules: module::Collected,
    pub(super) platforms: platform::Declared,
    /// Streams of traffic.
    pub(super) streams: BTreeSet<String>,
}

fn streams(traffic: Option<&raw::traffic::Traffic>) -> BTreeSet<String> {
    let streams = traffic
        .iter()
        .flat_map(|traffic| traffic.streams.iter().flatten());
    let names = streams.filter_map(|stream| stream.value.name.as_ref());
    names.map(|name| name.value.clone()).collect()
}

/// Resolves a whole configuration, or tells everything that is wrong with it.
pub(super) fn resolve(name: &Path, text: &[u8], files: &mut Files) -> Result<Config, Vec<Problem>> {
    let findings = Findings::new(name);
    let Some(tree) = parse(text, &findings) else {
        return Err(findings.finish().0);
    };
    let as_blackbox = holds_only_modules(&tree);
    let is_blank = is_blank(&tree);
    let root: raw::Root = reader::read(&tree, &findings);
    let mut at = Resolving {
        findings: &findings,
        files,
    };
    let global = at.global(root.global.as_ref());
    let intermediates = root
        .global
        .as_ref()
        .and_then(|global| at.read_file(global.value.intermediates_file.as_ref()));
    let mut modules = module::Collected::beginning(as_blackbox, at.files);
    modules.declared(root.modules.unwrap_or_default(), &mut at);
    let mut elsewhere = modules.named(root.module_files.unwrap_or_default(), &mut at);
    let (platforms, declared) = platform::resolve_all(root.platforms.unwrap_or_default(), &mut at);
    let named = Named {
        modules,
        platforms: declared,
        streams: streams(root.traffic.as_ref()),
    };
    let groups = group::resolve_all(root.groups.unwrap_or_default(), &global, &named, &mut at);
    let resolver = root
        .resolver
        .map_or_else(dns::Settings::default, |raw| resolver::resolve(&raw, &mut at));
    let anchors = at.anchors(root.vantage.unwrap_or_default());

    let foresight = root.foresight.map(|raw| foresight::resolve(raw, &mut at));
    let coverage = root.coverage.map(|raw| coverage::resolve(raw, &mut at));
    let traffic = root.traffic.map(|raw| traffic::resolve(raw, &mut at));
    let demand = Demand::resolve(root.probe.as_ref(), as_blackbox, &findings);

    let (mut problems, mut warnings) = findings.finish();
    problems.append(&mut elsewhere.faults);
    warnings.append(&mut elsewhere.warnings);
    if !problems.is_empty() {
        return Err(problems);
    }
    let (modules, shown_modules) = named.modules.finish();
    Ok(Config {
        global,
        groups,
        modules,
        resolver,
        anchors,
        platforms,
        foresight: foresight.unwrap_or_default(),
        coverage,
        demand,
        as_blackbox,
        is_blank,
        traffic: traffic.map(Arc::new),
        intermediates,
        warnings,
        sources: super::Sources::default(),
        shown_modules,
    })
}

/// Whether a file is one of `blackbox_exporter`.
fn holds_only_modules(tree: &tree::Node) -> bool {
    match &tree.value {
        tree::Value::Mapping(entries) => {
            entries.len() == 1 && entries.iter().all(|(key, _)| key.text == "modules")
        }
        tree::Value::Null | tree::Value::Scalar(_) | tree::Value::List(_) => false,
    }
}

/// Whether a file has no contents, or keys without any.
fn is_blank(tree: &tree::Node) -> bool {
    match &tree.value {
        tree::Value::Null => true,
        tree::Value::Mapping(entries) => entries
            .iter()
            .all(|(_, value)| matches!(value.value, tree::Value::Null)),
        tree::Value::Scalar(_) | tree::Value::List(_) => false,
    }
}

/// The tree of a text; what stands in its way is noted.
pub(super) fn parse(text: &[u8], findings: &Findings) -> Option<tree::Node> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let good = String::from_utf8_lossy(&text[..error.valid_up_to()]);
            let line = good.matches('\n').count() + 1;
            let place = Place {
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: 1,
            };
            findings.fault_with_hint(place, "this line is not UTF-8", "save the file as UTF-8");
            return None;
        }
    };
    tree::parse(text)
        .map_err(|error| findings.fault(error.place, error.what))
        .ok()
}

impl Resolving<'_> {
    fn global(&self, raw: Option<&At<raw::Global>>) -> Global {
        let confirm = Confirm {
            attempts: defaults::CONFIRM_ATTEMPTS,
            pause: defaults::CONFIRM_PAUSE,
        };
        let Some(At { place, value: raw }) = raw else {
            return Global {
                interval: defaults::INTERVAL,
                timeout: defaults::TIMEOUT,
                confirm,
            };
        };
        let fallback = group::Pace {
            interval: defaults::INTERVAL,
            timeout: defaults::TIMEOUT,
        };
        let pace = group::pace(*place, raw.interval, raw.timeout, fallback, self.findings);
        Global {
            interval: pace.interval,
            timeout: pace.timeout,
            confirm: group::confirm(raw.confirm.as_ref(), confirm, self.findings),
        }
    }

    fn anchors(&self, raw: raw::Vantage) -> Vec<Url> {
        let Some(At { place, value: list }) = raw.anchors else {
            return Vec::new();
        };
        let given = list.len();
        let mut hosts: BTreeMap<String, Place> = BTreeMap::new();
        let mut anchors = Vec::new();
        for anchor in list {
            let Some(url) = self.web_url(&anchor) else {
                continue;
            };
            let host = url.host_str().unwrap_or_default().to_owned();
            if let Some(first) = hosts.insert(host, anchor.place) {
                let what = format!(
                    "this anchor has the same host as the one at {}",
                    self.findings.spot(first)
                );
                let hint = "anchors must be independent: if one fails, the other must not";
                self.findings.fault_with_hint(anchor.place, what, hint);
            }
            anchors.push(url);
        }
        if given == 1 && !self.findings.was_refused(place, "") {
            self.findings.fault_with_hint(
                place,
                "one anchor is not enough",
                "name two or more independent places: when a single one fails, nobody can tell whose fault it is",
            );
        }
        anchors
    }

    /// A URL of the web, without credentials.
    pub(super) fn web_url(&self, text: &At<String>) -> Option<Url> {
        self.url(text, ProberName::Http.schemes())
    }

    /// A URL of one of some schemes, or a fault.
    pub(super) fn url(&self, text: &At<String>, schemes: &[&str]) -> Option<Url> {
        let fault = |what: String, hint: &str| {
            self.findings.fault_with_hint(text.place, what, hint);
            None
        };
        let url = match Url::parse(&text.value) {
            Ok(url) => url,
            Err(error) => {
                let what = format!("{} is not a URL: {error}", shown(&text.value));
                return fault(what, "write it with its scheme, as in https://example.com/");
            }
        };
        if has_credentials(&url) {
            return fault("a URL must not carry credentials".to_owned(), "use basic_auth");
        }
        if !schemes.contains(&url.scheme()) {
            let what = format!("the scheme \"{}\" cannot be used here", url.scheme());
            return match schemes {
                [only] => fault(what, &format!("only {only} can")),
                several => fault(what, &format!("only {} can", several.join(" and "))),
            };
        }
        Some(url)
    }

    /// The content of a file that the configuration names, or a fault with its path.
    pub(super) fn read_file(&mut self, name: Option<&At<String>>) -> Option<Vec<u8>> {
        let name = name?;
        let path = self.files.locate(&name.value);
        match self.files.read(&path) {
            Ok(content) => Some(content),
            Err(error) => {
                let what = format!("cannot read {}: {error}", path.display());
                self.findings.fault(name.place, what);
                None
            }
        }
    }

    /// The text in a file, without the line break at its end.
    pub(super) fn read_text(&mut self, name: &At<String>) -> Option<String> {
        let content = self.read_file(Some(name))?;
        let text = String::from_utf8(content).ok();
        if text.is_none() {
            self.findings.fault(name.place, "the file is not UTF-8");
        }
        text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
