//! How the one deadline of a probe is split over its stages.
//!
//! Every stage may use a fixed share of what is left when it begins; what it does not use is left to the later ones.
//! So a stage that hangs is cut off while there is time left, its timeout is named as its own, and a stage that is
//! merely slow still gets most of the time. Of 5 s, when nothing before took long: dns at most 2.5 s, connect
//! 3 s, tls 3.75 s, http all 5 s. When every stage uses its share to the end: 2.5, 1.5, 0.75 and 0.25 s.

use std::time::Duration;

use tokio::time::Instant;

/// A stage that takes time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    /// All servers, with their retries: half of it, for the resolver has its own split.
    Dns,
    /// Three fifths: one lost SYN is sent again after 1 s, a second after 3 s.
    Connect,
    /// Three quarters.
    Tls,
}

/// When a stage that begins now must have ended.
pub(super) fn until(stage: Stage, deadline: Instant) -> Instant {
    let now = Instant::now();
    now + share(stage, deadline.saturating_duration_since(now))
}

fn share(stage: Stage, left: Duration) -> Duration {
    match stage {
        Stage::Dns => left / 2,
        Stage::Connect => left * 3 / 5,
        Stage::Tls => left * 3 / 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_that_hang_one_after_the_other_leave_time_to_the_last() {
        let mut left = Duration::from_secs(5);
        for (stage, expected) in [(Stage::Dns, 2_500), (Stage::Connect, 1_500), (Stage::Tls, 750)] {
            let used = share(stage, left);
            assert_eq!(used, Duration::from_millis(expected), "{stage:?}");
            left -= used;
        }
        assert_eq!(left, Duration::from_millis(250));
    }

    #[test]
    fn a_deadline_in_the_past_leaves_no_time() {
        let deadline = Instant::now();
        let until = until(Stage::Tls, deadline);
        assert!(until.saturating_duration_since(deadline) <= deadline.elapsed());
    }
}
