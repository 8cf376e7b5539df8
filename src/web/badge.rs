//! Badges: how an endpoint or a group stands, as a picture of one line for other people's pages.

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Response, StatusCode};
use maud::{Markup, html};

use super::body::{self, Body};
use super::page::standing::{Seen, Standing, Tally};
use super::{Server, api};
use crate::text::visible;

const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// The longest name that a badge shows, in characters.
const LONGEST: usize = 60;

/// `/badges/endpoints/{name}.svg`.
pub(super) fn endpoint(server: &Server, encoded: &str) -> Response<Body> {
    let name = api::decode(encoded);
    let catalogue = server.site.state.catalogue();
    let standing = catalogue
        .find(&name)
        .map(|slot| Seen::at(slot, server.site.clock.now()).standing);
    answer(&name, standing, standing.map_or("not watched", Standing::as_str))
}

/// `/badges/groups/{name}.svg`.
pub(super) fn group(server: &Server, encoded: &str) -> Response<Body> {
    let name = api::decode(encoded);
    let catalogue = server.site.state.catalogue();
    let mut seen = Seen::all(&catalogue, server.site.clock.now());
    seen.retain(|seen| seen.slot.endpoint.group.name.as_str() == name);
    let tally = Tally::of(&seen);
    let standing = tally.worst();
    let words = match standing {
        None => "not watched".to_owned(),
        Some(Standing::Up) => "up".to_owned(),
        Some(worst) => format!("{} of {} {}", tally.count(worst), tally.total(), worst.as_str()),
    };
    answer(&name, standing, &words)
}

fn answer(name: &str, standing: Option<Standing>, words: &str) -> Response<Body> {
    let status = if standing.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    let badge = draw(name, words, standing).into_string();
    let mut response = body::with_type(status, SVG, body::whole(badge));
    // A badge that is kept for hours shows what was.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// White on these is readable (WCAG 2.2, contrast 4.5 and more).
const fn colour(standing: Option<Standing>) -> &'static str {
    match standing {
        Some(Standing::Up) => "#13652f",
        Some(Standing::Warned) => "#7a4b00",
        Some(Standing::Down) => "#b3001b",
        Some(Standing::Unknown) | None => "#57606a",
    }
}

fn draw(name: &str, words: &str, standing: Option<Standing>) -> Markup {
    let visible = visible(name);
    let mut shown: String = visible.chars().take(LONGEST).collect();
    if shown.len() < visible.len() {
        shown.push('…');
    }
    // A guess at the widths of letters; `textLength` makes it true.
    let (left, right) = (width(&shown), width(words));
    let label = format!("{shown}: {words}");
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height="20" role="img" aria-label=(label) {
            title { (label) }
            rect width=(left) height="20" fill="#24292f" {}
            rect x=(left) width=(right) height="20" fill=(colour(standing)) {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                text x="6" y="14" textLength=(left - 12) { (shown) }
                text x=(left + 6) y="14" textLength=(right - 12) { (words) }
            }
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count() * 7 + 12
}
