//! The last probes on demand, the newest first.

use maud::{Markup, html};

use super::filter::Filter;
use super::{Part, Scene, safe, shell, time};
use crate::state::demand::Debugged;

/// The page.
pub(in crate::web) fn probes(scene: &Scene, filter: &Filter) -> String {
    let all: Vec<_> = scene.state.demand.history().newest().cloned().collect();
    let failed = all.iter().filter(|result| !result.success).count();
    let (part, pages) = filter.part(&all);
    let content = html! {
        h1 { "Probes on demand" }
        p.dim { "What was asked of /probe lately, and the failed ones of before: " (all.len()) " probes, " (failed) " failed." }
        @if all.is_empty() { p { "Nothing has been asked of /probe yet, or nothing of it is kept." } }
        @else {
            div.wide { table.rows {
                thead { tr { @for head in ["When", "Module", "Target", "Result", "More"] { th scope="col" { (head) } } } }
                tbody { @for result in part { (row(result)) } }
            } }
        }
        (filter.pages(pages))
    };
    shell(scene, Part::Probes, "Probes on demand", &content)
}

fn row(result: &Debugged) -> Markup {
    html! {
        tr {
            td { (time::instant(result.at)) }
            td { (safe(&result.module)) }
            td.fill { (safe(&result.target)) }
            td {
                @if result.success { span class="pill up" { "Success" } }
                @else { span class="pill down" { "Failure" } }
            }
            td { a href={ "logs?id=" (result.id) } { "Logs" } }
        }
    }
}
