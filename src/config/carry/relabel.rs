//! What the relabelling of a job makes of its targets, as far as it is what everybody writes for `blackbox_exporter`.

use regex::Regex;

use super::super::regexp;
use super::super::tree::Node;
use super::Carrier;

/// Where a parameter of `/probe` comes from.
#[derive(Debug, Default)]
pub(super) struct Relabelling {
    /// Whether targets become the parameter at all.
    pub(super) sets_target: bool,
    /// A label of the target that names the module.
    pub(super) module_label: Option<String>,
    /// The module, where relabelling names it.
    pub(super) module: Option<String>,
    /// What is made of a target's text on its way.
    rewrite: Option<Rewrite>,
}

#[derive(Debug)]
struct Rewrite {
    pattern: Regex,
    replacement: String,
}

impl Relabelling {
    /// Reads the rules of a job; what is not understood is noted.
    pub(super) fn read(rules: &[Node], carrier: &Carrier<'_>) -> Self {
        let mut found = Self::default();
        for rule in rules {
            found.rule(rule, carrier);
        }
        found
    }

    fn rule(&mut self, rule: &Node, carrier: &Carrier<'_>) {
        let text = |key| rule.get(key).and_then(Node::text);
        let action = text("action").unwrap_or("replace");
        let sources = rule.get("source_labels").map(Node::items).unwrap_or_default();
        let sources: Vec<_> = sources.iter().filter_map(Node::text).collect();
        let plain = text("regex").is_none_or(|regex| matches!(regex, "(.*)" | ".*" | "(.+)"));
        let replacement = text("replacement");
        let as_it_is = plain && replacement.is_none_or(|to| matches!(to, "$1" | "${1}" | "$0" | "${0}"));
        match (
            action.to_ascii_lowercase().as_str(),
            text("target_label").unwrap_or_default(),
        ) {
            // Where to find blackbox_exporter, and what its series are called by: both are linkwatch's own now.
            ("replace", "__address__" | "instance") => {}
            ("replace", "__param_target") if sources == ["__address__"] => {
                self.sets_target = true;
                if !as_it_is {
                    self.rewrite = Rewrite::new(text("regex"), replacement);
                    if self.rewrite.is_none() {
                        carrier.note(
                            rule.place,
                            "a pattern for targets is not understood",
                            "check the hosts below",
                        );
                    }
                }
            }
            ("replace", "__param_target") => {
                self.sets_target = true;
                let hint = "only targets themselves can be carried over";
                carrier.note(rule.place, "targets made of labels are not carried over", hint);
            }
            ("replace", "__param_module") if as_it_is && sources.len() == 1 => {
                self.module_label = sources.first().map(|label| (*label).to_owned());
            }
            ("replace", "__param_module") if sources.is_empty() => {
                self.module = replacement.map(str::to_owned);
            }
            ("replace", "__param_hostname") => {
                let hint = "write the name into the URL, or a Host header into the module";
                carrier.note(rule.place, "the parameter hostname is not carried over", hint);
            }
            (other, target) => {
                let what = format!("this relabelling ({other} {target}) is not carried over");
                carrier.note(
                    rule.place,
                    what.replace(" )", ")"),
                    "check the hosts and labels below",
                );
            }
        }
    }

    /// What a target is asked for as.
    pub(super) fn target(&self, target: &str) -> String {
        self.rewrite.as_ref().map_or_else(
            || target.to_owned(),
            |rewrite| {
                rewrite
                    .pattern
                    .replace(target, rewrite.replacement.as_str())
                    .into_owned()
            },
        )
    }
}

impl Rewrite {
    fn new(regex: Option<&str>, replacement: Option<&str>) -> Option<Self> {
        // Prometheus anchors its patterns, and its digits in replacements need no braces.
        let pattern = regexp::compile(&format!("^(?:{})$", regex.unwrap_or("(.*)"))).ok()?;
        let digits = Regex::new(r"\$(\d+)").ok()?;
        let replacement = digits
            .replace_all(replacement.unwrap_or("$1"), "$${$1}")
            .into_owned();
        Some(Self { pattern, replacement })
    }
}
