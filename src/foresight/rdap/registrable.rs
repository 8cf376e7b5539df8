//! The domain that somebody has registered, of any name below it.

use std::net::IpAddr;

use psl::Type;

/// The registrable domain of a host: one label below the suffix that a registry hands out names under. `None` of
/// addresses, of single labels and of suffixes themselves.
///
/// A wildcard (`*.example.com`) is registered as what it stands for. Names that companies hand out (`herokuapp.com`, a "private" suffix of the list) are in no registry: of
/// `app.herokuapp.com` it is `herokuapp.com`.
#[must_use]
pub fn registrable(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_prefix("*.").unwrap_or(&host);
    let labels: Vec<&str> = host.split('.').collect();
    if host.parse::<IpAddr>().is_ok() || host.len() > 253 || !labels.iter().all(|label| is_label(label)) {
        return None;
    }
    let mut name = host;
    let suffix = loop {
        // Names of nobody's suffix (`.test`, an inner network) are registered nowhere.
        let suffix = psl::suffix(name.as_bytes()).filter(psl::Suffix::is_known)?;
        let length = suffix.as_bytes().len();
        if suffix.typ() != Some(Type::Private) {
            break length;
        }
        // Above a private suffix there is another, shorter one.
        let (_, above) = name[name.len() - length..].split_once('.')?;
        name = above;
    };
    let below = host.len().checked_sub(suffix + 1)?;
    let label = host[..below].rsplit('.').next()?;
    Some(host[below - label.len()..].to_owned())
}

/// Whether it can be a label of a name in a URL: what cannot is not asked for.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_label_below_what_a_registry_hands_out() {
        for (host, domain) in [
            ("example.com", "example.com"),
            ("Links.Example.COM.", "example.com"),
            ("a.b.c.example.co.uk", "example.co.uk"),
            ("www.ck", "www.ck"),
            ("a.b.example.ck", "b.example.ck"),
            ("app.herokuapp.com", "herokuapp.com"),
            ("herokuapp.com", "herokuapp.com"),
            ("a.b.github.io", "github.io"),
            ("bucket.s3.eu-west-1.amazonaws.com", "amazonaws.com"),
            ("me.blogspot.com", "blogspot.com"),
            ("www.xn--bcher-kva.de", "xn--bcher-kva.de"),
            ("a.example.xn--55qx5d.cn", "example.xn--55qx5d.cn"),
            ("a.example.xn--p1ai", "example.xn--p1ai"),
            ("_dmarc.example.com", "example.com"),
        ] {
            assert_eq!(registrable(host).as_deref(), Some(domain), "{host}");
        }
    }

    #[test]
    fn what_nobody_has_registered_has_none() {
        let long = format!("{}.com", "a".repeat(64));
        for host in [
            "",
            ".",
            "com",
            "co.uk",
            "localhost",
            "links.a.test",
            "127.0.0.1",
            "::1",
            "a..com",
            ".com",
            "a b.com",
            "a/b.com",
            "bücher.de",
            "../x.com",
            &long,
        ] {
            assert_eq!(registrable(host), None, "{host}");
        }
    }
}
