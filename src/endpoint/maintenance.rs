//! When a maintenance window holds: windows are meant by the clock on the wall, so a change of that clock must
//! neither cut a window in two nor move it by an hour.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::Maintenance;

impl Maintenance {
    /// Whether the window holds at `now`. A weekly window that ends when it begins lasts a whole day.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        match self {
            Self::Once { from, until, .. } => (*from..*until).contains(&now),
            Self::Weekly {
                days,
                from,
                until,
                zone,
                ..
            } => {
                let window = Weekly {
                    days,
                    from: *from,
                    until: *until,
                    zone,
                };
                window.holds_at(now)
            }
        }
    }
}

/// The parts of `Maintenance::Weekly` that decide.
struct Weekly<'a> {
    days: &'a [Weekday],
    from: Time,
    until: Time,
    zone: &'a TimeZone,
}

impl Weekly<'_> {
    fn holds_at(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        // Over midnight, the window may have begun yesterday.
        [Some(local.date()), local.date().yesterday().ok()]
            .into_iter()
            .flatten()
            .filter(|date| self.days.is_empty() || self.days.contains(&date.weekday()))
            .any(|begin| self.read(begin, local) || self.spans(begin, now))
    }

    fn end_date(&self, begin: Date) -> Option<Date> {
        if self.from < self.until {
            Some(begin)
        } else {
            begin.tomorrow().ok()
        }
    }

    /// Whether the clock on the wall shows a time of the window: right where the clock jumps over its begin or end.
    fn read(&self, begin: Date, local: jiff::civil::DateTime) -> bool {
        self.end_date(begin)
            .is_some_and(|end| (begin.to_datetime(self.from)..end.to_datetime(self.until)).contains(&local))
    }

    /// Whether `now` lies between its instants: right where the clock shows an hour twice.
    fn spans(&self, begin: Date, now: Timestamp) -> bool {
        let instant = |date: Date, time: Time, first: bool| {
            let at = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
            match (at.offset(), first) {
                // The widest window where an hour comes twice, the narrowest where it is left out.
                (AmbiguousOffset::Gap { .. }, true) | (AmbiguousOffset::Fold { .. }, false) => at.later(),
                (AmbiguousOffset::Gap { .. } | AmbiguousOffset::Unambiguous { .. }, _)
                | (AmbiguousOffset::Fold { .. }, true) => at.earlier(),
            }
            .ok()
        };
        let from = instant(begin, self.from, true);
        let until = self
            .end_date(begin)
            .and_then(|end| instant(end, self.until, false));
        from.zip(until)
            .is_some_and(|(from, until)| (from..until).contains(&now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central European rules, spelt out, so that no time zone database is needed.
    fn weekly(days: &[Weekday], from: &str, until: &str) -> Maintenance {
        Maintenance::Weekly {
            days: days.to_vec(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
            reason: "upgrade".to_owned(),
        }
    }

    fn holds(window: &Maintenance, at: &str) -> bool {
        window.holds_at(at.parse().unwrap())
    }

    #[test]
    fn a_single_window_holds_from_its_first_instant_to_the_last_before_its_end() {
        let window = Maintenance::Once {
            from: "2026-05-08T10:00:00Z".parse().unwrap(),
            until: "2026-05-08T11:00:00Z".parse().unwrap(),
            reason: String::new(),
        };
        assert!(!holds(&window, "2026-05-08T09:59:59Z"));
        assert!(holds(&window, "2026-05-08T10:00:00Z"));
        assert!(holds(&window, "2026-05-08T10:59:59Z"));
        assert!(!holds(&window, "2026-05-08T11:00:00Z"));
    }

    #[test]
    fn a_weekly_window_follows_its_own_clock() {
        // Friday 2026-05-08, two hours ahead of UTC.
        let window = weekly(&[Weekday::Friday], "02:00", "04:00");
        assert!(holds(&window, "2026-05-08T00:00:00Z"));
        assert!(holds(&window, "2026-05-08T01:59:59Z"));
        assert!(!holds(&window, "2026-05-08T02:00:00Z"));
        assert!(!holds(&window, "2026-05-09T00:30:00Z"), "not on Saturday");
        // Friday 2026-01-09, one hour ahead.
        assert!(holds(&window, "2026-01-09T02:30:00Z"));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let window = weekly(&[Weekday::Friday], "23:00", "01:00");
        assert!(holds(&window, "2026-05-08T21:30:00Z"), "Friday 23:30");
        assert!(holds(&window, "2026-05-08T22:30:00Z"), "Saturday 00:30");
        assert!(!holds(&window, "2026-05-07T22:30:00Z"), "Friday 00:30");
        assert!(!holds(&window, "2026-05-08T23:00:00Z"), "Saturday 01:00");
    }

    #[test]
    fn a_window_without_days_holds_every_day_and_one_without_length_all_day() {
        assert!(holds(&weekly(&[], "02:00", "04:00"), "2026-05-05T00:30:00Z"));
        let day = weekly(&[Weekday::Friday], "00:00", "00:00");
        assert!(holds(&day, "2026-05-08T12:00:00Z"));
        assert!(!holds(&day, "2026-05-08T22:00:00Z"), "Saturday 00:00");
    }

    #[test]
    fn an_hour_that_the_clock_leaves_out_moves_nothing() {
        // 2026-03-29: at 01:00 UTC the clock goes from 02:00 to 03:00.
        let begins_inside = weekly(&[], "02:30", "04:00");
        assert!(!holds(&begins_inside, "2026-03-29T00:59:59Z"));
        assert!(holds(&begins_inside, "2026-03-29T01:00:00Z"), "03:00");
        assert!(!holds(&begins_inside, "2026-03-29T02:00:00Z"), "04:00");
        let ends_inside = weekly(&[], "01:00", "02:30");
        assert!(holds(&ends_inside, "2026-03-29T00:59:59Z"), "01:59:59");
        assert!(!holds(&ends_inside, "2026-03-29T01:00:00Z"), "03:00");
    }

    #[test]
    fn an_hour_that_comes_twice_does_not_cut_a_window_in_two() {
        // 2026-10-25: at 01:00 UTC the clock goes from 03:00 back to 02:00.
        let ends_inside = weekly(&[], "23:00", "02:30");
        for at in [
            "2026-10-25T00:29:00Z",
            "2026-10-25T00:45:00Z",
            "2026-10-25T01:29:00Z",
        ] {
            assert!(holds(&ends_inside, at), "{at}");
        }
        assert!(
            !holds(&ends_inside, "2026-10-25T01:30:00Z"),
            "02:30 for the second time"
        );
        let begins_inside = weekly(&[], "02:30", "04:00");
        assert!(!holds(&begins_inside, "2026-10-25T00:29:00Z"));
        for at in [
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:10:00Z",
            "2026-10-25T02:59:00Z",
        ] {
            assert!(holds(&begins_inside, at), "{at}");
        }
    }
}
