//! What a process has used, as the kernel counts it.

use std::time::Duration;

use anyhow::Context as _;
use procfs::process::Process;

/// User and system time of a process so far, all threads.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = process(pid)?.stat()?;
    let ticks = stat.utime + stat.stime;
    let per_second = procfs::ticks_per_second();
    Ok(Duration::from_millis(ticks * 1000 / per_second))
}

fn process(pid: u32) -> anyhow::Result<Process> {
    let pid = i32::try_from(pid)?;
    Process::new(pid).with_context(|| format!("process {pid} is gone"))
}

/// The middle of an odd number of figures.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Resident memory of a process in KiB.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    process(pid)?.status()?.vmrss.context("a process without memory")
}

/// The most that it ever was, in KiB.
pub(crate) fn resident_peak(pid: u32) -> anyhow::Result<u64> {
    process(pid)?.status()?.vmhwm.context("a process without memory")
}

/// The descriptors that a process has open.
pub(crate) fn descriptors(pid: u32) -> anyhow::Result<usize> {
    Ok(process(pid)?.fd_count()?)
}

/// A number to reckon with.
#[expect(
    clippy::cast_precision_loss,
    reason = "memory of one machine in KiB, a few thousand probes"
)]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}
