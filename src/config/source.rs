//! Where further hosts of a group come from.

use std::sync::Arc;
use std::time::Duration;

use super::at::At;
use super::error::{did_you_mean, shown};
use super::group::check_interval;
use super::resolve::{Named, Resolving};
use super::value::Lasting;
use super::{credential, defaults, raw};
use crate::discovery::{self, Feed, file, http};

/// Where the further hosts of one group come from.
#[derive(Default)]
pub(super) struct Sources {
    /// Those that are asked.
    pub(super) polled: Vec<discovery::Settings>,
    /// Those that are known here anyway.
    pub(super) fed: Vec<Feed>,
}

impl Sources {
    /// Resolves one source.
    pub(super) fn add(
        &mut self,
        At { place, value: raw }: At<raw::Discover>,
        at: &mut Resolving<'_>,
        named: &Named,
    ) {
        let keys = ["file_sd", "http_sd", "platform", "traffic"];
        let given = [
            raw.file_sd.is_some(),
            raw.http_sd.is_some(),
            raw.platform.is_some(),
            raw.traffic.is_some(),
        ];
        match given.into_iter().filter(|given| *given).count() {
            0 if keys.iter().all(|key| !at.findings.was_refused(place, key)) => {
                let hint = "write file_sd, http_sd, platform or traffic";
                at.findings
                    .fault_with_hint(place, "a source without a kind", hint);
            }
            0 | 1 => {}
            _ => {
                let hint = "write each as an item of its own";
                at.findings
                    .fault_with_hint(place, "two sources in one item", hint);
                return;
            }
        }
        self.polled.extend(
            raw.file_sd
                .and_then(|files| file_source(files, at))
                .map(discovery::Settings::File),
        );
        self.polled.extend(
            raw.http_sd
                .and_then(|url| http_source(url, at))
                .map(|url| discovery::Settings::Http(Box::new(url))),
        );
        let platform = raw.platform.and_then(|name| named.platforms.find(&name, at));
        self.fed.extend(platform.map(Feed::Platform));
        self.fed
            .extend(raw.traffic.and_then(|name| stream(&name, at, named)));
    }
}

fn stream(name: &At<String>, at: &Resolving<'_>, named: &Named) -> Option<Feed> {
    if named.streams.contains(&name.value) {
        return Some(Feed::Traffic(Arc::from(name.value.as_str())));
    }
    let hint = did_you_mean(&name.value, named.streams.iter().map(String::as_str))
        .unwrap_or_else(|| "declare it under \"traffic.streams\"".to_owned());
    let what = format!("there is no stream {}", shown(&name.value));
    at.findings.fault_with_hint(name.place, what, hint);
    None
}

fn refresh(given: Option<At<Lasting>>, default: Duration, at: &Resolving<'_>) -> Duration {
    if let Some(interval) = given {
        check_interval("a refresh interval", interval, at.findings);
    }
    given.map_or(default, |interval| interval.value.0)
}

fn file_source(At { place, value: raw }: At<raw::FileSd>, at: &Resolving<'_>) -> Option<file::Settings> {
    let Some(files) = raw.files else {
        at.findings
            .missing(place, "files", "name the files, as in [targets/*.yml]");
        return None;
    };
    if files.value.is_empty() && !at.findings.was_refused(files.place, "") {
        at.findings.fault_with_hint(
            files.place,
            "no files are named",
            "name them, as in [targets/*.yml]",
        );
    }
    for name in &files.value {
        let path = at.files.locate(&name.value);
        if !file::is_target_file(&path) {
            let what = format!("{} is not a file of targets", shown(&name.value));
            at.findings
                .fault_with_hint(name.place, what, "its name must end in .json, .yml or .yaml");
        } else if path
            .parent()
            .is_some_and(|parent| parent.to_string_lossy().contains('*'))
        {
            let what = format!("{} has a * before its last segment", shown(&name.value));
            at.findings
                .fault_with_hint(name.place, what, "only the last segment of a path may hold a *");
        }
    }
    Some(file::Settings {
        files: files
            .value
            .iter()
            .map(|name| at.files.locate(&name.value))
            .collect(),
        interval: refresh(raw.refresh_interval, defaults::FILE_REFRESH, at),
    })
}

fn http_source(At { place, value: raw }: At<raw::HttpSd>, at: &mut Resolving<'_>) -> Option<http::Settings> {
    let Some(url) = raw.url.as_ref() else {
        at.findings.missing(place, "url", "name the URL to ask");
        return None;
    };
    let credentials = credential::Sources {
        basic_auth: raw.basic_auth.as_ref(),
        authorization: raw.authorization.as_ref(),
        ..credential::Sources::default()
    };
    let authorization = credential::authorization(&credentials, at);
    let tls = credential::tls(raw.tls_config.as_ref(), at);
    if let Some(raw) = raw
        .tls_config
        .filter(|_| tls.insecure_skip_verify || tls.server_name.is_some())
    {
        at.findings
            .unsupported(raw.place, "insecure_skip_verify or server_name for discovery");
    }
    Some(http::Settings {
        url: at.web_url(url)?,
        interval: refresh(raw.refresh_interval, defaults::HTTP_REFRESH, at),
        authorization,
        tls,
    })
}
