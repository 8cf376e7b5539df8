//! A snapshot of the state, and the collector that turns a part of it into series.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeMetric as _, MetricEncoder, NoLabelSet,
};

use super::catalog::{Family, Series, WriteGroup, WriteTraffic};
use super::labels::{Extra, SeriesLabels, Subject};
use super::process::Process;
use crate::incident::Incident;
use crate::state::demand::ModuleCounts;
use crate::state::platforms::Platforms;
use crate::state::traffic::{self, Traffic};
use crate::state::{Catalogue, EndpointState, GroupSlot, Health, Slot, State};

/// What one scrape shows: taken at once, so that its families agree with each other.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) now: Timestamp,
    pub(super) health: Arc<Health>,
    pub(super) state: Arc<State>,
    pub(super) process: Option<Process>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) platforms: Arc<Platforms>,
    /// What each module has done on demand.
    pub(super) modules: BTreeMap<String, ModuleCounts>,
    catalogue: Arc<Catalogue>,
    /// In the order of the catalogue's slots.
    current: Vec<Option<Arc<EndpointState>>>,
    /// Of all streams.
    traffic_series: Vec<Arc<traffic::Series>>,
    /// Those that stand.
    incidents: Vec<Arc<Incident>>,
}

impl Snapshot {
    pub(super) fn take(state: &Arc<State>, now: Timestamp) -> Self {
        let catalogue = state.catalogue();
        let traffic = state.traffic();
        let incidents = {
            let book = state.book();
            let stand = book.newest().filter(|incident| incident.ended.is_none());
            stand.cloned().collect()
        };
        Self {
            now,
            health: state.own.health.load_full(),
            state: Arc::clone(state),
            process: Process::read(),
            current: catalogue.slots.iter().map(|slot| slot.current()).collect(),
            catalogue,
            traffic_series: traffic.series().cloned().collect(),
            traffic,
            platforms: state.platforms(),
            incidents,
            modules: state.demand.modules(),
        }
    }

    /// How many subjects a family has here.
    pub(super) fn subjects(&self, family: &Family) -> usize {
        match family.series {
            Series::Endpoint(_) => self.catalogue.slots.len(),
            Series::Group(_) => self.catalogue.groups.len(),
            Series::Traffic(_) => self.traffic_series.len(),
            Series::Own(_) | Series::Distribution(_) => 1,
        }
    }
}

/// An endpoint as a scrape sees it.
pub(super) struct SeenEndpoint<'a> {
    pub(super) slot: &'a Slot,
    /// `None` before the first probe.
    pub(super) state: Option<&'a EndpointState>,
    pub(super) now: Timestamp,
    pub(super) platforms: &'a Platforms,
}

/// A group as a scrape sees it.
pub(super) struct SeenGroup<'a> {
    pub(super) slot: &'a GroupSlot,
    /// All that stand, of every group.
    pub(super) incidents: &'a [Arc<Incident>],
}

/// Where the series of one subject are written to.
pub(super) struct Out<'o, 'e> {
    metric: &'o mut MetricEncoder<'e>,
    subject: Subject<'o>,
}

impl Out<'_, '_> {
    /// A gauge without further labels.
    pub(super) fn gauge(&mut self, value: impl EncodeGaugeValue + Copy) -> fmt::Result {
        self.gauge_with(&[], value)
    }

    /// A gauge that is 0 or 1.
    pub(super) fn flag(&mut self, value: bool) -> fmt::Result {
        self.gauge(u64::from(value))
    }

    /// One gauge of several that the labels tell apart.
    pub(super) fn gauge_with(
        &mut self,
        extra: &[Extra<'_>],
        value: impl EncodeGaugeValue + Copy,
    ) -> fmt::Result {
        let labels = SeriesLabels {
            subject: self.subject,
            extra,
        };
        if labels.is_empty() {
            // A set without labels would still write its braces.
            return self.metric.encode_gauge(&value);
        }
        self.metric.encode_family(&labels)?.encode_gauge(&value)
    }

    /// A counter without further labels.
    pub(super) fn counter(&mut self, value: u64) -> fmt::Result {
        match self.subject {
            // A set without labels would still write its braces.
            Subject::Own => self.metric.encode_counter::<NoLabelSet, _, f64>(&value, None),
            Subject::Endpoint(_) | Subject::Group(..) | Subject::Traffic(_) => self.counter_with(&[], value),
        }
    }

    /// One counter of several that the labels tell apart.
    pub(super) fn counter_with(&mut self, extra: &[Extra<'_>], value: u64) -> fmt::Result {
        let subject = self.subject;
        self.metric
            .encode_family(&SeriesLabels { subject, extra })?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// A counter of seconds.
    pub(super) fn seconds_counter(&mut self, value: f64) -> fmt::Result {
        self.metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// One counter of seconds of several that the labels tell apart.
    pub(super) fn seconds_counter_with(&mut self, extra: &[Extra<'_>], value: f64) -> fmt::Result {
        let subject = self.subject;
        self.metric
            .encode_family(&SeriesLabels { subject, extra })?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// Facts as labels.
    pub(super) fn info(&mut self, extra: &[Extra<'_>]) -> fmt::Result {
        let labels = SeriesLabels {
            subject: self.subject,
            extra,
        };
        // The labels go in as the info's own: the encoders place the two kinds differently.
        self.metric.encode_info(&labels)
    }
}

/// A part of one family: what a single step of a scrape encodes.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) family: &'static Family,
    /// Of the family's subjects.
    pub(super) range: Range<usize>,
}

impl Piece {
    fn encode_groups(&self, write: WriteGroup, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        let part = self.snapshot.catalogue.groups.get(self.range.clone());
        for slot in part.unwrap_or_default() {
            let subject = Subject::Group(&slot.group, &slot.labels);
            let seen = SeenGroup {
                slot,
                incidents: &self.snapshot.incidents,
            };
            write(&seen, &mut Out { metric, subject })?;
        }
        Ok(())
    }

    fn encode_traffic(&self, write: WriteTraffic, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        let part = self.snapshot.traffic_series.get(self.range.clone());
        for series in part.unwrap_or_default() {
            let subject = Subject::Traffic(&series.subject);
            write(&series.judgement, &mut Out { metric, subject })?;
        }
        Ok(())
    }
}

impl Collector for Piece {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let family = self.family;
        let unit = family.unit.map(super::catalog::Unit::client);
        let mut metric =
            encoder.encode_descriptor(family.stem(), family.help, unit.as_ref(), family.kind.client())?;
        let snapshot = &*self.snapshot;
        match family.series {
            Series::Endpoint(write) => {
                let slots = snapshot
                    .catalogue
                    .slots
                    .get(self.range.clone())
                    .unwrap_or_default();
                let states = snapshot.current.get(self.range.clone()).unwrap_or_default();
                for (slot, state) in slots.iter().zip(states) {
                    let seen = SeenEndpoint {
                        slot,
                        state: state.as_deref(),
                        now: snapshot.now,
                        platforms: &snapshot.platforms,
                    };
                    let subject = Subject::Endpoint(&slot.endpoint);
                    write(
                        &seen,
                        &mut Out {
                            metric: &mut metric,
                            subject,
                        },
                    )?;
                }
            }
            Series::Group(write) => self.encode_groups(write, &mut metric)?,
            Series::Traffic(write) => self.encode_traffic(write, &mut metric)?,
            Series::Own(write) => {
                let mut out = Out {
                    metric: &mut metric,
                    subject: Subject::Own,
                };
                write(snapshot, &mut out)?;
            }
            Series::Distribution(of) => of(snapshot).encode(metric)?,
        }
        Ok(())
    }
}

/// Seconds since the epoch, to the nanosecond as far as a double holds them.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
