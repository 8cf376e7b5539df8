//! Scrape jobs of a `prometheus.yml`: those that go through `/probe`.

use std::path::Path;
use std::time::Duration;

use super::super::defaults;
use super::super::error::shown;
use super::super::tree::Node;
use super::super::value::Lasting;
use super::relabel::Relabelling;
use super::{Carrier, Group, quoted};
use crate::discovery::label;

/// How often Prometheus scrapes where nothing says so.
const SCRAPE_INTERVAL: Lasting = Lasting(Duration::from_secs(60));

/// What all groups of a job share.
struct Job<'j> {
    node: &'j Node,
    name: String,
    relabelling: Relabelling,
    interval: Option<Lasting>,
    timeout: Option<Lasting>,
}

impl Carrier<'_> {
    pub(super) fn jobs(&mut self, tree: &Node) {
        let global = tree.get("global");
        for node in tree.get("scrape_configs").map(Node::items).unwrap_or_default() {
            let path = node
                .get("metrics_path")
                .and_then(Node::text)
                .unwrap_or("/metrics");
            if path.trim_end_matches('/').ends_with("/probe") {
                self.job(node, global);
            }
        }
        if let Some(files) = tree.get("scrape_config_files") {
            let hint = "name each of them as a further argument";
            self.note(files.place, "files of further jobs are not read", hint);
        }
    }

    fn job(&mut self, node: &Node, global: Option<&Node>) {
        let rules = node.get("relabel_configs").map(Node::items).unwrap_or_default();
        let setting = |key| node.get(key).or_else(|| global?.get(key)).and_then(Node::lasting);
        let interval = setting("scrape_interval").unwrap_or(SCRAPE_INTERVAL);
        // Prometheus' own timeout is never longer than the interval either.
        let timeout = setting("scrape_timeout").filter(|timeout| *timeout <= interval);
        let timeout = timeout.or_else(|| (interval.0 < defaults::TIMEOUT).then_some(interval));
        let job = Job {
            node,
            name: node
                .get("job_name")
                .and_then(Node::text)
                .unwrap_or("probe")
                .to_owned(),
            relabelling: Relabelling::read(rules, self),
            interval: Some(interval),
            timeout,
        };
        for (key, sources) in node.entries() {
            match key {
                "static_configs" => sources
                    .items()
                    .iter()
                    .for_each(|source| self.targets(&job, source)),
                "file_sd_configs" => sources
                    .items()
                    .iter()
                    .for_each(|source| self.file_source(&job, source)),
                "http_sd_configs" => sources
                    .items()
                    .iter()
                    .for_each(|source| self.http_source(&job, source)),
                "metric_relabel_configs" => {
                    let hint = "linkwatch's own series have names of their own";
                    self.note(sources.place, "rules for series are not carried over", hint);
                }
                other if other.ends_with("_sd_configs") => {
                    let what = format!("the targets of {other} are not carried over");
                    let hint = "have them written to a file, or keep this job: /probe answers it";
                    self.note(sources.place, what, hint);
                }
                _ => {}
            }
        }
    }

    /// The module of a job's targets; the labels may name it.
    fn module(&self, job: &Job<'_>, labels: &[(&str, &Node)]) -> Option<String> {
        let listed = job.node.get("params").and_then(|params| params.get("module"));
        let listed = listed.map(Node::items).unwrap_or_default();
        if let Some(second) = listed.get(1) {
            let hint = "only the first counted before, too";
            self.note(second.place, "more than one module", hint);
        }
        let by_label = job.relabelling.module_label.as_deref();
        let of_label = by_label.and_then(|name| labels.iter().find(|(label, _)| *label == name)?.1.text());
        of_label
            .or(job.relabelling.module.as_deref())
            .or_else(|| listed.first()?.text())
            // What blackbox_exporter takes if nothing is said.
            .or_else(|| by_label.is_none().then_some("http_2xx"))
            .map(str::to_owned)
    }

    fn group(&self, job: &Job<'_>, source: &Node, labels: &[(&str, &Node)]) -> Option<(Group, &'static str)> {
        let Some(module) = self.module(job, labels) else {
            let hint = "give each module a group of its own";
            self.note(
                source.place,
                "targets whose labels name their module are not carried over",
                hint,
            );
            return None;
        };
        let scheme = self.scheme(source.place, &module)?;
        let group = Group {
            name: job.name.clone(),
            module,
            interval: job.interval,
            timeout: job.timeout,
            url: Some(job.relabelling.template(scheme)),
            ..Group::default()
        };
        Some((group, scheme))
    }

    fn targets(&mut self, job: &Job<'_>, source: &Node) {
        let labels = source.get("labels").map(Node::entries).unwrap_or_default();
        let Some((mut group, scheme)) = self.group(job, source, &labels) else {
            return;
        };
        // A job may name what is probed as a parameter, and blackbox_exporter itself as its target.
        let fixed = job.node.get("params").and_then(|params| params.get("target"));
        let targets = match fixed.filter(|_| !job.relabelling.sets_target) {
            Some(fixed) => fixed.items(),
            None => source.get("targets").map(Node::items).unwrap_or_default(),
        };
        let urls = targets.iter().filter_map(|target| {
            let text = job.relabelling.target(target.text()?);
            self.url(target.place, scheme, &text)
        });
        group.hosts = urls.collect();
        group.labels = self.labels(&labels, job.relabelling.module_label.as_deref());
        self.add(group);
    }

    fn labels(&self, labels: &[(&str, &Node)], module_label: Option<&str>) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        for (name, value) in labels.iter().filter(|(name, _)| Some(*name) != module_label) {
            let Some(value_text) = value.text() else { continue };
            if label::check(name).is_ok() {
                kept.push(((*name).to_owned(), value_text.to_owned()));
            } else {
                let what = format!("the label {} is left out", shown(name));
                self.note(value.place, what, "linkwatch or Prometheus needs that name");
            }
        }
        kept
    }

    fn file_source(&mut self, job: &Job<'_>, source: &Node) {
        let Some((mut group, _)) = self.group(job, source, &[]) else {
            return;
        };
        let files = source.get("files").map(Node::items).unwrap_or_default();
        let files = files
            .iter()
            .filter_map(Node::text)
            .map(|file| quoted(&self.beside(file)));
        let files: Vec<_> = files.collect();
        let refresh = source.get("refresh_interval").and_then(Node::lasting);
        let refresh = refresh.map_or_else(String::new, |refresh| format!(", refresh_interval: {refresh}"));
        group.discover = vec![format!("file_sd: {{files: [{}]{refresh}}}", files.join(", "))];
        self.add(group);
    }

    fn http_source(&mut self, job: &Job<'_>, source: &Node) {
        let Some((mut group, _)) = self.group(job, source, &[]) else {
            return;
        };
        let Some(url) = source.get("url").and_then(Node::text) else {
            return;
        };
        for (key, node) in source.entries() {
            if !matches!(key, "url" | "refresh_interval") {
                let what = format!("{key} of this http_sd source is not carried over");
                self.note(
                    node.place,
                    what,
                    "write it into the group by hand: secrets are not copied",
                );
            }
        }
        let refresh = source.get("refresh_interval").and_then(Node::lasting);
        let refresh = refresh.map_or_else(String::new, |refresh| format!(", refresh_interval: {refresh}"));
        group.discover = vec![format!("http_sd: {{url: {}{refresh}}}", quoted(url))];
        self.add(group);
    }

    fn beside(&self, file: &str) -> String {
        let whole = if Path::new(file).is_absolute() {
            file.into()
        } else {
            self.beside.join(file)
        };
        whole.to_string_lossy().into_owned()
    }
}

impl Relabelling {
    /// What a discovered host becomes.
    fn template(&self, scheme: &str) -> String {
        let whole = self.target("host.invalid");
        let whole = if whole.contains("://") {
            whole
        } else {
            format!("{scheme}://{whole}")
        };
        whole.replace("host.invalid", "{host}")
    }
}
