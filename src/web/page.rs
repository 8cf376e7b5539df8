//! The pages for people, made of the state that the scrape reads: what is wrong first, then groups, then endpoints.
//!
//! No page needs a script. Texts from outside are shown as what they are: markup is escaped by maud, and characters that
//! deceive a reader by `text::visible`.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::build_info;
use crate::state::State;
use crate::text::visible;

mod drawing;
mod endpoint;
mod filter;
mod incidents;
mod overview;
mod probes;
mod rows;
pub(super) mod standing;
mod time;

pub(super) use endpoint::endpoint;
pub(super) use filter::Filter;
pub(super) use incidents::incidents;
pub(super) use overview::overview;
pub(super) use probes::probes;

/// What is left as it is in a part of a path (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What every page is made of.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// What is known.
    pub(super) state: Arc<State>,
    /// The moment that the page shows.
    pub(super) now: Timestamp,
    /// The URL under which users reach this server; `None`: the one they used.
    pub(super) external_url: Option<Url>,
}

/// The parts of the site that a page can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Overview,
    Endpoint,
    Incidents,
    Probes,
}

impl Scene {
    /// What links begin with on a page that lies so many directories deep: relative, so that they work under any path of
    /// a proxy.
    fn root(&self, part: Part) -> String {
        match (&self.external_url, part) {
            (Some(url), _) => directory(url),
            (None, Part::Overview | Part::Incidents | Part::Probes) => String::new(),
            (None, Part::Endpoint) => "../".to_owned(),
        }
    }
}

/// The URL with the final slash that makes links relative to all of it.
fn directory(url: &Url) -> String {
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url.into()
}

/// The page around its content.
fn shell(scene: &Scene, part: Part, title: &str, content: &Markup) -> String {
    let root = scene.root(part);
    let link = |to: &str, text: &str, of: Part| {
        html! { a href={ (root) (to) } aria-current=[(of == part).then_some("page")] { (text) } }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (visible(title)) " - linkwatch" }
                style { (PreEscaped(include_str!("page/style.css"))) }
            }
            body.page {
                a.skip href="#content" { "To the content" }
                header {
                    strong { "linkwatch" }
                    nav aria-label="Site" {
                        (link(if root.is_empty() { "./" } else { "" }, "Status", Part::Overview))
                        (link("incidents", "Incidents", Part::Incidents))
                    }
                }
                main #content { (content) }
                footer {
                    ul.links { @for (to, text) in ELSEWHERE { li { a href={ (root) (to) } { (text) } } } }
                    p { "linkwatch " (build_info::VERSION) ", revision " (build_info::REVISION) ", as of " (time::instant(scene.now)) }
                }
            }
        }
    };
    page.into_string()
}

/// Where else a reader may want to go.
const ELSEWHERE: [(&str, &str); 6] = [
    ("metrics", "Metrics"),
    ("api/v1/openapi.yaml", "API"),
    ("api/v1/endpoints", "Endpoints as JSON"),
    ("api/v1/traffic", "Traffic as JSON"),
    ("config", "Configuration"),
    ("probes", "Probes on demand"),
];

/// A text from outside, apart from what stands around it.
fn safe(text: &str) -> Markup {
    html! { bdi { (visible(text)) } }
}

/// Where an endpoint has its page.
fn place(root: &str, name: &str) -> String {
    format!("{root}endpoints/{}", utf8_percent_encode(name, UNRESERVED))
}

/// What there is not.
pub(super) fn missing(scene: &Scene, name: &str) -> String {
    let content = html! {
        h1 { "No such endpoint" }
        p { "Nothing that is watched is named " (safe(name)) "." }
        p { a href={ (scene.root(Part::Endpoint)) } { "All that is watched" } }
    };
    shell(scene, Part::Endpoint, "No such endpoint", &content)
}
