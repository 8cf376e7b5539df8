//! Which format and which coding a scraper gets, by what it accepts (RFC 9110 sections 12.4 and 12.5).

use std::fmt;

use super::text::Dialect;

/// An exposition format, with the name that it goes by in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    kind: FormatKind,
    /// The scheme for names outside the classic character set, where the scraper named one. Ours are all inside it,
    /// so every scheme leaves them as they are.
    escaping: Option<Escaping>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FormatKind {
    Text(TextVersion),
    OpenMetrics(OpenMetricsVersion),
    Protobuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextVersion {
    V0_0_4,
    V1_0_0,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenMetricsVersion {
    V0_0_1,
    V1_0_0,
}

/// A scheme for names outside the classic character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escaping {
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

/// How the body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// Compressed with gzip.
    Gzip,
}

impl Format {
    /// The text format 0.0.4: what everything understands, and what a person gets.
    pub const CLASSIC: Self = Self {
        kind: FormatKind::Text(TextVersion::V0_0_4),
        escaping: None,
    };

    /// OpenMetrics 1.0.
    pub const OPEN_METRICS: Self = Self {
        kind: FormatKind::OpenMetrics(OpenMetricsVersion::V1_0_0),
        escaping: None,
    };

    /// Protobuf.
    pub const PROTOBUF: Self = Self {
        kind: FormatKind::Protobuf,
        escaping: None,
    };

    /// The format that the `Accept` header likes best, the first of equals; the text format 0.0.4 where it names none
    /// that is served: a scraper that asks for nonsense is better off with text than with an error.
    #[must_use]
    pub fn negotiate(accept: Option<&str>) -> Self {
        best(accept.unwrap_or_default(), Self::of_range).unwrap_or(Self::CLASSIC)
    }

    /// The same for `/probe`, where blackbox_exporter has no OpenMetrics.
    #[must_use]
    pub fn negotiate_probe(accept: Option<&str>) -> Self {
        let classic = |range: &str| {
            Self::of_range(range).filter(|format| !matches!(format.kind, FormatKind::OpenMetrics(_)))
        };
        best(accept.unwrap_or_default(), classic).unwrap_or(Self::CLASSIC)
    }

    /// The format for one media range.
    fn of_range(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let parameter = |name: &str| {
            parts.clone().find_map(|part| {
                let (key, value) = part.split_once('=')?;
                key.trim()
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim().trim_matches('"'))
            })
        };
        let kind = match media.as_str() {
            "application/openmetrics-text" => FormatKind::OpenMetrics(match parameter("version") {
                None | Some("1.0.0") => OpenMetricsVersion::V1_0_0,
                Some("0.0.1") => OpenMetricsVersion::V0_0_1,
                Some(_) => return None,
            }),
            "text/plain" => FormatKind::Text(match parameter("version") {
                None | Some("0.0.4") => TextVersion::V0_0_4,
                Some("1.0.0") => TextVersion::V1_0_0,
                Some(_) => return None,
            }),
            "application/vnd.google.protobuf"
                if parameter("proto") == Some("io.prometheus.client.MetricFamily")
                    && parameter("encoding") == Some("delimited") =>
            {
                FormatKind::Protobuf
            }
            "*/*" | "text/*" => return Some(Self::CLASSIC),
            _ => return None,
        };
        Some(Self {
            kind,
            escaping: parameter("escaping").and_then(Escaping::of),
        })
    }

    /// The text dialect; `None` for protobuf.
    pub(super) const fn dialect(self) -> Option<Dialect> {
        match self.kind {
            FormatKind::Text(_) => Some(Dialect::Classic),
            FormatKind::OpenMetrics(_) => Some(Dialect::OpenMetrics),
            FormatKind::Protobuf => None,
        }
    }
}

/// The value of the `Content-Type` header.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FormatKind::Text(TextVersion::V0_0_4) => "text/plain; version=0.0.4; charset=utf-8",
            FormatKind::Text(TextVersion::V1_0_0) => "text/plain; version=1.0.0; charset=utf-8",
            FormatKind::OpenMetrics(OpenMetricsVersion::V0_0_1) => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            FormatKind::OpenMetrics(OpenMetricsVersion::V1_0_0) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            FormatKind::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        })?;
        match self.escaping {
            Some(escaping) => write!(f, "; escaping={}", escaping.as_str()),
            None => Ok(()),
        }
    }
}

impl Escaping {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name)
    }
}

impl Coding {
    /// gzip where the `Accept-Encoding` header likes it at least as much as no coding at all.
    #[must_use]
    pub fn negotiate(accept_encoding: Option<&str>) -> Self {
        let ranges = accept_encoding.unwrap_or_default();
        let named = |name: &str| {
            weighted(ranges).find_map(|(range, weight)| {
                let coding = range.split(';').next().unwrap_or_default().trim();
                coding.eq_ignore_ascii_case(name).then_some(weight)
            })
        };
        let gzip = named("gzip").or_else(|| named("x-gzip")).or_else(|| named("*"));
        // No coding at all is always acceptable unless it is named, but never preferred.
        let identity = named("identity").unwrap_or(0);
        match gzip {
            Some(weight) if weight > 0 && weight >= identity => Self::Gzip,
            _ => Self::Identity,
        }
    }
}

/// The choice for the range with the greatest weight above zero, the first of equals.
fn best<T>(ranges: &str, choose: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut best: Option<(u16, T)> = None;
    for (range, weight) in weighted(ranges) {
        if weight > best.as_ref().map_or(0, |(most, _)| *most)
            && let Some(choice) = choose(range)
        {
            best = Some((weight, choice));
        }
    }
    best.map(|(_, choice)| choice)
}

/// The ranges of a header, parameters included, with their weights in thousandths.
fn weighted(ranges: &str) -> impl Iterator<Item = (&str, u16)> {
    let named = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
    named.map(|range| {
        let weight = range.split(';').skip(1).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("q")
                .then(|| thousandths(value.trim()))
        });
        (range, weight.unwrap_or(1000))
    })
}

/// A weight of RFC 9110 section 12.4.2 in thousandths; what cannot be read is worth nothing.
fn thousandths(weight: &str) -> u16 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" if digits => 1000,
        "0" if digits => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(accept: &str) -> String {
        Format::negotiate(Some(accept)).to_string()
    }

    #[test]
    fn what_prometheus_sends_gets_open_metrics_with_its_escaping() {
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(
            content_type(accept),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
        );
    }

    #[test]
    fn protobuf_is_sent_to_those_who_put_it_first() {
        let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
            application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.2";
        assert!(content_type(accept).starts_with("application/vnd.google.protobuf; proto="));
    }

    #[test]
    fn browsers_curl_and_nonsense_get_text() {
        for accept in [
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "",
            "application/json",
            "text/*",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=x",
            ";;;=,,",
        ] {
            assert_eq!(
                content_type(accept),
                "text/plain; version=0.0.4; charset=utf-8",
                "{accept}"
            );
        }
        assert_eq!(Format::negotiate(None), Format::CLASSIC);
    }

    #[test]
    fn the_greatest_weight_wins_wherever_it_stands() {
        assert!(
            content_type("text/plain;q=0.3, application/openmetrics-text;q=0.31").contains("openmetrics")
        );
        assert!(content_type("application/openmetrics-text;version=0.0.1").contains("version=0.0.1"));
        assert!(content_type("text/plain;version=1.0.0").contains("version=1.0.0"));
    }

    #[test]
    fn an_unknown_escaping_is_not_echoed() {
        assert!(!content_type("text/plain;version=0.0.4;escaping=evil").contains("evil"));
    }

    #[test]
    fn gzip_is_used_where_it_is_welcome() {
        for (header, coding) in [
            ("gzip", Coding::Gzip),
            ("GZIP", Coding::Gzip),
            ("deflate, gzip;q=1.0, *;q=0.5", Coding::Gzip),
            ("*", Coding::Gzip),
            ("gzip;q=0.5", Coding::Gzip),
            ("gzip;q=0", Coding::Identity),
            ("gzip; q=0.000, *", Coding::Identity),
            ("br", Coding::Identity),
            ("identity;q=1, gzip;q=0.5", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::negotiate(Some(header)), coding, "{header}");
        }
    }
}
