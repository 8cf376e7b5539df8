//! The measured side: so many probes one after the other, whenever it is told a number.

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, bail};
use url::Url;

use crate::bare::Bare;
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

fn serve(mut work: impl FnMut(usize) -> usize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let failed = work(line?.trim().parse()?);
        writeln!(out, "{failed}")?;
        out.flush()?;
    }
    Ok(())
}
