//! `docs/alerts.md`: every alert, what was broken for it, and the text that its receiver got.

use std::fmt::Write as _;

use linkwatch::alert::{Parameters, catalogue};
use regex::Regex;

use super::scenes::scene;
use super::{Heard, Text, word};

const HEAD: &str = "\
# Alerts

Written from the alert catalogue (`src/alert`) and from a run of everything by
`UPDATE_GOLDEN=1 cargo test --test it real::provoked`: each alert was provoked once, and what stands below is what its
receiver got. Rules: [alerts/rules/linkwatch.yml](../alerts/rules/linkwatch.yml). `linkwatch explain ALERT` prints a runbook
offline.

| alert | severity | goes to | says | dashboard |
|---|---|---|---|---|
";

const TEXTS: &str = "
Where two severities stand, the second is that of groups that may not page, or of a lesser trouble.

## What a person gets

In one run, with the whole chain: sites, DNS, a hosting platform, certificate authorities, a registry and click counts on
loopback; linkwatch; Prometheus with the rules that ship; Alertmanager with the configuration and the templates that ship; a
receiver. Every alert came through it, and nothing else did; none is shown by rule tests alone. What takes minutes by design
(`for`, `group_wait`, intervals) was shortened, so that \"for ten minutes\" was eight seconds; dates, serial numbers and counts
of clicks are replaced by fixed ones here.

Alerts of severity info are delivered to nobody by the configuration that ships; the run gave that receiver an address.

";

/// All of it.
pub(super) fn document(heard: &Heard) -> String {
    let mut rows = String::new();
    let mut texts = String::new();
    for alert in catalogue(&Parameters::default()) {
        let name = alert.name;
        let scene = scene(name);
        // Writing to a string cannot fail.
        let severities: Vec<&str> = alert.rules.iter().map(|rule| word(rule.severity)).collect();
        let board = name.dashboard();
        let _ = writeln!(
            rows,
            "| [`{name}`](runbooks/{name}.md) | {} | {} | {} | [{board}](../dashboards/{board}.json) |",
            severities.join(", "),
            scene.receiver,
            alert.summary
        );
        let Text { title, text } = heard.text(name).unwrap();
        let _ = writeln!(
            texts,
            "### {name}\n\nBroken: {}.\n\n```text\n{}\n\n{}\n```\n",
            scene.broken,
            title.trim(),
            settled(text.trim())
        );
    }
    format!("{HEAD}{rows}{TEXTS}{}\n", texts.trim_end())
}

/// The text with what differs from run to run replaced by what an evening in May might have had.
fn settled(text: &str) -> String {
    let replaced = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-05-08T20:30:14Z"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "2026-05-08 20:30:14"),
        (r"serial [0-9a-f]+", "serial 0a1b2c"),
        (r"\b(\d+d )\d+h \d+m \d+s", "${1}23h 59m 30s"),
        (r"\b(\d+m )?\d+(\.\d+)?s ago", "45s ago"),
        (r"\d+\.\d\d clicks a minute", "180.00 clicks a minute"),
        (r"\d+\.\d\d came", "0.00 came"),
        (r"\d+\.\d\d a minute are missing", "60.00 a minute are missing"),
        (r": \d+(\.\d+)?ms\.", ": 451ms."),
        (r"in the last 15 minutes: \d+", "in the last 15 minutes: 12"),
        (r"\d+m \d+s off", "5m 0s off"),
    ];
    let text = replaced.iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *with)
            .into_owned()
    });
    in_order_of_hosts(&text)
}

/// Alertmanager tells alerts in the order in which they began, which two hosts that break at once may change.
fn in_order_of_hosts(text: &str) -> String {
    let host = Regex::new(r"^\S+\.example: ").unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    for hosts in lines.chunk_by_mut(|one, next| host.is_match(one) && host.is_match(next)) {
        hosts.sort_unstable();
    }
    lines.join("\n")
}
