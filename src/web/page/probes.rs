//! The probes on demand: the start page of a program that watches nothing, a part of it where something is watched too,
//! and a page of all that are kept, the newest first.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use maud::{Markup, html};
use url::form_urlencoded;

use super::filter::Filter;
use super::overview::{counted, notices, refreshing};
use super::{Part, Scene, safe, shell, time};
use crate::state::demand::Debugged;

/// Results on a page that is about more than them.
const MOST_SHOWN: usize = 25;

/// What an example asks for: a name that is there for examples (RFC 2606).
const EXAMPLE: &str = "https://example.com/";

/// The module of the example, where there is one of that name: it is the one that a request means which names none.
const USUAL: &str = "http_2xx";

/// Every result that is kept, or the failed ones.
pub(in crate::web) fn probes(scene: &Scene, filter: &Filter) -> String {
    let kept = Kept::of(scene);
    let failed = kept.failed().count();
    let shown: Vec<_> = if filter.only_failed() {
        kept.failed().cloned().collect()
    } else {
        kept.all.clone()
    };
    let (part, pages) = filter.part(&shown);
    let content = html! {
        h1 { "Probes on demand" }
        p.dim { "What was asked of /probe lately, and the failed ones of before: " (counted(kept.all.len(), "probe")) ", " (failed) " failed." }
        p { @if filter.only_failed() { a href="?" { "Show all" } } @else if failed > 0 { a href="?state=down" { "Show the failed ones" } } }
        @if shown.is_empty() { p { "Nothing has been asked of /probe yet, or nothing of it is kept." } }
        @else { (table(part, scene.now, "")) }
        (filter.pages(pages))
    };
    shell(scene, Part::Probes, "Probes on demand", &content)
}

/// The start page where nothing is watched: what can be asked, what was, and what came of it.
pub(super) fn front(scene: &Scene, filter: &Filter) -> String {
    let root = scene.root(Part::Overview);
    let kept = Kept::of(scene);
    let modules: Vec<String> = scene.state.demand.modules().into_keys().collect();
    let content = html! {
        h1 { (headline(&kept)) }
        p.dim {
            @if scene.state.own.health.load().as_blackbox { "In the place of blackbox_exporter: " }
            "this program probes when it is asked to, by one of " (counted(modules.len(), "module")) ". Nothing is watched on a schedule: the configuration has no groups."
        }
        (notices(scene))
        (failing(&kept, &root))
        @if !kept.all.is_empty() { section aria-labelledby="last" { h2 #last { "Last probes" } (last(&kept, &root)) } }
        section aria-labelledby="modules" { h2 #modules { "Modules" } (asking(&modules, &root)) }
        (refreshing(filter))
    };
    let title = match kept.failing().count() {
        0 => "Probes on demand".to_owned(),
        failing => format!("{failing} failing"),
    };
    shell(scene, Part::Overview, &title, &content)
}

/// The same as a part of the page of what is watched.
pub(super) fn section(scene: &Scene, root: &str) -> Markup {
    let kept = Kept::of(scene);
    let modules: Vec<String> = scene.state.demand.modules().into_keys().collect();
    html! {
        section aria-labelledby="demand" {
            h2 #demand { "Probes on demand" }
            (last(&kept, root))
            details { summary { h3 { "Modules" } (modules.len()) " can be asked for" } (asking(&modules, root)) }
        }
    }
}

/// What is kept of the results.
struct Kept {
    /// The newest first.
    all: Vec<Arc<Debugged>>,
    /// How many probes were made, kept or not.
    made: u64,
    now: Timestamp,
}

impl Kept {
    fn of(scene: &Scene) -> Self {
        let demand = &scene.state.demand;
        Self {
            all: demand.history().newest().cloned().collect(),
            made: demand.modules().values().map(|counts| counts.probes).sum(),
            now: scene.now,
        }
    }

    fn failed(&self) -> impl Iterator<Item = &Arc<Debugged>> {
        self.all.iter().filter(|result| !result.success)
    }

    /// The last result of every target by every module.
    fn latest(&self) -> impl Iterator<Item = &Arc<Debugged>> {
        let mut seen = HashSet::new();
        let mut first = move |result: &Debugged| seen.insert((result.module.clone(), result.target.clone()));
        self.all.iter().filter(move |result| first(result))
    }

    /// Those of them that failed.
    fn failing(&self) -> impl Iterator<Item = &Arc<Debugged>> {
        self.latest().filter(|result| !result.success)
    }
}

fn headline(kept: &Kept) -> String {
    let targets = kept.latest().count();
    match (kept.failing().count(), targets) {
        (_, 0) if kept.made == 0 => "Nothing has been asked of /probe yet".to_owned(),
        (_, 0) => format!("Of {} probes that were made none is kept", kept.made),
        (0, 1) => "The last probe of the only target succeeded".to_owned(),
        (0, targets) => format!("The last probes of all {targets} targets succeeded"),
        (failing, targets) => format!(
            "{failing} of {} failed at the last probe",
            counted(targets, "target")
        ),
    }
}

fn failing(kept: &Kept, root: &str) -> Markup {
    let failing: Vec<_> = kept.failing().cloned().collect();
    html! {
        @if !failing.is_empty() {
            section aria-labelledby="failing" {
                h2 #failing { "Failed at the last probe" }
                (table(failing.get(..MOST_SHOWN).unwrap_or(&failing), kept.now, root))
                @if failing.len() > MOST_SHOWN { p { a href={ (root) "probes?state=down" } { "and " (failing.len() - MOST_SHOWN) " more" } } }
            }
        }
    }
}

fn last(kept: &Kept, root: &str) -> Markup {
    let failed = kept.failed().count();
    html! {
        @if kept.all.is_empty() { p { (headline(kept)) "." } }
        @else {
            (table(kept.all.get(..MOST_SHOWN).unwrap_or(&kept.all), kept.now, root))
            p {
                a href={ (root) "probes" } { "All that are kept" } ": " (counted(kept.all.len(), "probe"))
                @if failed > 0 { ", " a href={ (root) "probes?state=down" } { (failed) " failed" } }
            }
        }
    }
}

/// How to ask, and what for.
fn asking(modules: &[String], root: &str) -> Markup {
    let usual = modules
        .iter()
        .find(|name| *name == USUAL)
        .or_else(|| modules.first());
    html! {
        @if let Some(usual) = usual {
            form method="get" action={ (root) "probe" } aria-label="Probe" {
                label { "Target " input type="text" name="target" required placeholder=(EXAMPLE); }
                label { "Module "
                    select name="module" { @for name in modules {
                        option value=(name) selected[name == usual] { (safe(name)) }
                    } }
                }
                input type="hidden" name="debug" value="true";
                button type="submit" { "Probe" }
            }
            @let address = example(usual);
            p { "Prometheus asks as in " a href={ (root) (address) } { code { "/" (safe(&address)) } } "; with " code { "&debug=true" } " a probe is told step by step, and "
                code { "/logs?target=…" } " tells the last one of a target." }
            ul.names { @for name in modules { li { code { (safe(name)) } } } }
        } @else { p { "There are none." } }
        p { a href={ (root) "config" } { "Configuration" } ", " a href={ (root) "metrics" } { "metrics" } " of this program" }
    }
}

fn example(module: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("target", EXAMPLE).append_pair("module", module);
    format!("probe?{}", query.finish())
}

fn table(results: &[Arc<Debugged>], now: Timestamp, root: &str) -> Markup {
    html! {
        div.wide { table.rows {
            thead { tr { @for head in ["Result", "Module", "Target", "Cause", "When", "More"] { th scope="col" { (head) } } } }
            tbody { @for result in results { (row(result, now, root)) } }
        } }
    }
}

fn row(result: &Debugged, now: Timestamp, root: &str) -> Markup {
    html! {
        tr {
            td {
                @if result.success { span class="pill up" { "Success" } }
                @else { span class="pill down" { "Failure" } }
            }
            td { (safe(&result.module)) }
            td.fill { (safe(&result.target)) }
            td.fill { @if let Some(cause) = result.cause { (cause.meaning().trim_end_matches('.')) ": " code { (cause) } } }
            td { (time::clock(result.at, now)) }
            td { a href={ (root) "logs?id=" (result.id) } { "Logs" } }
        }
    }
}
