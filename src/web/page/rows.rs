//! Groups and endpoints as tables: one line each.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::filter::{Filter, PER_PAGE};
use super::standing::{Seen, Standing, Tally};
use super::{Scene, drawing, place, safe, time};
use crate::endpoint::GroupName;
use crate::outlook::renewal;
use crate::state::Catalogue;

/// Every group, in order of name.
pub(super) fn groups(catalogue: &Catalogue, all: &[Seen]) -> Markup {
    let mut tallies: BTreeMap<&GroupName, Vec<&Seen>> = BTreeMap::new();
    for seen in all {
        tallies
            .entry(&seen.slot.endpoint.group.name)
            .or_default()
            .push(seen);
    }
    html! {
        section aria-labelledby="groups" {
            h2 #groups { "Groups" }
            @if catalogue.groups.is_empty() { p { "Nothing is watched yet: name hosts in the configuration." } }
            @else {
                div.wide { table {
                    thead { tr {
                        th scope="col" { "Group" }
                        @for standing in Standing::ALL { th.num scope="col" { (standing.as_str()) } }
                        th scope="col" { "Module" } th.num scope="col" { "Every" }
                    } }
                    tbody { @for group in &catalogue.groups {
                        @let tally = Tally::of(tallies.get(&group.group.name).into_iter().flatten().copied());
                        tr {
                            th scope="row" { a href=(Filter::only_group(group.group.name.as_str()).address()) { (safe(group.group.name.as_str())) } }
                            @for standing in Standing::ALL { td.num { (tally.count(standing)) } }
                            td { (group.group.module) }
                            td.num { (group.group.interval.as_secs_f64()) " s" }
                        }
                    } }
                } }
            }
        }
    }
}

/// The endpoints of a page, group by group, the worst first. Groups without trouble are folded while others have some.
pub(super) fn endpoints(scene: &Scene, filter: &Filter, taken: &[&Seen], root: &str) -> Markup {
    let mut sorted = taken.to_vec();
    // Stable: within a group and a standing the order of names stays.
    sorted.sort_by_key(|seen| (&seen.slot.endpoint.group.name, seen.standing));
    let (part, pages) = filter.part(&sorted);
    let mut groups: Vec<(&GroupName, &[&Seen])> = Vec::new();
    for group in part.chunk_by(|one, other| one.slot.endpoint.group.name == other.slot.endpoint.group.name) {
        if let Some(first) = group.first() {
            groups.push((&first.slot.endpoint.group.name, group));
        }
    }
    let few = taken.len() <= PER_PAGE && groups.len() <= 3;
    html! {
        @if taken.is_empty() { p { "None." } }
        @for (name, group) in groups {
            @let tally = Tally::of(group.iter().copied());
            @let open = few || filter.group().is_some() || tally.worst() < Some(Standing::Unknown);
            details open[open] {
                summary { h3 { (safe(name.as_str())) } span.dim { (tally.words()) } }
                div.wide { (table(scene, group, root)) }
            }
        }
        (filter.pages(pages))
    }
}

fn table(scene: &Scene, group: &[&Seen], root: &str) -> Markup {
    html! {
        table.rows {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Endpoint" } th scope="col" { "Last probes" }
                th scope="col" { "Cause" } th.num scope="col" { "Took" } th scope="col" { "Certificate" } th scope="col" { "Clicks" }
            } }
            tbody { @for seen in group { (row(scene, seen, root)) } }
        }
    }
}

fn row(scene: &Scene, seen: &Seen, root: &str) -> Markup {
    let name = seen.slot.endpoint.name.as_str();
    let state = seen.state.as_deref();
    let traffic = scene.state.traffic();
    let clicks = traffic.of_endpoint(&seen.slot.endpoint.name).next();
    html! {
        tr {
            td { (seen.standing.pill()) }
            th scope="row" { a href=(place(root, name)) { (safe(name)) } }
            td.fill { (drawing::strip(&seen.slot.recent())) }
            td.fill {
                @if let Some(cause) = seen.cause() { code { (cause) } }
                @if state.is_some_and(|state| state.in_maintenance) { span.dim { " in maintenance" } }
            }
            td.num { @if let Some(state) = state.filter(|state| state.last_run.is_some()) { (time::duration(state.duration)) } }
            td { (certificate(scene, seen)) }
            td { @if let Some(series) = clicks { (drawing::sparkline(series)) } }
        }
    }
}

/// How much of its life the certificate has left that ends first.
fn certificate(scene: &Scene, seen: &Seen) -> Markup {
    let chain = seen.state.as_ref().and_then(|state| state.chain.as_ref());
    let leaf = chain.and_then(|chain| chain.leaf());
    let trusted = chain.is_some_and(|chain| chain.trusted());
    html! {
        @if let Some(leaf) = leaf {
            (life(renewal::left(leaf, scene.now), trusted))
            @if leaf.not_after > scene.now { (time::span(scene.now, leaf.not_after)) } @else { "expired" }
        }
    }
}

/// A share of a lifetime as a bar, coloured by how little it is; however much is left, nothing is well with what no browser
/// would accept.
pub(super) fn life(left: Option<f64>, trusted: bool) -> Markup {
    let left = left.unwrap_or(0.0);
    let class = match left {
        _ if !trusted => "down",
        ..=0.1 => "down",
        ..=0.25 => "warning",
        _ => "up",
    };
    drawing::bar(left, class)
}
