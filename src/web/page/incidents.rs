//! What was wrong, from when to when.

use std::sync::Arc;

use maud::{Markup, html};

use super::filter::Filter;
use super::{Part, Scene, place, safe, shell, time};
use crate::incident::{Incident, Member};

/// The page: the newest first.
pub(in crate::web) fn incidents(scene: &Scene, filter: &Filter) -> String {
    let mut all = scene.state.incidents();
    if let Some(group) = filter.group() {
        all.retain(|incident| incident.group.as_ref().is_some_and(|of| of.as_str() == group));
    }
    let standing = all.iter().filter(|incident| incident.ended.is_none()).count();
    let (part, pages) = filter.part(&all);
    let headline = match standing {
        0 => "No incident stands".to_owned(),
        1 => "1 incident stands".to_owned(),
        standing => format!("{standing} incidents stand"),
    };
    let content = html! {
        h1 { (headline) }
        p.dim { "An incident is one cause in one group, from the first endpoint that it takes to the last that it leaves." }
        @if all.is_empty() { p { "Nothing has been wrong since linkwatch began to keep count." } }
        @else { (table(scene, part, Part::Incidents)) }
        (filter.pages(pages))
    };
    shell(scene, Part::Incidents, "Incidents", &content)
}

/// Incidents, a line each.
pub(super) fn table(scene: &Scene, incidents: &[Arc<Incident>], part: Part) -> Markup {
    html! {
        div.wide { table.rows {
            thead { tr { @for head in ["When", "Lasted", "Where", "What", "Endpoints"] { th scope="col" { (head) } } } }
            tbody { @for incident in incidents { (row(scene, incident, part)) } }
        } }
    }
}

fn row(scene: &Scene, incident: &Incident, part: Part) -> Markup {
    let root = scene.root(part);
    html! {
        tr {
            td { (time::instant(incident.began)) }
            td {
                @match incident.ended {
                    None => { span class=(if incident.down > 0 { "pill down" } else { "pill warning" }) { "stands" } " " (time::span(incident.began, scene.now)) }
                    Some(ended) => (time::span(incident.began, ended)),
                }
            }
            td { @match &incident.group { Some(group) => (safe(group.as_str())), None => "this vantage point" } }
            td.fill {
                p { (incident.cause.meaning()) " " code { (incident.cause) } }
                p.dim { "Expected " span.fact { (safe(&incident.expected)) } ", actual " span.fact { (safe(&incident.actual)) } }
            }
            td.fill {
                @if incident.affected > 0 {
                    details {
                        summary { (incident.affected) @if incident.down > 0 { ", " (incident.down) " down" } }
                        ul { @for member in &incident.members { li { (line(scene, member, &root)) } } }
                        @if incident.affected > incident.members.len() { p { "and " (incident.affected - incident.members.len()) " more" } }
                    }
                }
            }
        }
    }
}

fn line(scene: &Scene, member: &Member, root: &str) -> Markup {
    let name = member.name.as_str();
    html! {
        a href=(place(root, name)) { (safe(name)) } " "
        span.dim {
            @if member.down { "down, " }
            @match member.ended {
                None => (time::since(member.began, scene.now)),
                Some(ended) => { (time::clock(member.began, scene.now)) " to " (time::clock(ended, scene.now)) }
            }
        }
    }
}
