//! The landing page: what is wrong first, then every group, then where to go. Made of the state that the scrape reads.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use url::Url;

use crate::build_info;
use crate::cause::Effect;
use crate::diagnosis::{Finding, remedy};
use crate::metrics::labels::without_credentials;
use crate::state::traffic::Traffic;
use crate::state::{Catalogue, EndpointState, GroupSlot, Slot, State};

/// Endpoints named one by one; the API has them all.
const MOST_NAMED: usize = 200;

/// Where the page leads: relative, so that it works under any path of a proxy.
const LINKS: [(&str, &str); 7] = [
    ("metrics", "metrics"),
    ("api/v1/endpoints", "endpoints as JSON"),
    ("api/v1/traffic", "click traffic as JSON"),
    ("config", "configuration, secrets masked"),
    ("-/healthy", "health"),
    ("-/ready", "readiness"),
    (
        "probe?target=http://localhost/&module=http_2xx&debug=true",
        "a probe explained",
    ),
];

/// The page as of now.
pub(super) fn render(state: &State, external_url: Option<&Url>, now: Timestamp) -> String {
    let catalogue = state.catalogue();
    let seen = Seen::all(&catalogue);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if let Some(url) = external_url { base href=(directory(url)); }
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title(&seen)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "linkwatch" }
                    p { (summary(&seen)) }
                    @if state.own.health.load().vantage_up == Some(false) {
                        p.bad { "Every anchor fails: this vantage point is offline, and judgement is suspended." }
                    }
                }
                main {
                    (listing("Down", &seen, Standing::Down, now))
                    (listing("Warnings", &seen, Standing::Warned, now))
                    (quiet(&state.traffic()))
                    (groups(&catalogue, &seen))
                    (probe_form())
                    (links())
                }
                footer { "linkwatch " (build_info::VERSION) ", revision " (build_info::REVISION) ", " (instant(now)) }
            }
        }
    };
    page.into_string()
}

/// The URL with the final slash that makes links relative to all of it.
fn directory(url: &Url) -> String {
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url.into()
}

/// What the page says of an endpoint in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Down,
    Warned,
    Up,
    Unknown,
}

impl Standing {
    const COUNT: usize = Self::Unknown as usize + 1;
}

struct Seen<'a> {
    slot: &'a Slot,
    state: Option<Arc<EndpointState>>,
    standing: Standing,
}

impl<'a> Seen<'a> {
    fn all(catalogue: &'a Catalogue) -> Vec<Self> {
        let seen = catalogue.slots.iter().map(|slot| {
            let state = slot.current();
            let standing = standing(state.as_deref());
            Seen {
                slot,
                state,
                standing,
            }
        });
        seen.collect()
    }
}

fn standing(state: Option<&EndpointState>) -> Standing {
    let Some(state) = state else {
        return Standing::Unknown;
    };
    let verdict = state.verdict.as_deref();
    let findings = verdict
        .into_iter()
        .flat_map(|verdict| verdict.root.iter().chain(&verdict.others));
    let warned = findings
        .into_iter()
        .any(|finding| finding.cause.effect() != Effect::Suspends);
    match state.up {
        None => Standing::Unknown,
        Some(false) => Standing::Down,
        Some(true) if warned => Standing::Warned,
        Some(true) => Standing::Up,
    }
}

fn count(seen: &[Seen<'_>], standing: Standing) -> usize {
    seen.iter().filter(|seen| seen.standing == standing).count()
}

fn title(seen: &[Seen<'_>]) -> String {
    match count(seen, Standing::Down) {
        0 => "linkwatch".to_owned(),
        down => format!("{down} down - linkwatch"),
    }
}

fn summary(seen: &[Seen<'_>]) -> Markup {
    let up = count(seen, Standing::Up) + count(seen, Standing::Warned);
    html! {
        strong { (count(seen, Standing::Down)) " down" } ", "
        (up) " up (" (count(seen, Standing::Warned)) " with warnings), "
        (count(seen, Standing::Unknown)) " unknown, of "
        (seen.len()) " endpoints"
    }
}

fn listing(heading: &str, seen: &[Seen<'_>], standing: Standing, now: Timestamp) -> Markup {
    let total = count(seen, standing);
    html! {
        @if total > 0 {
            section {
                h2 { (heading) }
                ul {
                    @for seen in seen.iter().filter(|seen| seen.standing == standing).take(MOST_NAMED) {
                        li { (sentence(seen, now)) }
                    }
                }
                @if total > MOST_NAMED {
                    p { "and " (total - MOST_NAMED) " more, see " a href="api/v1/endpoints" { "all endpoints" } }
                }
            }
        }
    }
}

fn sentence(seen: &Seen<'_>, now: Timestamp) -> Markup {
    let endpoint = &seen.slot.endpoint;
    let state = seen.state.as_deref();
    let verdict = state.and_then(|state| state.verdict.as_deref());
    let since = state
        .filter(|state| state.up == Some(false))
        .and_then(|state| state.since);
    let others = verdict.map_or(&[][..], |verdict| verdict.others.as_slice());
    let first = verdict.and_then(|verdict| verdict.root.as_ref());
    let symptom = verdict.and_then(|verdict| verdict.symptom.as_ref());
    let further = symptom
        .into_iter()
        .chain(others)
        .filter(|finding| Some(*finding) != first);
    html! {
        strong { (endpoint.name) } " " span.dim { (endpoint.group.name) ", " (without_credentials(&endpoint.url)) }
        @if let Some(finding) = first { br; (fault(finding)) }
        @for finding in further { br; "also " (fault(finding)) }
        @if let Some(since) = since { br; "since " (instant(since)) " (" (span(since, now)) ")" }
        @if state.is_some_and(|state| state.in_maintenance) { br; "in maintenance" }
        @if let Some(finding) = first { br; span.dim { (remedy(finding, endpoint)) } }
    }
}

fn fault(finding: &Finding) -> Markup {
    html! {
        code { (finding.cause) } ": expected " span.fact { (finding.expected) } ", actual " span.fact { (finding.actual) }
        @if let Some(address) = finding.address { " at " (address) }
    }
}

fn quiet(traffic: &Traffic) -> Markup {
    let low = || {
        traffic
            .series()
            .filter_map(|series| Some((&series.subject, series.quiet.as_ref()?)))
    };
    let total = low().count();
    html! {
        @if total > 0 {
            section {
                h2 { "Quiet traffic" }
                ul {
                    @for (subject, finding) in low().take(MOST_NAMED) {
                        li {
                            strong { (subject.stream) } " "
                            @if let Some(series) = &subject.series { (series) " " }
                            @if let Some(group) = &subject.group { span.dim { (group) } }
                            br; (fault(finding))
                        }
                    }
                }
                @if total > MOST_NAMED {
                    p { "and " (total - MOST_NAMED) " more, see " a href="api/v1/traffic" { "all traffic" } }
                }
            }
        }
    }
}

fn groups(catalogue: &Catalogue, seen: &[Seen<'_>]) -> Markup {
    let mut tallies: HashMap<_, [usize; Standing::COUNT]> = HashMap::new();
    for seen in seen {
        tallies.entry(&seen.slot.endpoint.group.name).or_default()[seen.standing as usize] += 1;
    }
    let row = |group: &GroupSlot| {
        let tally = tallies.get(&group.group.name).copied().unwrap_or_default();
        let of = |standing: Standing| tally[standing as usize];
        html! {
            tr {
                th scope="row" { (group.group.name) }
                td { (of(Standing::Down)) }
                td { (of(Standing::Warned)) }
                td { (of(Standing::Up)) }
                td { (of(Standing::Unknown)) }
                td { (group.group.module) }
                td { (group.group.interval.as_secs_f64()) " s" }
            }
        }
    };
    html! {
        section {
            h2 { "Groups" }
            @if catalogue.groups.is_empty() { p { "Nothing is watched yet." } }
            @else {
                div.wide {
                    table {
                        thead { tr {
                            @for heading in ["group", "down", "warnings", "up", "unknown", "module", "every"] {
                                th scope="col" { (heading) }
                            }
                        } }
                        tbody { @for group in &catalogue.groups { (row(group)) } }
                    }
                }
            }
        }
    }
}

fn probe_form() -> Markup {
    html! {
        section {
            h2 { "Probe" }
            form action="probe" method="get" {
                label { "target " input name="target" type="text" required placeholder="https://example.com/"; }
                label { "module " input name="module" type="text" value="http_2xx"; }
                input type="hidden" name="debug" value="true";
                button type="submit" { "probe" }
            }
        }
    }
}

fn links() -> Markup {
    html! {
        section {
            h2 { "Elsewhere" }
            ul { @for (to, text) in LINKS { li { a href=(to) { (text) } } } }
        }
    }
}

/// To the second, in UTC.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long ago, in the two greatest units.
fn span(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

const STYLE: &str = "
:root { color-scheme: light dark; --bad: light-dark(#b00020, #ff8a80); --dim: light-dark(#555, #aaa); --line: light-dark(#ddd, #444) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { margin-bottom: 0 } h2 { border-bottom: 1px solid var(--line) }
ul { padding-left: 1.2rem } li { margin: .5rem 0 }
code, .bad { color: var(--bad) } .dim, footer { color: var(--dim) } .fact { font-family: ui-monospace, monospace; font-size: .9em }
.wide { overflow-x: auto } table { border-collapse: collapse } th, td { text-align: left; padding: .25rem .75rem .25rem 0; white-space: nowrap }
form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end } input, button { font: inherit; padding: .25rem .5rem; max-width: 100% }
footer { margin-top: 2rem; font-size: .9em }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_greatest_units() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (seconds, text) in [
            (5, "5 s"),
            (150, "2 min"),
            (3_700, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(at(0), at(seconds)), text);
        }
        assert_eq!(span(at(9), at(0)), "0 s");
    }
}
