//! `--web.config.file`: who is let in on the web side, and how.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;

use http::{HeaderName, HeaderValue};

use super::at::At;
use super::credential::either;
use super::error::{ConfigErrors, Findings, Place, Problem, did_you_mean, shown};
use super::files::{Files, Sources};
use super::raw::web::{HttpServer, RateLimit, WebFile};
use super::reader;
use super::resolve::{self, Resolving};
use super::secret::Secret;
use crate::web::access::{Access, Rate, Settings, check_hash};

mod tls;

/// Headers that the file may set, and the values where only some are right.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

/// A hash that costs more than this takes seconds to check.
const COSTLY: u32 = 14;

/// Who is let in, as a file says.
#[derive(Debug)]
pub struct WebConfig {
    /// Ready to use.
    pub access: Access,
    /// What works, but not as its author may think.
    pub warnings: Vec<Problem>,
    /// The files that it was made of.
    pub sources: Sources,
}

/// Loads a file and everything that it names, relative to its directory. Blocks on the file system.
pub fn load_web(path: &Path) -> Result<WebConfig, ConfigErrors> {
    let mut files = Files::directory(path.parent().unwrap_or_else(|| Path::new("")));
    match files.read(path) {
        Ok(text) => parse_web(path, &text, files),
        Err(error) => Err(ConfigErrors {
            problems: vec![Problem {
                file: path.to_owned(),
                place: Place::default(),
                what: format!("cannot read the web configuration: {error}"),
                hint: None,
            }],
            sources: files.sources(),
        }),
    }
}

/// Parses a file that stands in `text`, under the name that its errors shall carry; `files` serves those that it names.
pub fn parse_web(name: &Path, text: &[u8], mut files: Files) -> Result<WebConfig, ConfigErrors> {
    let findings = Findings::new(name);
    let access = resolve::parse(text, &findings).and_then(|tree| {
        let raw: WebFile = reader::read(&tree, &findings);
        let mut at = Resolving {
            findings: &findings,
            files: &mut files,
        };
        at.access(raw)
    });
    let (problems, warnings) = findings.finish();
    let sources = files.sources();
    match access {
        Some(access) if problems.is_empty() => Ok(WebConfig {
            access,
            warnings,
            sources,
        }),
        Some(_) | None => Err(ConfigErrors { problems, sources }),
    }
}

impl Resolving<'_> {
    fn access(&mut self, raw: WebFile) -> Option<Access> {
        let http = raw.http_server_config.unwrap_or_default();
        let http2 = http.http2.unwrap_or(true);
        let place = raw
            .tls_server_config
            .as_ref()
            .map_or_else(Place::default, |tls| tls.place);
        let settings = Settings {
            tls: raw.tls_server_config.and_then(|tls| self.server_tls(tls, http2)),
            headers: self.answer_headers(http),
            users: self.users(raw.basic_auth_users.unwrap_or_default()),
            rate: raw.rate_limit.and_then(|rate| self.rate(&rate)),
        };
        Access::new(settings)
            .map_err(|error| self.findings.fault(place, error.to_string()))
            .ok()
    }

    fn answer_headers(&self, raw: HttpServer) -> Vec<(HeaderName, HeaderValue)> {
        let headers = raw.headers.unwrap_or_default().into_iter();
        headers
            .filter_map(|(name, value)| self.answer_header(&name, &value))
            .collect()
    }

    fn answer_header(&self, name: &str, value: &At<String>) -> Option<(HeaderName, HeaderValue)> {
        let known = HEADERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((_, values)) = known else {
            let all = HEADERS.map(|(known, _)| known);
            let hint = did_you_mean(name, all).unwrap_or_else(|| format!("it may set {}", all.join(", ")));
            let what = format!("the header {} cannot be set here", shown(name));
            self.findings.fault_with_hint(value.place, what, hint);
            return None;
        };
        if !values.is_empty() && !values.contains(&value.value.as_str()) {
            let what = format!("{name} cannot be {}", shown(&value.value));
            let hint = format!("write {}", values.join(" or "));
            self.findings.fault_with_hint(value.place, what, hint);
            return None;
        }
        let parsed = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::try_from(&value.value).ok());
        if parsed.is_none() {
            let what = format!("{name} holds a character that no header can carry");
            self.findings.fault(value.place, what);
        }
        parsed
    }

    fn users(&self, raw: BTreeMap<String, At<Secret>>) -> BTreeMap<String, String> {
        for (user, hash) in &raw {
            match check_hash(hash.value.reveal()) {
                Ok(cost) if cost > COSTLY => {
                    let what = format!("checking the password of {} takes seconds", shown(user));
                    let hint = format!("its hash has a cost of {cost}; 10 to 12 are usual");
                    self.findings.warn(hash.place, what, hint);
                }
                Ok(_) => {}
                Err(error) => {
                    let what = format!("what stands for the password of {} is {error}", shown(user));
                    let hint = "make one with htpasswd -nBC 10 \"\"";
                    self.findings.fault_with_hint(hash.place, what, hint);
                }
            }
        }
        raw.into_iter()
            .map(|(user, hash)| (user, hash.value.reveal().to_owned()))
            .collect()
    }

    fn rate(&self, At { place, value: raw }: &At<RateLimit>) -> Option<Rate> {
        let interval = raw.interval.filter(|interval| !interval.value.0.is_zero());
        let Some(interval) = interval else {
            if raw.burst.is_some() {
                let hint = "write interval: the time after which one more request is taken";
                self.findings
                    .warn(*place, "without an interval no rate is limited", hint);
            }
            return None;
        };
        let burst = raw.burst.map_or(0, |burst| burst.value);
        let Some(burst) = NonZeroU32::new(burst) else {
            let hint = "write burst: so many requests are taken at once";
            self.findings.fault_with_hint(
                *place,
                "a rate limit without a burst takes no request at all",
                hint,
            );
            return None;
        };
        Some(Rate {
            interval: interval.value.0,
            burst,
        })
    }

    /// A text that stands here or in a file.
    fn text(&mut self, key: &str, inline: Option<&At<String>>, file: Option<&At<String>>) -> Option<Vec<u8>> {
        let given = |text: &&At<String>| !text.value.is_empty();
        let inline = inline.filter(given).map(|text| (text.place, text.value.as_str()));
        either(key, inline, file.filter(given), self).map(String::into_bytes)
    }
}
