//! The status page: what is wrong, in sentences; then groups, then endpoints.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::filter::Filter;
use super::standing::{Seen, Standing, Tally};
use super::{Part, Scene, place, probes, rows, safe, shell, time};
use crate::cause::{Cause, Effect};
use crate::diagnosis::{Finding, remedy};
use crate::endpoint::GroupName;
use crate::state::Health;
use crate::state::traffic::Traffic;

/// Endpoints that a trouble names; the list below has them all.
const MOST_NAMED: usize = 12;

/// Troubles that are told one by one.
const MOST_TOLD: usize = 20;

/// A clock that is off by so much is worth a word.
const CLOCK_SKEW_SECONDS: f64 = 120.0;

/// The page as of now.
pub(in crate::web) fn overview(scene: &Scene, filter: &Filter) -> String {
    let catalogue = scene.state.catalogue();
    if catalogue.groups.is_empty() {
        return probes::front(scene, filter);
    }
    let all = Seen::all(&catalogue, scene.now);
    let tally = Tally::of(&all);
    let root = scene.root(Part::Overview);
    let taken: Vec<&Seen> = all.iter().filter(|seen| filter.takes(seen)).collect();
    let groups = || catalogue.groups.iter().map(|group| group.group.name.as_str());
    let headline = headline(tally);
    let content = html! {
        h1 { (headline) }
        p.dim { (counted(tally.total(), "endpoint")) " in " (counted(catalogue.groups.len(), "group")) @if tally.total() > 0 { ": " (tally.words()) } }
        (notices(scene))
        @if filter.is_open() {
            (troubles(scene, &all, &root))
            (rows::groups(&catalogue, &all))
        }
        section aria-labelledby="endpoints" {
            h2 #endpoints { "Endpoints" }
            (filter.form(groups()))
            @if !filter.is_open() { p aria-live="polite" { (taken.len()) " of " (all.len()) " endpoints" } }
            (rows::endpoints(scene, filter, &taken, &root))
        }
        @if filter.is_open() { (probes::section(scene, &root)) }
        (refreshing(filter))
    };
    let title = match tally.count(Standing::Down) {
        0 => "Status".to_owned(),
        down => format!("{down} down"),
    };
    shell(scene, Part::Overview, &title, &content)
}

/// Whether the browser asks again by itself, and how to change that.
pub(super) fn refreshing(filter: &Filter) -> Markup {
    html! {
        p.dim {
            @match filter.refresh {
                Some(seconds) => { "Asked for again every " (seconds) " s. " a href=(filter.refreshed(None)) { "Stop" } }
                None => a href=(filter.refreshed(Some(15))) { "Keep this page up to date" },
            }
        }
    }
}

/// A number of things: `1 group`, `2 groups`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

fn headline(tally: Tally) -> String {
    let endpoints = |count| counted(count, "endpoint");
    let of = |standing| tally.count(standing);
    match tally.worst() {
        None => "Nothing is watched yet".to_owned(),
        Some(Standing::Down) if of(Standing::Down) == 1 => "1 endpoint is down".to_owned(),
        Some(Standing::Down) => format!("{} of {} are down", of(Standing::Down), endpoints(tally.total())),
        Some(Standing::Warned) if of(Standing::Warned) == 1 => {
            "Nothing is down; 1 endpoint has a warning".to_owned()
        }
        Some(Standing::Warned) => format!(
            "Nothing is down; {} have a warning",
            endpoints(of(Standing::Warned))
        ),
        Some(Standing::Unknown) => format!("{} not known at the moment", endpoints(of(Standing::Unknown))),
        Some(Standing::Up) => "All is well".to_owned(),
    }
}

/// What is wrong in one group for one reason.
struct Trouble<'a> {
    group: &'a GroupName,
    cause: Cause,
    first: &'a Seen,
    members: Vec<&'a Seen>,
    down: usize,
}

impl<'a> Trouble<'a> {
    /// All of them, those that take most down first.
    fn all(seen: &'a [Seen]) -> Vec<Self> {
        let mut troubles: BTreeMap<(&GroupName, Cause), Self> = BTreeMap::new();
        for one in seen {
            let Some(cause) = one.cause().filter(|cause| cause.effect() != Effect::Suspends) else {
                continue;
            };
            let group = &one.slot.endpoint.group.name;
            let trouble = troubles.entry((group, cause)).or_insert_with(|| Self {
                group,
                cause,
                first: one,
                members: Vec::new(),
                down: 0,
            });
            trouble.down += usize::from(one.standing == Standing::Down);
            trouble.members.push(one);
        }
        let mut troubles: Vec<Self> = troubles.into_values().collect();
        troubles.sort_by_key(|trouble| {
            (
                std::cmp::Reverse((trouble.down, trouble.members.len())),
                trouble.cause,
            )
        });
        troubles
    }
}

fn troubles(scene: &Scene, all: &[Seen], root: &str) -> Markup {
    let troubles = Trouble::all(all);
    let sizes = all.iter().fold(BTreeMap::new(), |mut sizes, seen| {
        *sizes.entry(&seen.slot.endpoint.group.name).or_insert(0_usize) += 1;
        sizes
    });
    html! {
        @if troubles.is_empty() {
            @if Tally::of(all).worst() == Some(Standing::Up) { p.well { "Every endpoint answers as it should, and no warning stands." } }
        } @else {
            section aria-label="What is wrong" {
                @for trouble in troubles.iter().take(MOST_TOLD) {
                    (told(scene, trouble, sizes.get(trouble.group).copied().unwrap_or_default(), root))
                }
                @if troubles.len() > MOST_TOLD { p { "and " (troubles.len() - MOST_TOLD) " more, in the list below" } }
            }
        }
    }
}

/// One trouble: who, what, since when, what should be, what is, and what to do.
fn told(scene: &Scene, trouble: &Trouble<'_>, size: usize, root: &str) -> Markup {
    let Trouble {
        group,
        cause,
        first,
        members,
        down,
    } = trouble;
    let count = members.len();
    let class = if *down > 0 { "trouble down" } else { "trouble" };
    let since = {
        let book = scene.state.book();
        let sinces = members
            .iter()
            .filter_map(|seen| book.since(&seen.slot.endpoint.name));
        sinces.min()
    };
    let state = match (*down, count) {
        (0, _) => "working, with a warning".to_owned(),
        (down, count) if down == count => "down".to_owned(),
        (down, _) => format!("{down} of them down"),
    };
    html! {
        article class=(class) {
            h2 {
                (count) " of " (size) " in " (safe(group.as_str())) ": " (cause.meaning().trim_end_matches('.'))
                @if let Some(since) = since { ", " (time::since(since, scene.now)) }
            }
            p { (state) ": " code { (cause) }
                @if let Some(symptom) = consequence(first) { ", therefore " code { (symptom.cause) } } }
            @if let Some(finding) = first.root() {
                (compared(finding))
                dl { dt { "Do" } dd.plain { (safe(&remedy(finding, &first.slot.endpoint))) @if count > 1 { " Likewise for the others." } } }
            }
            ul.names {
                @for seen in members.iter().take(MOST_NAMED) {
                    @let name = seen.slot.endpoint.name.as_str();
                    li { a href=(place(root, name)) { (safe(name)) } }
                }
                @if count > MOST_NAMED {
                    li { a href=(Filter::only_group(group.as_str()).with_cause(cause.as_str()).address()) { "and " (count - MOST_NAMED) " more" } }
                }
            }
        }
    }
}

/// What the root led to, where that is something else.
pub(super) fn consequence(seen: &Seen) -> Option<&Finding> {
    let symptom = seen.verdict()?.symptom.as_ref()?;
    (Some(symptom.cause) != seen.cause()).then_some(symptom)
}

/// What should be beside what is.
pub(super) fn compared(finding: &Finding) -> Markup {
    html! {
        dl {
            dt { "Expected" } dd { (safe(&finding.expected)) }
            dt { "Actual" } dd { (safe(&finding.actual)) @if let Some(address) = finding.address { " at " (address) } }
        }
    }
}

/// What linkwatch cannot see, and what it knows of itself that a reader should.
pub(super) fn notices(scene: &Scene) -> Markup {
    let notices = [
        own(&scene.state.own.health.load()),
        sources(scene),
        quiet_groups(&scene.state.traffic()),
    ]
    .concat();
    html! {
        @if !notices.is_empty() {
            section aria-label="Notices" { ul.notices { @for notice in notices { li { (safe(&notice)) } } } }
        }
    }
}

fn own(health: &Health) -> Vec<String> {
    let mut notices = Vec::new();
    if health.vantage_up == Some(false) {
        notices.push(
            "Every anchor fails: this vantage point is offline, and judgement is suspended.".to_owned(),
        );
    }
    if let Some(skew) = health.clock_skew.filter(|skew| skew.abs() > CLOCK_SKEW_SECONDS) {
        notices.push(format!(
            "The clock of this machine is off by {skew:.0} s: certificates are not judged by it."
        ));
    }
    if health.reload_success.is_some() && !health.reload_successful {
        notices.push("The configuration file cannot be used: the one before it is in force.".to_owned());
    }
    notices
}

fn sources(scene: &Scene) -> Vec<String> {
    let mut notices = Vec::new();
    let mut silent = |what: &str, name: &str, problem: Option<&str>| {
        let problem = problem.map(|problem| format!(": {problem}"));
        notices.push(format!(
            "{what} {name} does not answer{}.",
            problem.unwrap_or_default()
        ));
    };
    for platform in scene
        .state
        .platforms()
        .0
        .iter()
        .filter(|platform| platform.up == Some(false))
    {
        silent(
            "The platform",
            platform.name.as_str(),
            platform.problem.as_deref(),
        );
    }
    for source in scene
        .state
        .traffic()
        .sources
        .iter()
        .filter(|source| source.up == Some(false))
    {
        silent("The source of clicks", &source.name, source.problem.as_deref());
    }
    let foresight = scene.state.foresight();
    for authority in foresight
        .authorities
        .iter()
        .filter(|authority| authority.up == Some(false))
    {
        silent("The certificate authority", &authority.name, None);
    }
    for source in &scene.state.coverage().0 {
        if !source.unwatched.is_empty() {
            notices.push(format!(
                "{} hosts that {} knows of are not watched.",
                source.unwatched.len(),
                source.name
            ));
        }
    }
    notices
}

/// Groups that are quiet as a whole: no endpoint need have a cause for that.
fn quiet_groups(traffic: &Traffic) -> Vec<String> {
    let quiet = traffic.series().filter_map(|series| {
        let group = series
            .subject
            .group
            .as_ref()
            .filter(|_| series.subject.series.is_none())?;
        let finding = series.quiet.as_ref()?;
        Some(format!(
            "Clicks of group {group} are low: expected {}, actual {}.",
            finding.expected, finding.actual
        ))
    });
    quiet.collect()
}
