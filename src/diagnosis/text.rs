//! Texts for people: short, in a fixed order, and free of whatever the network put in them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use url::Url;

pub(super) use crate::text::bounded;
use crate::text::{LONGEST, without_credentials};

/// The items sorted, without repetition, joined by commas.
pub(super) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let sorted: BTreeSet<String> = items.into_iter().map(|item| bounded(item.as_ref())).collect();
    let mut text = String::new();
    for item in sorted.iter().filter(|item| !item.is_empty()) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(item);
        // More would be cut off anyway.
        if text.len() > LONGEST {
            break;
        }
    }
    bounded(&text)
}

/// The addresses in numerical order, joined by commas.
pub(super) fn addresses(addresses: impl IntoIterator<Item = IpAddr>) -> String {
    let sorted: BTreeSet<IpAddr> = addresses.into_iter().collect();
    let texts: Vec<String> = sorted.iter().map(IpAddr::to_string).collect();
    bounded(&texts.join(", "))
}

/// A URL without credentials, query and fragment.
pub(super) fn bare(url: &Url) -> Url {
    let mut url = without_credentials(url).into_owned();
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// The port that a URL stands for, as far as the URL says it.
pub(super) fn port(url: &Url) -> Cow<'static, str> {
    match url.port_or_known_default() {
        Some(port) => Cow::Owned(port.to_string()),
        None if url.scheme() == "dns" => Cow::Borrowed("53 (853 over TLS)"),
        None if url.scheme() == "grpc" => Cow::Borrowed("80 (443 over TLS)"),
        None => Cow::Borrowed("0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_marked() {
        let cut = bounded(&"ä".repeat(200));
        assert!(cut.len() <= LONGEST && cut.len() > LONGEST - 5);
        assert!(cut.ends_with("ä…"));
        assert_eq!(bounded(&"a".repeat(200)), "a".repeat(200));
    }

    #[test]
    fn control_characters_do_not_get_through() {
        assert_eq!(bounded("a\u{1b}[31m\r\nb\u{0}"), "a [31m b");
    }

    #[test]
    fn a_list_does_not_depend_on_the_order_of_its_items() {
        assert_eq!(list(["b", "a", "b"]), "a, b");
        assert_eq!(
            addresses(["203.0.113.10", "203.0.113.9"].map(|a| a.parse().unwrap())),
            "203.0.113.9, 203.0.113.10"
        );
    }
}
