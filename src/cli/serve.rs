//! `linkwatch serve`: the exporter.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Exit, ServeArgs, complain};
use crate::app::{self, App, Settings, Shard, WebSettings};
use crate::clock::SystemClock;
use crate::config;

mod systemd;

/// Where the program listens if nothing is said.
const PORT: u16 = 9716;

/// Where it listens in blackbox_exporter's stead.
const BLACKBOX_PORT: u16 = 9115;

/// The configuration if nothing is said.
const FILE: &str = "linkwatch.yml";

/// The one that is read where that is not there and this is: blackbox_exporter's users have it, and name it nowhere.
const BLACKBOX_FILE: &str = "blackbox.yml";

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(args: &ServeArgs) -> Exit {
    if args.config_check {
        return check(args);
    }
    args.install_log();
    raise_files();
    let config_file = config_file(args);
    if args.config_file.is_none() && config_file == Path::new(BLACKBOX_FILE) {
        tracing::info!(
            "no configuration is named and there is no {FILE}: {BLACKBOX_FILE} is read, as by blackbox_exporter"
        );
    }
    let settings = Settings {
        config_file,
        auto_reload: args.auto_reload.then_some(args.auto_reload_interval),
        storage_path: args.storage_path.clone(),
        timeout_offset: args.timeout_offset,
        external_url: args.external_url.clone(),
        shard: Shard {
            ordinal: args.shard,
            total: args.total_shards,
        },
        web: WebSettings {
            config_file: web_config_file(args).cloned(),
            prefix: args.prefix(),
            history: args.history,
        },
    };
    let app = match App::load(settings, Arc::new(SystemClock)) {
        Ok(app) => app,
        Err(error) => return complain(&error.to_string()),
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(app, args)),
        Err(error) => complain(&format!("cannot start the runtime: {error}")),
    }
}

/// The configuration that is named, or the one that is there.
fn config_file(args: &ServeArgs) -> PathBuf {
    // A link that leads nowhere is there too: it is what somebody meant.
    let there = |name: &str| Path::new(name).symlink_metadata().is_ok();
    let unnamed = || {
        let name = if !there(FILE) && there(BLACKBOX_FILE) {
            BLACKBOX_FILE
        } else {
            FILE
        };
        name.into()
    };
    args.config_file.clone().unwrap_or_else(unnamed)
}

/// The web configuration, if one is named; blackbox_exporter's default is an empty name.
fn web_config_file(args: &ServeArgs) -> Option<&PathBuf> {
    args.web_config_file
        .as_ref()
        .filter(|path| !path.as_os_str().is_empty())
}

/// Says whether the files can be used, as blackbox_exporter does: 0 or 1.
fn check(args: &ServeArgs) -> Exit {
    let mut all_well = true;
    let mut say = |file: &Path, result: Result<Vec<config::Problem>, config::ConfigErrors>| match result {
        Ok(warnings) => {
            for warning in warnings {
                anstream::println!("warning: {warning}");
            }
            anstream::println!("{}: valid", file.display());
        }
        Err(errors) => {
            all_well = false;
            anstream::eprintln!("{errors}");
        }
    };
    let config_file = config_file(args);
    say(
        &config_file,
        config::load(&config_file).map(|config| config.warnings),
    );
    if let Some(file) = web_config_file(args) {
        say(file, config::load_web(file).map(|config| config.warnings));
    }
    if all_well { Exit::Fine } else { Exit::Cause }
}

/// Lets the process open as many files as the system lets it: the usual limit is for programs that wait with `select`.
fn raise_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of files that may be open stays as it is");
    }
}

async fn serve(app: App, args: &ServeArgs) -> Exit {
    let standing_in = app.stands_in();
    let listeners = match listeners(args, standing_in).await {
        Ok(listeners) => listeners,
        Err(reason) => return complain(&reason),
    };
    let stop = CancellationToken::new();
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return complain("the system does not let SIGTERM and SIGINT be waited for");
    };
    let asked = stop.clone();
    let signals = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        systemd::stopping();
        asked.cancel();
        std::future::pending::<()>().await;
    };
    // The configuration is loaded and the sockets are open: what connects from now on is answered.
    systemd::ready();
    tokio::select! {
        () = app.run(listeners, stop) => Exit::Fine,
        () = signals => Exit::Fine,
        () = systemd::live() => Exit::Fine,
    }
}

async fn listeners(args: &ServeArgs, standing_in: bool) -> Result<Vec<TcpListener>, String> {
    if args.systemd_socket {
        return systemd::listeners();
    }
    let port = if standing_in { BLACKBOX_PORT } else { PORT };
    let default = [SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))];
    let addresses = if args.listen.is_empty() {
        &default[..]
    } else {
        &args.listen
    };
    let bound = app::bind(addresses).await;
    bound.map_err(|(address, error)| format!("cannot listen on {address}: {error}"))
}
