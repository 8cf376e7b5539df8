//! What a stream has come to, for those who make it known.

use std::sync::Arc;

use super::Stream;
use crate::traffic::{Report, Subject};

impl Stream {
    /// How many series and groups this stream judges; a group of one is none.
    #[must_use]
    pub fn judged_subjects(&self) -> usize {
        self.series.len() + self.pools.iter().filter(|pooled| pooled.members > 1).count()
    }

    /// Says how many series and groups of all streams share the budget of false alarms.
    pub fn share_among(&mut self, sharers: usize) {
        self.ensemble.share_among(sharers);
    }

    /// What is known of every series and every group.
    #[must_use]
    pub fn report(&self) -> Report {
        let subject = |series, group, name| Subject {
            stream: Arc::clone(&self.plan.name),
            series,
            group,
            name,
        };
        let of_series = self.series.iter().enumerate().map(|(number, series)| {
            let (name, group) = series.endpoint.clone().unzip();
            let judgement = self.ensemble.series(number);
            (subject(Some(Arc::clone(&series.name)), group, name), judgement)
        });
        let groups = self.pools.iter().filter(|pooled| pooled.members > 1);
        let of_groups = groups.map(|pooled| {
            let judgement = self.ensemble.pool(pooled.pool);
            (subject(None, Some(pooled.group.clone()), None), judgement)
        });
        // What is noticed is noticed when its last bin may be judged, not when it ends; and the first bin of an outage may
        // be half full.
        let judgements = of_series.chain(of_groups).map(|(subject, mut judgement)| {
            let noticed = judgement.time_to_notice;
            judgement.time_to_notice = noticed.map(|time| {
                time.saturating_add(self.plan.bin)
                    .saturating_add(self.plan.ingest_delay)
            });
            (subject, judgement)
        });
        Report {
            stream: Arc::clone(&self.plan.name),
            judgements: judgements.collect(),
        }
    }
}
