//! The names that the registries of the DNS give to types, classes and response codes, and the way back.

use std::borrow::Cow;

use hickory_proto::rr::Name;

/// Types by number (IANA, Resource Record TYPEs).
const TYPES: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (23, "NSAP-PTR"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (27, "GPOS"),
    (28, "AAAA"),
    (29, "LOC"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (33, "SRV"),
    (34, "ATMA"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (49, "DHCID"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (55, "HIP"),
    (56, "NINFO"),
    (57, "RKEY"),
    (58, "TALINK"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (104, "NID"),
    (105, "L32"),
    (106, "L64"),
    (107, "LP"),
    (108, "EUI48"),
    (109, "EUI64"),
    (128, "NXNAME"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
    (258, "AVC"),
    (260, "AMTRELAY"),
    (261, "RESINFO"),
    (32_768, "TA"),
    (32_769, "DLV"),
];

/// Classes by number (IANA, DNS CLASSes).
const CLASSES: &[(u16, &str)] = &[
    (1, "IN"),
    (2, "CS"),
    (3, "CH"),
    (4, "HS"),
    (254, "NONE"),
    (255, "ANY"),
];

/// Response codes by number (IANA, DNS RCODEs). 16 has two names; BADSIG is what it means in TSIG alone.
const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (11, "DSOTYPENI"),
    (16, "BADVERS"),
    (16, "BADSIG"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

/// A type by its name, whatever the case, or as `TYPE65280` (RFC 3597 section 5).
#[must_use]
pub fn parse_type(text: &str) -> Option<u16> {
    parse(TYPES, text).or_else(|| numbered("TYPE", text))
}

/// A class by its name, or as `CLASS32`.
#[must_use]
pub fn parse_class(text: &str) -> Option<u16> {
    parse(CLASSES, text).or_else(|| numbered("CLASS", text))
}

/// A response code by its name or number.
#[must_use]
pub fn parse_rcode(text: &str) -> Option<u16> {
    let number = text.parse().ok().filter(|code| *code < 0x1000);
    parse(RCODES, text).or(number)
}

/// The names of types, for suggestions.
pub fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(_, name)| *name)
}

/// The names of classes.
pub fn classes() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().map(|(_, name)| *name)
}

/// The names of response codes.
pub fn rcodes() -> impl Iterator<Item = &'static str> {
    RCODES.iter().map(|(_, name)| *name)
}

/// The name of a type that has one.
#[must_use]
pub fn type_name(number: u16) -> Option<&'static str> {
    find(TYPES, number)
}

/// The name of a type, or `TYPE` and its number.
#[must_use]
pub fn record(number: u16) -> Cow<'static, str> {
    named(TYPES, "TYPE", number)
}

/// The name of a class, or `CLASS` and its number.
#[must_use]
pub fn class(number: u16) -> Cow<'static, str> {
    named(CLASSES, "CLASS", number)
}

/// The name of a response code, or `RCODE` and its number.
#[must_use]
pub fn rcode(number: u16) -> Cow<'static, str> {
    named(RCODES, "RCODE", number)
}

/// A text as a name that can be asked for; `None` when it cannot be one.
#[must_use]
pub fn name(text: &str) -> Option<Name> {
    if text == "." {
        return Some(Name::root());
    }
    // By itself: the parser of names takes the three digits of an escape for octal ones.
    let mut labels = vec![Vec::new()];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'.' => labels.push(Vec::new()),
            b'\\' => labels.last_mut()?.push(escaped(&mut rest)?),
            _ => labels.last_mut()?.push(byte),
        }
    }
    if labels.len() > 1 && labels.last()?.is_empty() {
        labels.pop();
    }
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// What stands behind a backslash: three digits for a byte, or any other character for itself (RFC 1035 section 5.1).
fn escaped(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = rest.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, rest.next()?, rest.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn parse(table: &[(u16, &str)], text: &str) -> Option<u16> {
    let mut rows = table.iter();
    rows.find(|(_, name)| name.eq_ignore_ascii_case(text))
        .map(|(number, _)| *number)
}

fn numbered(prefix: &str, text: &str) -> Option<u16> {
    let (begin, number) = text.split_at_checked(prefix.len())?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (begin.eq_ignore_ascii_case(prefix) && digits)
        .then(|| number.parse().ok())
        .flatten()
}

fn find(table: &'static [(u16, &'static str)], number: u16) -> Option<&'static str> {
    let mut rows = table.iter();
    rows.find(|(known, _)| *known == number).map(|(_, name)| *name)
}

fn named(table: &'static [(u16, &'static str)], prefix: &str, number: u16) -> Cow<'static, str> {
    find(table, number).map_or_else(|| Cow::Owned(format!("{prefix}{number}")), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::nameserver::presentation;

    #[test]
    fn names_are_read_and_written_with_their_escapes() {
        for (text, written) in [
            ("example.com", "example.com."),
            ("Example.com.", "Example.com."),
            (".", "."),
            (r"a\.b.test", r"a\.b.test."),
            (r"a\032b.test", r"a\ b.test."),
            (r"\255\000.test", r"\255\000.test."),
            ("*.test", "*.test."),
            ("\u{fc}.test", r"\195\188.test."),
        ] {
            let name = name(text).unwrap_or_else(|| panic!("{text} is no name"));
            assert_eq!(presentation::name(&name), written);
        }
        for text in [
            "",
            "..",
            "a..b",
            r"a\",
            r"a\25",
            r"a\256",
            &"x".repeat(64),
            &"x.".repeat(128),
        ] {
            assert!(name(text).is_none(), "{text} is taken for a name");
        }
    }

    #[test]
    fn names_of_the_registries_are_known_both_ways() {
        for (number, name) in TYPES {
            assert_eq!(
                (parse_type(name), record(*number)),
                (Some(*number), Cow::Borrowed(*name))
            );
        }
        assert_eq!(parse_type("type65280"), Some(65_280));
        assert_eq!(
            (parse_type("TYPE65536"), parse_type("TYPE+1"), parse_type("TYPE")),
            (None, None, None)
        );
        assert_eq!((parse_class("ch"), parse_class("CLASS32")), (Some(3), Some(32)));
        assert_eq!(
            (parse_rcode("5"), parse_rcode("refused"), parse_rcode("4096")),
            (Some(5), Some(5), None)
        );
    }
}
