//! Samples become bins: counters are differenced, label sets added up to series, and what is missing is told from zero.
//!
//! The newest bins are asked for again and again, because samples come late; what is settled is remembered, one sample
//! for each label set, so that no gap and no restart of a counter is mistaken for clicks.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Bin;
use super::plan::{Kind, StreamPlan};
use super::source::{Answer, Point, Samples};

mod told;

use told::{LARGEST_BIRTH, Sample, Told, WIDEST_SPREAD, beside_gap, newest, spread};

/// A series that was not seen for so long is no longer expected: its absence is not zero. Seven days, in seconds.
const EXPECTED_FOR: i64 = 7 * 86_400;

/// A stream has at most so many series; what comes beyond them is left out.
pub const MOST_SERIES: usize = 10_000;

/// How samples become bins.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The series that samples without the label belong to: the stream's name.
    pub name: Arc<str>,
    /// The length of a bin, in seconds.
    pub bin: i64,
    /// What the values are.
    pub kind: Kind,
    /// The label that tells the series apart.
    pub sum_by: Option<String>,
    /// The label that holds the host.
    pub host_label: Option<String>,
    /// Series that are left out.
    pub ignore: Vec<String>,
}

impl Settings {
    /// Those of a stream's own series.
    #[must_use]
    pub fn of(plan: &StreamPlan) -> Self {
        Self {
            name: Arc::clone(&plan.name),
            bin: plan.bin.as_secs(),
            kind: plan.kind,
            sum_by: plan.sum_by.clone(),
            host_label: plan.host_label.clone(),
            ignore: plan.ignore.clone(),
        }
    }
}

/// Consecutive bins, by number: bin `n` begins `n` lengths after 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub first: i64,
    /// The last, included.
    pub last: i64,
}

impl Stretch {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.last < self.first
    }

    fn place(self, bin: i64) -> Option<usize> {
        (self.first..=self.last)
            .contains(&bin)
            .then(|| usize::try_from(bin - self.first).ok())?
    }
}

/// The bins of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The series.
    pub name: Arc<str>,
    /// Its host, where a label tells it.
    pub host: Option<Arc<str>>,
    /// One for each bin of the stretch.
    pub bins: Vec<Bin>,
}

/// What an answer comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// Every series that is known, in order of name.
    pub rows: Vec<Row>,
    /// The newest bin of which any series has told anything.
    pub newest: Option<i64>,
    /// Series beyond the bound, left out.
    pub left_out: usize,
}

/// Makes bins of a stream's samples.
#[derive(Debug)]
pub struct Buckets {
    settings: Settings,
    /// The last settled sample of each label set.
    settled: HashMap<BTreeMap<String, String>, Sample>,
    series: BTreeMap<Arc<str>, Known>,
}

/// What is known of a series.
#[derive(Debug, Clone, Default)]
struct Known {
    host: Option<Arc<str>>,
    /// The newest settled bin with a sample of it.
    seen: Option<i64>,
}

impl Buckets {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            settled: HashMap::new(),
            series: BTreeMap::new(),
        }
    }

    /// Takes in the samples of a stretch. Bins up to `settle` will not be asked for again; the next stretch begins
    /// right after it.
    pub fn take(&mut self, stretch: Stretch, settle: i64, answer: &Answer) -> Taken {
        let reporting = self.reporting(stretch, answer);
        let mut left_out = 0;
        let mut tables: BTreeMap<Arc<str>, Vec<Told>> = BTreeMap::new();
        for samples in &answer.samples {
            let by = self.settings.sum_by.as_ref();
            let label = by.and_then(|label| samples.labels.get(label));
            if label.is_some_and(|label| self.settings.ignore.contains(label)) {
                continue;
            }
            let Some(name) = self.series_of(label, samples) else {
                left_out += 1;
                continue;
            };
            let told = match self.settings.kind {
                Kind::Increase => self.increases(stretch, samples, &reporting),
                Kind::Counter => self.differences(stretch, settle, samples, &reporting),
            };
            match tables.entry(name) {
                Entry::Vacant(new) => {
                    new.insert(told);
                }
                Entry::Occupied(mut known) => known
                    .get_mut()
                    .iter_mut()
                    .zip(told)
                    .for_each(|(known, told)| *known = known.and(told)),
            }
        }
        let taken = Taken {
            newest: newest(stretch, tables.values()),
            rows: self.rows(stretch, &tables),
            left_out,
        };
        self.settle(stretch, settle, &tables);
        taken
    }

    /// The series of a label set; none where there are too many already.
    fn series_of(&mut self, label: Option<&String>, samples: &Samples) -> Option<Arc<str>> {
        let name = label.map_or(&*self.settings.name, String::as_str);
        if let Some((name, _)) = self.series.get_key_value(name) {
            return Some(Arc::clone(name));
        }
        if self.series.len() >= MOST_SERIES {
            return None;
        }
        let name: Arc<str> = Arc::from(name);
        let host = self.settings.host_label.as_ref();
        let host = host.and_then(|label| samples.labels.get(label));
        let known = Known {
            host: host.map(|host| Arc::from(host.as_str())),
            seen: None,
        };
        self.series.insert(Arc::clone(&name), known);
        Some(name)
    }

    /// The bins in which any label set has a sample of its own: a counter that was not there then begins later.
    fn reporting(&self, stretch: Stretch, answer: &Answer) -> Vec<bool> {
        let mut reporting = vec![false; stretch.len()];
        for point in answer.samples.iter().flat_map(|samples| &samples.points) {
            if let Some(place) = stretch.place(self.sample(point).bin) {
                reporting[place] = true;
            }
        }
        reporting
    }

    fn sample(&self, point: &Point) -> Sample {
        let taken = point.sampled.unwrap_or(point.at).as_millisecond();
        let length = self.settings.bin * 1000;
        // A bin holds what was taken after its start, up to and including its end.
        let bin = (taken - 1).div_euclid(length);
        Sample {
            bin,
            taken,
            value: point.value,
        }
    }

    fn increases(&self, stretch: Stretch, samples: &Samples, reporting: &[bool]) -> Vec<Told> {
        let mut told = vec![Told::Absent; stretch.len()];
        for point in &samples.points {
            if let Some(place) = stretch.place(self.bin_ending(point))
                && point.value >= 0.0
            {
                told[place] = if beside_gap(reporting, place) {
                    Told::Stale
                } else {
                    told[place].and(Told::Clicks(point.value))
                };
            }
        }
        told
    }

    fn bin_ending(&self, point: &Point) -> i64 {
        (point.at.as_millisecond() - 1).div_euclid(self.settings.bin * 1000)
    }

    fn differences(
        &mut self,
        stretch: Stretch,
        settle: i64,
        samples: &Samples,
        reporting: &[bool],
    ) -> Vec<Told> {
        let length = self.settings.bin * 1000;
        let mut told = vec![Told::Absent; stretch.len()];
        let mut previous = self.settled.get(&samples.labels).copied();
        let mut settled = None;
        for point in &samples.points {
            if let Some(place) = stretch.place(self.bin_ending(point))
                && told[place] == Told::Absent
            {
                told[place] = Told::Stale;
            }
            let sample = self.sample(point);
            match previous {
                Some(previous)
                    if sample.taken <= previous.taken || sample.tells_too_little(previous, length) =>
                {
                    continue;
                }
                Some(previous) => spread(stretch, length, previous, sample, &mut told),
                None => self.begin(stretch, sample, reporting, &mut told),
            }
            previous = Some(sample);
            if sample.bin <= settle {
                settled = previous;
            }
        }
        if let Some(sample) = settled {
            self.settled.insert(samples.labels.clone(), sample);
        }
        told
    }

    /// The first sample of a counter: clicks only if the others were there before and it was not.
    fn begin(&self, stretch: Stretch, sample: Sample, reporting: &[bool], told: &mut [Told]) {
        let Some(place) = stretch.place(sample.bin) else {
            return;
        };
        let others_before = match place.checked_sub(1) {
            Some(before) => reporting[before],
            None => !self.settled.is_empty(),
        };
        if others_before && sample.value <= LARGEST_BIRTH {
            told[place] = Told::Clicks(sample.value);
        }
    }

    /// Remembers what will not be asked for again. Label sets that were not seen for long are forgotten, so that names
    /// that come and go do not fill the memory.
    fn settle(&mut self, stretch: Stretch, settle: i64, tables: &BTreeMap<Arc<str>, Vec<Told>>) {
        for (name, known) in &mut self.series {
            let bins = (stretch.first..=settle).rev();
            let place_of = |bin| stretch.place(bin);
            let table = tables.get(name);
            let seen = table.and_then(|table| {
                bins.filter(|bin| place_of(*bin).is_some_and(|place| table[place] != Told::Absent))
                    .max()
            });
            known.seen = known.seen.max(seen);
        }
        let oldest = settle - EXPECTED_FOR / self.settings.bin;
        self.settled.retain(|_, sample| sample.bin >= oldest);
    }

    fn rows(&self, stretch: Stretch, tables: &BTreeMap<Arc<str>, Vec<Told>>) -> Vec<Row> {
        let mut telling = vec![0_usize; stretch.len()];
        for table in tables.values() {
            for (count, told) in telling.iter_mut().zip(table) {
                *count += usize::from(matches!(told, Told::Clicks(_)));
            }
        }
        let row = |(name, known): (&Arc<str>, &Known)| Row {
            name: Arc::clone(name),
            host: known.host.clone(),
            bins: self.bins(stretch, tables.get(name), known.seen, &telling),
        };
        self.series.iter().map(row).collect()
    }

    /// The bins of a series: what it tells, and what its absence means.
    ///
    /// Absence is zero while others of the stream report, if the series was there in the last seven days. A counter that
    /// is absent for a moment only was not scraped: it may come back and tell, so the first bins wait.
    fn bins(
        &self,
        stretch: Stretch,
        table: Option<&Vec<Told>>,
        seen: Option<i64>,
        telling: &[usize],
    ) -> Vec<Bin> {
        let told = |place: usize| table.map_or(Told::Absent, |table| table[place]);
        let patience = match self.settings.kind {
            Kind::Counter => WIDEST_SPREAD,
            Kind::Increase => 0,
        };
        // How long each absence lasts, as far as it is known, written at each of its bins.
        let mut back = stretch.last + 1;
        let mut ends = vec![back; stretch.len()];
        for place in (0..stretch.len()).rev() {
            ends[place] = back;
            if told(place) != Told::Absent {
                back = stretch.first + i64::try_from(place).unwrap_or(0);
            }
        }
        let mut seen = seen;
        let bin = |(place, bin): (usize, i64)| match told(place) {
            Told::Clicks(clicks) => {
                seen = Some(bin);
                Bin::Count(clicks)
            }
            Told::Stale => {
                seen = Some(bin);
                Bin::Missing
            }
            Told::Absent => match seen {
                Some(seen)
                    if telling[place] > 0
                        && bin - seen <= EXPECTED_FOR / self.settings.bin
                        && ends[place] - seen > patience + 1 =>
                {
                    Bin::Count(0.0)
                }
                Some(_) | None => Bin::Missing,
            },
        };
        (stretch.first..=stretch.last).enumerate().map(bin).collect()
    }
}
