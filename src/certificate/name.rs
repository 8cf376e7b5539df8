//! Distinguished names as text.

use rustls_pki_types::TrustAnchor;
use x509_parser::asn1_rs::{FromDer as _, Oid, Tag};
use x509_parser::oid_registry as oid;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::text::{is_hidden, visible};

/// The most bytes of a distinguished name that are kept.
const MAX_NAME: usize = 512;

/// The most bytes of one value that are kept.
const MAX_VALUE: usize = 256;

/// The name in the manner of RFC 4514: the most telling part first, special characters escaped.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let mut text = String::new();
    for (position, part) in parts.iter().rev().enumerate() {
        for (nth, attribute) in part.iter().enumerate() {
            match (position, nth) {
                (0, 0) => {}
                (_, 0) => text.push(','),
                _ => text.push('+'),
            }
            push_attribute(&mut text, attribute);
            if text.len() > MAX_NAME {
                return shortened(text, MAX_NAME);
            }
        }
    }
    text
}

/// The name of a trust anchor, which holds what stands in the outer sequence only.
pub(super) fn of_anchor(anchor: &TrustAnchor<'_>) -> Option<String> {
    let content = anchor.subject.as_ref();
    let length = u16::try_from(content.len()).ok()?;
    // A definite length of two bytes is valid for any content in BER, which this reader takes.
    let mut whole = vec![0x30, 0x82];
    whole.extend(length.to_be_bytes());
    whole.extend_from_slice(content);
    let (_, name) = X509Name::from_der(&whole).ok()?;
    Some(text(&name))
}

/// What a person calls it: the organisation, else the common name, else nothing.
pub(super) fn spoken(name: &X509Name<'_>) -> String {
    name.iter_organization()
        .chain(name.iter_common_name())
        .find_map(value)
        .map(|value| shortened(visible(&value).into_owned(), MAX_VALUE))
        .unwrap_or_default()
}

/// At most `limit` bytes, cut between characters; a cut is shown.
pub(super) fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        const MARK: &str = "…";
        let mut end = limit - MARK.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(MARK);
    }
    text
}

fn push_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type();
    let value = value(attribute).map_or_else(
        || {
            format!(
                "#{}",
                hex(&attribute.as_slice()[..attribute.as_slice().len().min(64)])
            )
        },
        |value| escaped(&shortened(value, MAX_VALUE)),
    );
    match short_name(kind) {
        Some(name) => text.push_str(name),
        None => text.push_str(&shortened(kind.to_id_string(), 64)),
    }
    text.push('=');
    text.push_str(&value);
}

/// RFC 4514 section 3, with the names that OpenSSL and Go add to it.
fn short_name(kind: &Oid<'_>) -> Option<&'static str> {
    let known = [
        (oid::OID_X509_COMMON_NAME, "CN"),
        (oid::OID_X509_ORGANIZATION_NAME, "O"),
        (oid::OID_X509_ORGANIZATIONAL_UNIT, "OU"),
        (oid::OID_X509_COUNTRY_NAME, "C"),
        (oid::OID_X509_LOCALITY_NAME, "L"),
        (oid::OID_X509_STATE_OR_PROVINCE_NAME, "ST"),
        (oid::OID_X509_STREET_ADDRESS, "STREET"),
        (oid::OID_X509_SERIALNUMBER, "SERIALNUMBER"),
        (oid::OID_X509_POSTAL_CODE, "POSTALCODE"),
        (oid::OID_DOMAIN_COMPONENT, "DC"),
        (oid::OID_USERID, "UID"),
        (oid::OID_PKCS9_EMAIL_ADDRESS, "EMAILADDRESS"),
    ];
    known
        .iter()
        .find(|(known, _)| known == kind)
        .map(|(_, name)| *name)
}

/// The value of a string type; `None` for anything else.
fn value(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    if let Ok(text) = attribute.as_str() {
        return Some(text.to_owned());
    }
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(
                char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
            )
        }
        // T.61 is Latin-1 in practice; so is text that claims to be another type and is not valid.
        Tag::T61String | Tag::NumericString | Tag::PrintableString | Tag::Utf8String | Tag::Ia5String => {
            Some(bytes.iter().copied().map(char::from).collect())
        }
        _ => None,
    }
}

/// RFC 4514 section 2.4.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (position, character) in value.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (position == 0 && matches!(character, ' ' | '#'))
            || (position == last && character == ' ');
        if is_hidden(character) {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                text.push('\\');
                text.push_str(&hex(&[byte]));
            }
        } else {
            if special {
                text.push('\\');
            }
            text.push(character);
        }
    }
    text
}

/// Lower-case hexadecimal, two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
