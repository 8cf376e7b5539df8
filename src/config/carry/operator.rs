//! `Probe` resources of the Prometheus operator, one or a list of them.

use super::super::tree::Node;
use super::{Carrier, Group};
use crate::discovery::label;

impl Carrier<'_> {
    pub(super) fn resources(&mut self, tree: &Node) {
        let kind = tree.get("kind").and_then(Node::text).unwrap_or_default();
        match kind {
            "Probe" => self.resource(tree),
            list if list.ends_with("List") => {
                let items = tree.get("items").map(Node::items).unwrap_or_default();
                for item in items {
                    self.resources(item);
                }
            }
            other => {
                let what = format!("a resource of kind {other:?} is left out");
                self.note(tree.place, what, "only Probe resources name what is probed");
            }
        }
    }

    fn resource(&mut self, tree: &Node) {
        let Some(spec) = tree.get("spec") else { return };
        let text = |key| spec.get(key).and_then(Node::text);
        let name = tree
            .get("metadata")
            .and_then(|meta| meta.get("name"))
            .and_then(Node::text);
        let name = text("jobName").or(name).unwrap_or("probe");
        let module = text("module").unwrap_or("http_2xx");
        let Some(scheme) = self.scheme(spec.place, module) else {
            return;
        };
        let interval = spec.get("interval").and_then(Node::lasting);
        let timeout = spec.get("scrapeTimeout").and_then(Node::lasting);
        let mut group = Group {
            name: name.to_owned(),
            module: module.to_owned(),
            interval,
            timeout: timeout.filter(|timeout| interval.is_none_or(|interval| timeout.0 <= interval.0)),
            ..Group::default()
        };
        for (key, targets) in spec.get("targets").map(Node::entries).unwrap_or_default() {
            if key != "staticConfig" {
                let what = format!("the targets of {key} are not carried over");
                self.note(targets.place, what, "keep the resource: /probe answers it");
                continue;
            }
            let listed = targets.get("static").map(Node::items).unwrap_or_default();
            let urls = listed
                .iter()
                .filter_map(|target| self.url(target.place, scheme, target.text()?));
            group.hosts = urls.collect();
            let labels = targets.get("labels").map(Node::entries).unwrap_or_default();
            let kept = labels.into_iter().filter(|(name, _)| label::check(name).is_ok());
            let pairs = kept.filter_map(|(name, value)| Some((name.to_owned(), value.text()?.to_owned())));
            group.labels = pairs.collect();
        }
        self.add(group);
    }
}
