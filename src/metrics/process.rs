//! The process as the kernel sees it, under the names that every exporter uses.

use super::catalog::Kind::{Counter, Gauge};
use super::catalog::{Family, Series, Unit};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "process_cpu_seconds_total",
        kind: Counter,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "CPU time spent, user and system.",
        series: Series::Own(|snapshot, out| match &snapshot.process {
            Some(process) => out.seconds_counter(process.cpu),
            None => Ok(()),
        }),
    },
    Family {
        name: "process_start_time_seconds",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        help: "When the process started.",
        series: Series::Own(|snapshot, out| match &snapshot.process {
            Some(process) => out.gauge(process.started),
            None => Ok(()),
        }),
    },
    Family {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        help: "Resident memory.",
        series: Series::Own(|snapshot, out| match &snapshot.process {
            Some(process) => out.gauge(process.resident),
            None => Ok(()),
        }),
    },
    Family {
        name: "process_virtual_memory_bytes",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        help: "Virtual memory.",
        series: Series::Own(|snapshot, out| match &snapshot.process {
            Some(process) => out.gauge(process.virtual_memory),
            None => Ok(()),
        }),
    },
    Family {
        name: "process_open_fds",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Open file descriptors.",
        series: Series::Own(|snapshot, out| match &snapshot.process {
            Some(process) => out.gauge(process.open_files),
            None => Ok(()),
        }),
    },
    Family {
        name: "process_max_fds",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Most file descriptors that may be open; absent where there is no limit.",
        series: Series::Own(|snapshot, out| {
            match snapshot.process.as_ref().and_then(|process| process.most_files) {
                Some(most) => out.gauge(most),
                None => Ok(()),
            }
        }),
    },
    Family {
        name: "process_threads",
        kind: Gauge,
        unit: None,
        labels: &[],
        help: "Threads.",
        series: Series::Own(|snapshot, out| match &snapshot.process {
            Some(process) => out.gauge(process.threads),
            None => Ok(()),
        }),
    },
];

/// What the kernel says of the process.
#[derive(Debug)]
pub(super) struct Process {
    cpu: f64,
    started: f64,
    resident: u64,
    virtual_memory: u64,
    open_files: usize,
    most_files: Option<u64>,
    threads: i64,
}

impl Process {
    /// `None` where there is no procfs: the families then have no series.
    pub(super) fn read() -> Option<Self> {
        let process = procfs::process::Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let ticks = procfs::ticks_per_second();
        let most_files = match process.limits().ok()?.max_open_files.soft_limit {
            procfs::process::LimitValue::Value(most) => Some(most),
            procfs::process::LimitValue::Unlimited => None,
        };
        Some(Self {
            cpu: over(stat.utime + stat.stime, ticks),
            started: over(procfs::boot_time_secs().ok()? * ticks + stat.starttime, ticks),
            resident: stat.rss * procfs::page_size(),
            virtual_memory: stat.vsize,
            open_files: process.fd_count().ok()?,
            most_files,
            threads: stat.num_threads,
        })
    }
}

/// Ticks as seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a double holds every tick of 285,000 years at 1,000 Hz"
)]
fn over(ticks: u64, per_second: u64) -> f64 {
    ticks as f64 / per_second as f64
}
