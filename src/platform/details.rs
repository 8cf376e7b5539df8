//! What a platform only tells of domains one by one: asked of a few in each round, kept from round to round.

use std::collections::{HashMap, HashSet};

use super::{MOST_DOMAINS, PlatformError};
use crate::endpoint::DnsTarget;
use crate::fetch::FetchError;

/// What one request has told of one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Detail {
    /// Where DNS must lead.
    pub(super) targets: Vec<DnsTarget>,
    /// Whether the platform finds DNS as it should be.
    pub(super) dns_ok: Option<bool>,
    /// What stands in the way of the certificate; empty where nothing does.
    pub(super) reason: String,
}

/// What is known of each domain, and whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Details {
    asked: HashMap<String, Asked>,
    /// Counts what was asked.
    turn: u64,
    told: usize,
    /// Why a domain of this round has not been told of.
    failure: Option<PlatformError>,
}

#[derive(Debug)]
struct Asked {
    /// When, by [`Details::turn`].
    turn: u64,
    told: Option<Detail>,
}

impl Details {
    /// Begins a round: those of these hosts that are asked for in it, the longest unasked first. What is not among
    /// them is forgotten.
    pub(super) fn due<'a>(&mut self, hosts: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<String> {
        let hosts: HashSet<&str> = hosts.into_iter().take(MOST_DOMAINS).collect();
        self.asked.retain(|host, _| hosts.contains(host.as_str()));
        (self.told, self.failure) = (0, None);
        let mut due: Vec<_> = hosts
            .into_iter()
            .map(|host| (self.asked.get(host).map_or(0, |asked| asked.turn), host))
            .collect();
        due.sort_unstable();
        due.truncate(most);
        due.into_iter().map(|(_, host)| host.to_owned()).collect()
    }

    /// Keeps what was told of a host. A failure that is about this host alone waits for [`Details::finish`]; what was
    /// told before stands meanwhile. Whether the next one may be asked for: not where the platform allows no more, and
    /// the list is whole without.
    pub(super) fn take(
        &mut self,
        host: &str,
        told: Result<Detail, PlatformError>,
    ) -> Result<bool, PlatformError> {
        let told = match told {
            Ok(detail) => Some(detail),
            // It has gone since the list was made.
            Err(error) if error.is_absent() => Some(Detail::default()),
            Err(error) if concerns_one(&error) => {
                self.failure = Some(error);
                None
            }
            Err(PlatformError::RateLimited { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.turn += 1;
        let asked = self
            .asked
            .entry(host.to_owned())
            .or_insert(Asked { turn: 0, told: None });
        asked.turn = self.turn;
        if told.is_some() {
            self.told += 1;
            asked.told = told;
        }
        Ok(true)
    }

    /// Ends a round: an error where nothing of what was asked could be had.
    pub(super) fn finish(&mut self) -> Result<(), PlatformError> {
        match self.failure.take() {
            Some(failure) if self.told == 0 => Err(failure),
            Some(_) | None => Ok(()),
        }
    }

    /// What was last told of a host; nothing yet of one that has not had its turn.
    pub(super) fn of(&self, host: &str) -> Detail {
        let told = self.asked.get(host).and_then(|asked| asked.told.clone());
        told.unwrap_or_default()
    }
}

/// Whether a failure may be that of one domain: a platform may refuse to speak of a domain that somebody else owns.
fn concerns_one(error: &PlatformError) -> bool {
    match error {
        PlatformError::Fetch(error) => !matches!(error, FetchError::Send { .. } | FetchError::Settings(_)),
        PlatformError::Forbidden(_) | PlatformError::Shape { .. } => true,
        PlatformError::Unauthorized(_)
        | PlatformError::RateLimited { .. }
        | PlatformError::TooMany { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use jiff::Timestamp;

    use super::*;

    fn told(name: &str) -> Detail {
        Detail {
            targets: vec![DnsTarget::from(name.to_owned())],
            ..Detail::default()
        }
    }

    fn status(status: StatusCode) -> PlatformError {
        PlatformError::Fetch(FetchError::Status {
            place: "https://a.test/".to_owned(),
            status,
            message: String::new(),
        })
    }

    #[test]
    fn every_host_has_its_turn_and_a_new_one_is_next() {
        let mut details = Details::default();
        for expected in [["a", "b"], ["c", "d"], ["e", "a"]] {
            let due = details.due(["a", "b", "c", "d", "e"], 2);
            assert_eq!(due, expected);
            for host in due {
                details.take(&host, Ok(told(&host))).unwrap();
            }
            details.finish().unwrap();
        }
        assert_eq!(details.due(["a", "b", "new"], 2), ["new", "b"]);
        assert_eq!(details.of("b"), told("b"));
        // What has left the list is forgotten.
        assert_eq!(details.of("c"), Detail::default());
    }

    #[test]
    fn a_host_that_cannot_be_told_of_keeps_its_last_word_and_does_not_silence_the_others() {
        let mut details = Details::default();
        details.due(["a", "b"], 2);
        details.take("a", Ok(told("one"))).unwrap();
        details.take("b", Ok(told("two"))).unwrap();
        details.due(["a", "b"], 2);
        details
            .take("a", Err(status(StatusCode::INTERNAL_SERVER_ERROR)))
            .unwrap();
        details.take("b", Err(status(StatusCode::NOT_FOUND))).unwrap();
        details.finish().unwrap();
        assert_eq!(
            (details.of("a"), details.of("b")),
            (told("one"), Detail::default())
        );
    }

    #[test]
    fn a_round_in_which_nothing_is_told_has_failed() {
        let mut details = Details::default();
        let broken = status(StatusCode::INTERNAL_SERVER_ERROR);
        details.due(["a"], 2);
        details.take("a", Err(broken.clone())).unwrap();
        assert_eq!(details.finish(), Err(broken));
        let limited = PlatformError::RateLimited {
            place: String::new(),
            until: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(details.take("a", Err(limited)), Ok(false));
    }
}
