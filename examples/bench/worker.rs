//! The measured side: so many probes one after the other, whenever it is told a number.

use std::fmt::Display;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use url::Url;

use crate::bare::{Bare, Fleet};
use crate::prober::Probing;

/// `worker bare|linkwatch URL ROOT_FILE`: for each number on the input, as many probes; answers how many failed.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [kind, url, root] = arguments else {
        bail!("worker needs a kind, a url and a file with the root");
    };
    let url = Url::parse(url)?;
    let root = std::fs::read(root).with_context(|| format!("cannot read {root}"))?;
    // One thread: with one probe at a time, a second would only add the cost of waking each other.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match kind.as_str() {
        "bare" => {
            let bare = Bare::new(&url, &root)?;
            serve(|count| runtime.block_on(bare.ask(count)))
        }
        "linkwatch" => {
            let _context = runtime.enter();
            let probing = Probing::new(url, root)?;
            serve(|count| runtime.block_on(probing.probe(count)))
        }
        other => bail!("no such worker: {other}"),
    }
}

/// `module-worker CONFIGURATION MODULE URL`: the same, by a module.
pub(crate) fn run_module(arguments: &[String]) -> anyhow::Result<()> {
    let [configuration, module, url] = arguments else {
        bail!("module-worker needs a configuration, a module and a url");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _context = runtime.enter();
    let probing = Probing::by(Path::new(configuration), module, Url::parse(url)?)?;
    serve(|count| runtime.block_on(probing.probe(count)))
}

/// `fleet-worker PORT ROOT_FILE ENDPOINTS`: for a number of seconds on the input, as long asks every endpoint once an
/// interval; answers how late it was.
pub(crate) fn run_fleet(arguments: &[String]) -> anyhow::Result<()> {
    let [port, root, endpoints] = arguments else {
        bail!("fleet-worker needs a port, a file with the root and a number of endpoints");
    };
    let root = std::fs::read(root).with_context(|| format!("cannot read {root}"))?;
    let port = port.parse()?;
    let endpoints = endpoints.parse()?;
    // As many threads as the program has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let fleet = Arc::new(Fleet::new(port, endpoints, &root)?);
    serve(|seconds| {
        let length = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        runtime.block_on(Arc::clone(&fleet).ask(length))
    })
}

fn serve<T: Display>(mut work: impl FnMut(usize) -> T) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let outcome = work(line?.trim().parse()?);
        writeln!(out, "{outcome}")?;
        out.flush()?;
    }
    Ok(())
}
