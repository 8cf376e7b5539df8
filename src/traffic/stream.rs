//! One stream at work: what is to be asked next, what the answer comes to, and whose series are whose.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::bucket::{self, Buckets, Row, Stretch};
use super::ensemble::Ensemble;
use super::plan::{OwnProbes, Plan, StreamPlan};
use super::source::{Answer, Question};
use super::{Bin, Rules};
use crate::endpoint::{Endpoint, EndpointName, GroupName};

mod owners;
mod report;

use owners::Owners;

/// So many of the newest bins are asked for again with every round, because samples come late.
const ASKED_AGAIN: i64 = 10;

/// One answer has at most about so many samples.
const SAMPLES_AT_ONCE: usize = 2_000_000;

/// One question is about at least and at most so many bins.
const BINS_AT_ONCE: (usize, usize) = (60, 10_000);

/// The whole history that is fetched at start has at most about so many samples; with very many series it is shorter.
const HISTORY_SAMPLES: usize = 100_000_000;

/// Without a sample of any series for so many bins, everything is missing.
const ALL_MISSING: i64 = 3;

/// One stream, with all that its series have come to.
#[derive(Debug)]
pub struct Stream {
    plan: Arc<StreamPlan>,
    ensemble: Ensemble,
    buckets: Buckets,
    references: Option<Buckets>,
    series: Vec<Series>,
    numbers: HashMap<Arc<str>, usize>,
    pools: Vec<Pooled>,
    endpoints: Arc<[Arc<Endpoint>]>,
    owners: Owners,
    bins_at_once: i64,
    /// The first bin of the history, once it is known how much of it is asked for.
    begins: Option<i64>,
    /// The newest bin that will not be asked for again.
    settled: Option<i64>,
    /// The newest bin that has been judged.
    judged: Option<i64>,
    /// The newest bin of which any series has told anything.
    told: Option<i64>,
}

/// A series and whose it is.
#[derive(Debug)]
struct Series {
    name: Arc<str>,
    host: Option<Arc<str>>,
    endpoint: Option<(EndpointName, GroupName)>,
    /// Requests of our own probes in a bin.
    own: f64,
    /// What was judged of the bins that are not settled.
    recent: Vec<Bin>,
}

/// The pool of a group.
#[derive(Debug)]
struct Pooled {
    group: GroupName,
    pool: usize,
    members: usize,
}

impl Stream {
    /// A stream of which nothing is known.
    #[must_use]
    pub fn new(plan: &Plan, stream: Arc<StreamPlan>) -> Self {
        let reference = stream.reference.as_ref().map(|reference| {
            Buckets::new(bucket::Settings {
                kind: reference.kind,
                host_label: None,
                ignore: Vec::new(),
                ..bucket::Settings::of(&stream)
            })
        });
        Self {
            ensemble: Ensemble::new(Rules {
                bin: stream.bin,
                time_zone: plan.time_zone.clone(),
                mean_between_false_alarms: plan.mean_between_false_alarms,
                sharers: 1,
                accept_after: plan.accept_after,
            }),
            buckets: Buckets::new(bucket::Settings::of(&stream)),
            references: reference,
            series: Vec::new(),
            numbers: HashMap::new(),
            pools: Vec::new(),
            endpoints: Arc::new([]),
            owners: Owners::default(),
            bins_at_once: 0,
            begins: None,
            settled: None,
            judged: None,
            told: None,
            plan: stream,
        }
    }

    fn bin(&self) -> i64 {
        self.plan.bin.as_secs()
    }

    /// The newest bin that is over, late samples included.
    fn closed(&self, now: Timestamp) -> i64 {
        let ready = now.as_second() - self.plan.ingest_delay.as_secs();
        ready.div_euclid(self.bin()) - 1
    }

    /// How long it takes from now until the next bin can be judged.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> SignedDuration {
        let end = (self.closed(now) + 2) * self.bin() + self.plan.ingest_delay.as_secs();
        Timestamp::from_second(end).map_or(self.plan.bin, |due| due.duration_since(now))
    }

    /// What tells how many series there are, before history is asked for: the newest hour, or the newest bin.
    #[must_use]
    pub fn census(&self, now: Timestamp) -> Stretch {
        let last = self.closed(now);
        let first = last - (3600 / self.bin()).max(1) + 1;
        Stretch { first, last }
    }

    /// Takes in what the census has found: how much is asked for at once, and how far back.
    pub fn plan_history(&mut self, now: Timestamp, answer: &Answer) {
        let label_sets = answer.samples.len().max(1);
        let (least, most) = BINS_AT_ONCE;
        let bins = (SAMPLES_AT_ONCE / label_sets).clamp(least, most);
        self.bins_at_once = i64::try_from(bins).unwrap_or(60);
        let affordable = i64::try_from(HISTORY_SAMPLES / label_sets).unwrap_or(i64::MAX);
        let day = 86_400 / self.bin();
        let wanted = self.plan.history.as_secs() / self.bin();
        let bins = wanted.min(affordable.max(day));
        if bins < wanted {
            tracing::warn!(
                stream = &*self.plan.name,
                label_sets,
                days = bins / day,
                "less history than configured is fetched, because there are so many label sets"
            );
        }
        self.begins = Some(self.closed(now) - bins);
    }

    /// Whether the history is planned.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.begins.is_some()
    }

    /// The bins that are to be asked for next; none while all that are over have been judged.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<Stretch> {
        let first = self.settled.map_or(self.begins?, |settled| settled + 1);
        let last = self.closed(now);
        let stretch = Stretch {
            first,
            last: last.min(first + self.bins_at_once.max(2 * ASKED_AGAIN) - 1),
        };
        (!stretch.is_empty() && self.judged.is_none_or(|judged| judged < last)).then_some(stretch)
    }

    /// The question for these bins: the stream's own, and that of its reference.
    pub fn questions(&self, stretch: Stretch) -> Result<(Question, Option<Question>), jiff::Error> {
        let question = |query: &str, kind| -> Result<Question, jiff::Error> {
            Ok(Question {
                query: query.to_owned(),
                from: Timestamp::from_second((stretch.first + 1) * self.bin())?,
                to: Timestamp::from_second((stretch.last + 1) * self.bin())?,
                step: self.plan.bin,
                counters: kind == super::plan::Kind::Counter,
            })
        };
        let own = question(&self.plan.query, self.plan.kind)?;
        let reference = self.plan.reference.as_ref();
        let reference = reference.map(|reference| question(&reference.query, reference.kind));
        Ok((own, reference.transpose()?))
    }

    /// Takes in an answer about the bins of a stretch, and judges those that are new. Gives how many label sets had to
    /// be left out.
    pub fn take(
        &mut self,
        now: Timestamp,
        stretch: Stretch,
        answer: &Answer,
        reference: Option<&Answer>,
    ) -> usize {
        let open = self.closed(now) - ASKED_AGAIN;
        let settle = stretch.last.min(open).max(stretch.first - 1);
        let taken = self.buckets.take(stretch, settle, answer);
        self.told = self.told.max(taken.newest);
        let explained = self.references.as_mut().zip(reference);
        let explained = explained.map(|(buckets, answer)| buckets.take(stretch, settle, answer).rows);
        let rows = self.in_order(taken.rows);
        let references = self.references_in_order(explained.unwrap_or_default());
        self.amend(stretch, &rows);
        let (mut row, mut beside) = (Vec::new(), Vec::new());
        let unjudged = self
            .judged
            .map_or(stretch.first, |judged| (judged + 1).max(stretch.first));
        for bin in unjudged..=stretch.last {
            let place = usize::try_from(bin - stretch.first).unwrap_or(0);
            row.clear();
            row.extend(rows.iter().map(|bins| at(bins, place)));
            beside.clear();
            beside.extend(references.iter().map(|bins| at(bins, place)));
            if let Ok(start) = Timestamp::from_second(bin * self.bin()) {
                self.ensemble.push(start, &row, &beside);
            }
        }
        let kept = usize::try_from(settle + 1 - stretch.first).unwrap_or(0);
        for (series, bins) in self.series.iter_mut().zip(&rows) {
            series.recent = bins.get(kept..).unwrap_or_default().to_vec();
        }
        self.settled = Some(settle);
        self.judged = self.judged.max(Some(stretch.last));
        taken.left_out
    }

    /// The bins of every series in the order of their numbers, our own requests taken off; a series that was not known
    /// is known from now on.
    fn in_order(&mut self, rows: Vec<Row>) -> Vec<Vec<Bin>> {
        let known = self.series.len();
        let mut ordered = vec![Vec::new(); known];
        for row in rows {
            let number = self.number_of(&row);
            let own = self.series[number].own;
            let less = |bin: Bin| match bin {
                Bin::Count(clicks) => Bin::Count((clicks - own).max(0.0)),
                Bin::Missing => Bin::Missing,
            };
            ordered.resize(self.series.len(), Vec::new());
            ordered[number] = row.bins.into_iter().map(less).collect();
        }
        if self.series.len() > known {
            self.count_members();
        }
        ordered
    }

    fn number_of(&mut self, row: &Row) -> usize {
        if let Some(number) = self.numbers.get(&row.name) {
            return *number;
        }
        let number = self.ensemble.add_series(None);
        self.numbers.insert(Arc::clone(&row.name), number);
        self.series.push(Series {
            name: Arc::clone(&row.name),
            host: row.host.clone(),
            endpoint: None,
            own: 0.0,
            recent: Vec::new(),
        });
        self.join_series(number);
        number
    }

    /// The reference of every series: its own, else the one for all.
    fn references_in_order(&self, rows: Vec<Row>) -> Vec<Arc<[Bin]>> {
        if rows.is_empty() {
            return Vec::new();
        }
        let rows: HashMap<Arc<str>, Arc<[Bin]>> =
            rows.into_iter().map(|row| (row.name, row.bins.into())).collect();
        let of = |series: &Series| {
            let found = rows.get(&series.name).or_else(|| rows.get(&self.plan.name));
            found.cloned().unwrap_or_default()
        };
        self.series.iter().map(of).collect()
    }

    /// Corrects bins that were judged before all their samples had come.
    fn amend(&mut self, stretch: Stretch, rows: &[Vec<Bin>]) {
        for (number, (series, bins)) in self.series.iter().zip(rows).enumerate() {
            for (place, (judged, bin)) in series.recent.iter().zip(bins).enumerate() {
                let late = i64::try_from(place).ok().map(|place| stretch.first + place);
                let start = late.and_then(|late| Timestamp::from_second(late * self.bin()).ok());
                if let Some(start) = start
                    && judged != bin
                {
                    self.ensemble.amend(number, start, *bin);
                }
            }
        }
    }

    /// Whether every series has been without a sample for so long that the source must be taken for dead, and since
    /// when: none at all, if it has never told anything.
    #[must_use]
    pub fn all_missing(&self) -> Option<Option<Timestamp>> {
        let judged = self.judged?;
        match self.told {
            None => Some(None),
            Some(told) if judged - told >= ALL_MISSING => {
                Some(Timestamp::from_second((told + 1) * self.bin()).ok())
            }
            Some(_) => None,
        }
    }

    /// Says whose hosts the series have.
    pub fn join(&mut self, endpoints: &Arc<[Arc<Endpoint>]>) {
        if Arc::ptr_eq(endpoints, &self.endpoints) {
            return;
        }
        self.endpoints = Arc::clone(endpoints);
        self.owners = Owners::of(endpoints);
        for number in 0..self.series.len() {
            self.join_series(number);
        }
        self.count_members();
    }

    fn join_series(&mut self, number: usize) {
        let series = &mut self.series[number];
        let owner = series.host.as_deref().and_then(|host| self.owners.find(host));
        series.endpoint = owner.map(|owner| (owner.name.clone(), owner.group.clone()));
        series.own = match (self.plan.own_probes, owner) {
            (OwnProbes::Subtracted { instances }, Some(owner)) => {
                owner.probes_per_second * self.plan.bin.as_secs_f64() * f64::from(instances)
            }
            (OwnProbes::Subtracted { .. }, None) | (OwnProbes::Excluded, _) => 0.0,
        };
        let group = series.endpoint.as_ref().map(|(_, group)| group.clone());
        let pool = group.map(|group| self.pool_of(&group));
        self.ensemble.join(number, pool);
    }

    fn pool_of(&mut self, group: &GroupName) -> usize {
        if let Some(pooled) = self.pools.iter().find(|pooled| pooled.group == *group) {
            return pooled.pool;
        }
        let pool = self.ensemble.add_pool();
        self.pools.push(Pooled {
            group: group.clone(),
            pool,
            members: 0,
        });
        pool
    }

    fn count_members(&mut self) {
        for pooled in &mut self.pools {
            let groups = self.series.iter().filter_map(|series| series.endpoint.as_ref());
            pooled.members = groups.filter(|(_, group)| *group == pooled.group).count();
        }
    }
}

fn at(bins: &[Bin], place: usize) -> Bin {
    bins.get(place).copied().unwrap_or(Bin::Missing)
}
