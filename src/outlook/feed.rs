//! What others say of themselves on their status pages: context for people, and never a cause.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text::bounded;

/// How a service stands by its own account, in the order in which the worst of several is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// All is well.
    Operational,
    /// It has not said, or in words that are not understood.
    #[default]
    Unknown,
    /// Announced work is under way.
    Maintenance,
    /// It works, but not as it should.
    Degraded,
    /// Some or all of it does not work.
    Outage,
}

impl Indicator {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::Operational,
        Self::Unknown,
        Self::Maintenance,
        Self::Degraded,
        Self::Outage,
    ];

    /// The name in metrics and texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
            Self::Degraded => "degraded",
            Self::Outage => "outage",
        }
    }
}

/// What a status page says in one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How it stands.
    pub indicator: Indicator,
    /// The name of the incident or the work, else the page's own summary; at most 200 bytes.
    pub headline: String,
}

impl Report {
    /// A report with its text bounded.
    #[must_use]
    pub fn new(indicator: Indicator, headline: &str) -> Self {
        Self {
            indicator,
            headline: bounded(headline),
        }
    }
}

/// A status page, and what it last said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Its name in the configuration.
    pub name: String,
    /// What it last said; unknown until it has.
    pub report: Report,
    /// When it last said anything.
    pub last_success: Option<Timestamp>,
    /// Why it could not be read since; `None` while it can.
    pub problem: Option<String>,
    /// Times that it could not be read since it last could.
    pub failures: u32,
}

impl Feed {
    /// A page that has not been asked yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            report: Report::default(),
            last_success: None,
            problem: None,
            failures: 0,
        }
    }

    /// After another look: a page that is down keeps what it last said, with its age.
    #[must_use]
    pub fn after(self, look: Result<Report, String>, now: Timestamp) -> Self {
        match look {
            Ok(report) => Self {
                report,
                last_success: Some(now),
                problem: None,
                failures: 0,
                ..self
            },
            Err(problem) => Self {
                problem: Some(bounded(&problem)),
                failures: self.failures.saturating_add(1),
                ..self
            },
        }
    }

    /// How long ago it last said anything.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        let age = now.duration_since(self.last_success?);
        Some(age.max(SignedDuration::ZERO))
    }

    /// What to tell beside a fault: nothing while all is well, or where nothing is known.
    #[must_use]
    pub fn context(&self, now: Timestamp) -> Option<String> {
        let age = self.age(now)?;
        match self.report.indicator {
            Indicator::Operational | Indicator::Unknown => return None,
            Indicator::Maintenance | Indicator::Degraded | Indicator::Outage => {}
        }
        let mut text = format!("{} says {}", self.name, self.report.indicator.as_str());
        if !self.report.headline.is_empty() {
            text += ": ";
            text += &self.report.headline;
        }
        if self.problem.is_some() {
            let minutes = age.as_mins();
            text = format!("{text} (as of {minutes} min ago; its status page cannot be read since)");
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_down_keeps_what_it_last_said_with_its_age() {
        let start: Timestamp = "2026-05-08T10:30:00Z".parse().unwrap();
        let later = start + SignedDuration::from_mins(90);
        let feed = Feed::new("heroku");
        assert_eq!((feed.age(start), feed.context(start)), (None, None));
        let report = Report::new(Indicator::Outage, "Certificates\n cannot be issued");
        let feed = feed.after(Ok(report), start);
        assert_eq!(
            feed.context(start).unwrap(),
            "heroku says outage: Certificates cannot be issued"
        );
        let feed = feed.after(Err("timed out".to_owned()), later);
        let feed = feed.after(Err("timed out".to_owned()), later);
        assert_eq!(feed.failures, 2);
        assert_eq!(feed.age(later), Some(SignedDuration::from_mins(90)));
        assert_eq!(
            feed.context(later).unwrap(),
            "heroku says outage: Certificates cannot be issued (as of 90 min ago; its status page cannot be read since)"
        );
        let feed = feed.after(Ok(Report::new(Indicator::Operational, "All systems go")), later);
        assert_eq!(
            (feed.failures, feed.problem.clone(), feed.context(later)),
            (0, None, None)
        );
    }

    #[test]
    fn a_page_that_has_never_answered_says_nothing() {
        let now: Timestamp = "2026-05-08T10:30:00Z".parse().unwrap();
        let feed = Feed::new("x").after(Err("refused".to_owned()), now);
        assert_eq!(feed.report.indicator, Indicator::Unknown);
        assert_eq!(feed.context(now), None);
    }
}
