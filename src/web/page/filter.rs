//! What a page is narrowed down to by its address, and the addresses that narrow it down.

use maud::{Markup, html};
use url::form_urlencoded;

use super::standing::{Seen, Standing};
use crate::endpoint::Endpoint;
use crate::text::visible;

/// Endpoints on one page.
pub(super) const PER_PAGE: usize = 200;

/// The longest text that is looked for.
const LONGEST: usize = 200;

/// `?q=…&group=…&state=…&cause=…&page=…&refresh=…`; what cannot be read is as if it were not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Filter {
    /// Words that must all stand in name, group, URL, labels or cause.
    q: String,
    group: Option<String>,
    state: Option<Standing>,
    cause: Option<String>,
    /// From 1.
    page: usize,
    /// Seconds after which the browser is to ask again.
    pub(in crate::web) refresh: Option<u32>,
}

impl Filter {
    pub(in crate::web) fn parse(query: &str) -> Self {
        let mut filter = Self {
            page: 1,
            ..Self::default()
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let short: String = value.chars().take(LONGEST).collect();
            let text = visible(&short).into_owned();
            match &*key {
                "q" => filter.q = text,
                "group" => filter.group = Some(text),
                "state" => filter.state = Standing::ALL.into_iter().find(|state| state.as_str() == text),
                "cause" => filter.cause = Some(text),
                "page" => filter.page = text.parse().unwrap_or(1).max(1),
                "refresh" => {
                    filter.refresh = text.parse().ok().filter(|seconds| (5..=3_600).contains(seconds));
                }
                _ => {}
            }
        }
        filter
    }

    /// Whether all is shown.
    pub(super) const fn is_open(&self) -> bool {
        self.q.is_empty() && self.group.is_none() && self.state.is_none() && self.cause.is_none()
    }

    /// Whether only what is down, or has failed, is asked for.
    pub(super) fn only_failed(&self) -> bool {
        self.state == Some(Standing::Down)
    }

    /// The group that it is narrowed down to.
    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    pub(super) fn takes(&self, seen: &Seen) -> bool {
        let endpoint = &seen.slot.endpoint;
        let cause = seen.cause().map_or("", |cause| cause.as_str());
        let group = endpoint.group.name.as_str();
        self.group.as_deref().is_none_or(|wanted| wanted == group)
            && self.state.is_none_or(|wanted| wanted == seen.standing)
            && self.cause.as_deref().is_none_or(|wanted| wanted == cause)
            && self.finds(endpoint, group, cause)
    }

    /// Whether every word stands somewhere. Each text is folded once, however many words are looked for.
    fn finds(&self, endpoint: &Endpoint, group: &str, cause: &str) -> bool {
        if self.q.is_empty() {
            return true;
        }
        let (host, path) = (endpoint.url.host_str().unwrap_or_default(), endpoint.url.path());
        let mut texts = vec![endpoint.name.as_str(), group, cause, host, path];
        texts.extend(endpoint.labels.iter().map(|(_, value)| value));
        // No word holds a line break.
        let texts = texts.join("\n").to_lowercase();
        let wanted = self.q.to_lowercase();
        wanted.split_whitespace().all(|word| texts.contains(word))
    }

    /// Of so many endpoints those that stand on this page, and how many pages there are.
    pub(super) fn part<'a, T>(&self, all: &'a [T]) -> (&'a [T], usize) {
        let pages = all.len().div_ceil(PER_PAGE).max(1);
        let start = (self.page.min(pages) - 1) * PER_PAGE;
        let end = all.len().min(start + PER_PAGE);
        (all.get(start..end).unwrap_or_default(), pages)
    }

    /// The same on another page.
    fn to_page(&self, page: usize) -> String {
        Self { page, ..self.clone() }.address()
    }

    /// The address, relative to the page.
    pub(super) fn address(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut put = |key: &str, value: &str| {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        };
        put("q", &self.q);
        put("group", self.group.as_deref().unwrap_or_default());
        put("state", self.state.map_or("", Standing::as_str));
        put("cause", self.cause.as_deref().unwrap_or_default());
        if self.page > 1 {
            put("page", &self.page.to_string());
        }
        if let Some(seconds) = self.refresh {
            put("refresh", &seconds.to_string());
        }
        format!("?{}", query.finish())
    }

    /// The same, asked for again every so many seconds, or not.
    pub(super) fn refreshed(&self, seconds: Option<u32>) -> String {
        Self {
            refresh: seconds,
            ..self.clone()
        }
        .address()
    }

    /// Where a group is looked at alone.
    pub(super) fn only_group(group: &str) -> Self {
        Self {
            group: Some(group.to_owned()),
            ..Self::default()
        }
    }

    /// The same, of one cause.
    pub(super) fn with_cause(mut self, cause: &str) -> Self {
        self.cause = Some(cause.to_owned());
        self
    }

    /// What can be asked for.
    pub(super) fn form<'a>(&self, groups: impl Iterator<Item = &'a str>) -> Markup {
        html! {
            form.filter method="get" role="search" aria-label="Endpoints" {
                label { "Search " input type="search" name="q" value=(self.q) placeholder="name, host, label, cause"; }
                label { "Group "
                    select name="group" {
                        option value="" { "all" }
                        @for group in groups {
                            option value=(group) selected[self.group.as_deref() == Some(group)] { (super::safe(group)) }
                        }
                    }
                }
                label { "State "
                    select name="state" {
                        option value="" { "all" }
                        @for state in Standing::ALL {
                            option value=(state.as_str()) selected[self.state == Some(state)] { (state.as_str()) }
                        }
                    }
                }
                @if let Some(cause) = &self.cause { input type="hidden" name="cause" value=(cause); }
                button type="submit" { "Show" }
                @if !self.is_open() { a href="?" { "Show all" } }
            }
        }
    }

    /// The way to the other pages.
    pub(super) fn pages(&self, pages: usize) -> Markup {
        let page = self.page.min(pages);
        html! {
            @if pages > 1 {
                nav.pages aria-label="Pages" {
                    @if page > 1 { a rel="prev" href=(self.to_page(page - 1)) { "Previous" } }
                    span { "Page " (page) " of " (pages) }
                    @if page < pages { a rel="next" href=(self.to_page(page + 1)) { "Next" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_what_it_was_written_from() {
        for query in [
            "",
            "q=a+%26+b&group=tr%C3%A4cking&state=down&page=3",
            "cause=tls_expired&refresh=30",
        ] {
            let filter = Filter::parse(query);
            assert_eq!(Filter::parse(filter.address().trim_start_matches('?')), filter);
        }
    }

    #[test]
    fn nonsense_is_as_if_it_were_not_there() {
        let filter = Filter::parse("page=-1&page=x&state=sideways&refresh=1&other=&&=&%ff");
        assert_eq!(filter, Filter::parse(""));
        assert!(filter.is_open());
    }

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        let all: Vec<usize> = (0..450).collect();
        let (part, pages) = Filter::parse("page=99").part(&all);
        assert_eq!((part.len(), part[0], pages), (50, 400, 3));
        assert_eq!(Filter::parse("").part::<usize>(&[]), (&[][..], 1));
    }
}
