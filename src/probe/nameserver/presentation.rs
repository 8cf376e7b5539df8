//! Records as text, in the presentation form of RFC 1035 section 5.1 as blackbox_exporter's DNS library writes it:
//! users have patterns for it.
//!
//! A record is its name, time to live, class, type and data, with a tab between them. The data goes by a table of
//! fields over the bytes of the wire; what the table does not hold is shown in the form for unknown types (RFC 3597).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXLOWER, HEXUPPER};
use hickory_proto::rr::{Name, Record};
use hickory_proto::serialize::binary::{BinEncodable as _, BinEncoder, NameEncoding};
use jiff::Timestamp;

use super::names;

mod parameters;

/// A part of a record's data.
#[derive(Debug, Clone, Copy)]
enum Field {
    U8,
    U16,
    U32,
    Ip4,
    Ip6,
    Name,
    /// A text with its length before it, in quotes.
    Quoted,
    /// The same, bare.
    Word,
    /// Texts with their lengths before them, to the end, in quotes.
    Texts,
    /// A text to the end, in quotes.
    LastText,
    /// Bytes to the end.
    UpperHex,
    LowerHex,
    Base64,
    /// Bytes with their length before them; a dash for none.
    Salt,
    Base32,
    /// Seconds since 1970, modulo 2^32.
    Time,
    Type,
    /// A list of types as bitmaps, to the end.
    Types,
    /// Service parameters, to the end.
    Parameters,
}

/// The fields of a type's data; `None` where they are not known here.
fn fields(record: u16) -> Option<&'static [Field]> {
    use Field::{
        Base32, Base64, Ip4, Ip6, LastText, LowerHex, Name, Parameters, Quoted, Salt, Texts, Time, Type,
        Types, U8, U16, U32, UpperHex, Word,
    };
    Some(match record {
        1 => &[Ip4],
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, NSAP-PTR, DNAME
        2..=5 | 7..=9 | 12 | 23 | 39 => &[Name],
        6 => &[Name, Name, U32, U32, U32, U32, U32],
        // HINFO, TXT, NINFO, SPF, AVC, RESINFO
        13 | 16 | 56 | 99 | 258 | 261 => &[Texts],
        // MINFO, RP, TALINK
        14 | 17 | 58 => &[Name, Name],
        // MX, AFSDB, RT, KX, LP
        15 | 18 | 21 | 36 | 107 => &[U16, Name],
        // SIG, RRSIG
        24 | 46 => &[Type, U8, U8, U32, Time, Time, U16, Name, Base64],
        // KEY, DNSKEY, CDNSKEY
        25 | 48 | 60 => &[U16, U8, U8, Base64],
        28 => &[Ip6],
        33 => &[U16, U16, U16, Name],
        35 => &[U16, U16, Quoted, Quoted, Quoted, Name],
        // DS, CDS, TA, DLV
        43 | 59 | 32_768 | 32_769 => &[U16, U8, U8, UpperHex],
        44 => &[U8, U8, UpperHex],
        47 => &[Name, Types],
        50 => &[U8, U8, U16, Salt, Base32, Types],
        51 => &[U8, U8, U16, Salt],
        // TLSA, SMIMEA
        52 | 53 => &[U8, U8, U8, LowerHex],
        61 => &[Base64],
        62 => &[U32, U16, Types],
        63 => &[U32, U8, U8, LowerHex],
        // SVCB, HTTPS
        64 | 65 => &[U16, Name, Parameters],
        256 => &[U16, U16, LastText],
        257 => &[U8, Word, LastText],
        _ => return None,
    })
}

/// A whole record.
#[must_use]
pub fn record(record: &Record) -> String {
    let class = u16::from(record.dns_class);
    let kind = u16::from(record.record_type());
    let data = wire(record);
    let owner = name(&record.name);
    let known = names::type_name(kind).zip(fields(kind));
    let shown = known.and_then(|(kind, fields)| Some((kind, Reader(&data).all(fields)?)));
    match shown {
        Some((kind, shown)) => format!(
            "{owner}\t{}\t{}\t{kind}\t{shown}",
            record.ttl,
            names::class(class)
        ),
        None => format!(
            "{owner}\t{}\tCLASS{class}\tTYPE{kind}\t\\# {} {}",
            record.ttl,
            data.len(),
            HEXUPPER.encode(&data)
        ),
    }
}

/// The data as on the wire, with every name in full.
fn wire(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    if record.data.emit(&mut encoder).is_err() {
        bytes.clear();
    }
    bytes
}

/// A name with its final dot, escaped.
#[must_use]
pub fn name(name: &Name) -> String {
    labels(name.iter())
}

fn labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> String {
    let mut out = String::new();
    for label in labels {
        for byte in label {
            match byte {
                b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
                    out.extend(['\\', char::from(*byte)]);
                }
                b'!'..=b'~' => out.push(char::from(*byte)),
                _ => {
                    let _ = write!(out, "\\{byte:03}");
                }
            }
        }
        out.push('.');
    }
    if out.is_empty() {
        out.push('.');
    }
    out
}

/// A text in quotes, escaped.
fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\{byte:03}");
            }
        }
    }
    out.push('"');
    out
}

/// Takes a record's data apart. `None` wherever it ends too early.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn all(mut self, fields: &[Field]) -> Option<String> {
        let mut shown = Vec::with_capacity(fields.len());
        for field in fields {
            let text = self.field(*field)?;
            // An empty list at the end leaves nothing behind it.
            if !text.is_empty() {
                shown.push(text);
            }
        }
        self.0.is_empty().then(|| shown.join(" "))
    }

    fn field(&mut self, field: Field) -> Option<String> {
        Some(match field {
            Field::U8 => self.u8()?.to_string(),
            Field::U16 => self.u16()?.to_string(),
            Field::U32 => self.u32()?.to_string(),
            Field::Ip4 => Ipv4Addr::from(self.array::<4>()?).to_string(),
            Field::Ip6 => Ipv6Addr::from(self.array::<16>()?).to_string(),
            Field::Name => self.name()?,
            Field::Quoted => quoted(self.counted()?),
            Field::Word => String::from_utf8_lossy(self.counted()?).into_owned(),
            Field::Texts => self.texts()?,
            Field::LastText => quoted(self.rest()),
            Field::UpperHex => HEXUPPER.encode(self.rest()),
            Field::LowerHex => HEXLOWER.encode(self.rest()),
            Field::Base64 => BASE64.encode(self.rest()),
            Field::Salt => match self.counted()? {
                [] => "-".to_owned(),
                salt => HEXUPPER.encode(salt),
            },
            Field::Base32 => BASE32HEX_NOPAD.encode(self.counted()?),
            Field::Time => {
                let time = Timestamp::from_second(i64::from(self.u32()?)).ok()?;
                time.strftime("%Y%m%d%H%M%S").to_string()
            }
            Field::Type => names::record(self.u16()?).into_owned(),
            Field::Types => self.types()?,
            Field::Parameters => parameters::shown(self)?,
        })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes with their number in one byte before them.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    fn name(&mut self) -> Option<String> {
        let mut parts = Vec::new();
        loop {
            match self.counted()? {
                [] => return Some(labels(parts.into_iter())),
                label if label.len() < 64 => parts.push(label),
                // A pointer into a message that is not at hand.
                _ => return None,
            }
        }
    }

    fn texts(&mut self) -> Option<String> {
        let mut shown = Vec::new();
        while !self.0.is_empty() {
            shown.push(quoted(self.counted()?));
        }
        Some(shown.join(" "))
    }

    /// Windows of bitmaps (RFC 4034 section 4.1.2).
    fn types(&mut self) -> Option<String> {
        let mut shown = Vec::new();
        while !self.0.is_empty() {
            let window = u16::from(self.u8()?) << 8;
            for (place, byte) in (0..).zip(self.counted()?) {
                let set = (0..8).filter(|bit| byte & (0x80 >> bit) != 0);
                shown.extend(set.map(|bit| names::record(window | (place << 3) | bit).into_owned()));
            }
        }
        Some(shown.join(" "))
    }
}
