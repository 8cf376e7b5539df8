//! Names that DNS can hold (RFC 1035 section 2.3.4): a host that is none is nobody's to resolve.

/// What is said of a host that is none.
pub const NO_NAME: &str = "not a name that DNS can hold: a label has 1 to 63 bytes, a name at most 253";

/// The longest label and the longest name, without the dot at its end.
const LABEL: std::ops::RangeInclusive<usize> = 1..=63;
const NAME: usize = 253;

/// Whether DNS can hold a host in ASCII form.
#[must_use]
pub fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() <= NAME && host.split('.').all(|label| LABEL.contains(&label.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_as_long_as_its_encoding_lets_it_be() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(longest.len(), 253);
        for (host, holds) in [
            ("a.test", true),
            ("a.test.", true),
            ("_dmarc.a.test", true),
            (longest.as_str(), true),
            (&format!("{longest}a"), false),
            (&format!("{label}a.test"), false),
            ("a..test", false),
            (".test", false),
            ("", false),
        ] {
            assert_eq!(is_name(host), holds, "{host}");
        }
    }
}
