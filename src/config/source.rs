//! Where further hosts of a group come from.

use std::time::Duration;

use super::at::At;
use super::error::shown;
use super::group::check_interval;
use super::resolve::Resolving;
use super::value::Lasting;
use super::{credential, defaults, raw};
use crate::discovery::{self, file, http};

/// Resolves one source.
pub(super) fn resolve(
    At { place, value: raw }: At<raw::Discover>,
    at: &mut Resolving<'_>,
) -> Option<discovery::Settings> {
    if let Some(later) = raw.platform.or(raw.traffic) {
        at.findings
            .unsupported(later.place, "discovery by platform or traffic");
        return None;
    }
    match (raw.file_sd, raw.http_sd) {
        (Some(files), None) => file_source(files, at).map(discovery::Settings::File),
        (None, Some(url)) => http_source(url, at).map(|url| discovery::Settings::Http(Box::new(url))),
        (Some(_), Some(_)) => {
            at.findings.fault_with_hint(
                place,
                "two sources in one item",
                "write each as an item of its own",
            );
            None
        }
        (None, None) => {
            if !at.findings.was_refused(place, "file_sd") && !at.findings.was_refused(place, "http_sd") {
                at.findings
                    .fault_with_hint(place, "a source without a kind", "write file_sd or http_sd");
            }
            None
        }
    }
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
