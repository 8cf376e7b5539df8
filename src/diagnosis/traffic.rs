//! Quiet traffic in words.

use super::Finding;
use crate::cause::Cause;
use crate::traffic::{Judgement, Subject};

/// The alarm that stands, as a finding.
#[must_use]
pub fn quiet(subject: &Subject, judgement: &Judgement) -> Finding {
    let scope = match (&subject.series, &subject.group) {
        (None, Some(group)) => format!(" in group {group}"),
        (Some(_) | None, _) => String::new(),
    };
    let unit = Unit::of(judgement.expected);
    let since = judgement
        .since
        .map_or_else(String::new, |since| format!(" since {since}"));
    Finding::new(
        Cause::TrafficLow,
        &format!("about {}{scope}", unit.rate(judgement.expected)),
        &format!("{}{scope}{since}", unit.rate(judgement.observed)),
    )
}

/// What a rate is told by, so that it has a digit worth reading.
#[derive(Debug, Clone, Copy)]
struct Unit {
    name: &'static str,
    minutes: f64,
}

impl Unit {
    const ALL: [Self; 3] = [
        Self {
            name: "a minute",
            minutes: 1.0,
        },
        Self {
            name: "an hour",
            minutes: 60.0,
        },
        Self {
            name: "a day",
            minutes: 1440.0,
        },
    ];

    /// The shortest in which half a click and more arrives; `per_minute` is in clicks.
    fn of(per_minute: f64) -> Self {
        let telling = |unit: &&Self| per_minute * unit.minutes >= 0.5;
        Self::ALL.iter().find(telling).copied().unwrap_or(Self::ALL[2])
    }

    fn rate(self, per_minute: f64) -> String {
        format!("{:.1} clicks {}", per_minute * self.minutes, self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::endpoint::GroupName;

    #[test]
    fn a_rate_is_told_by_a_time_in_which_something_happens_and_a_group_by_its_name() {
        let subject = |series: Option<&str>| Subject {
            stream: Arc::from("clicks"),
            series: series.map(Arc::from),
            group: Some(GroupName::from("tracking")),
            name: None,
        };
        let judgement = |expected, observed| Judgement {
            expected,
            observed,
            since: jiff::Timestamp::from_second(0).ok(),
            ..Judgement::NOTHING
        };
        let own = quiet(&subject(Some("a.example")), &judgement(12.34, 0.0));
        assert_eq!(own.expected, "about 12.3 clicks a minute");
        assert_eq!(own.actual, "0.0 clicks a minute since 1970-01-01T00:00:00Z");
        let rare = quiet(&subject(None), &judgement(0.05, 0.01));
        assert_eq!(rare.expected, "about 3.0 clicks an hour in group tracking");
        assert!(
            rare.actual
                .starts_with("0.6 clicks an hour in group tracking since"),
            "{}",
            rare.actual
        );
        assert_eq!(
            quiet(&subject(None), &judgement(0.001, 0.0)).expected,
            "about 1.4 clicks a day in group tracking"
        );
    }
}
