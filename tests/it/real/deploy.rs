//! The files below `deploy/`, judged by what exists for them, and run where they can be.

#![expect(clippy::unwrap_used, reason = "what cannot be run fails the test")]

use std::io::Read as _;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use linkwatch::config::{self, Files};

use super::chain::template;
use super::peers::{Generation, Program, find_or_leave_out, run};

/// How long the binary may take until it is up.
const PATIENCE: Duration = Duration::from_secs(20);

fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    path.display().to_string()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

#[test]
fn systemd_accepts_the_units_and_finds_little_exposed() {
    let Some(analyze) = find_or_leave_out("the units", Program::SystemdAnalyze, Generation::Current) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let unit = |name: &str| {
        // The binary is not installed here: the one that was built stands for it.
        let text = read(&format!("deploy/systemd/{name}"))
            .replace("/usr/bin/linkwatch", env!("CARGO_BIN_EXE_linkwatch"));
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (service, socket) = (unit("linkwatch.service"), unit("linkwatch.socket"));
    let said = run(&analyze, &["verify", "--man=no", &service, &socket]);
    assert_eq!(said.trim(), "");
    // 0 is nothing exposed, 10 everything; systemd calls up to 2 "OK".
    let _ = run(
        &analyze,
        &["security", "--offline=true", "--threshold=20", &service],
    );
}

#[test]
fn the_container_file_has_no_lint() {
    let Some(hadolint) = find_or_leave_out("the container file", Program::Hadolint, Generation::Current)
    else {
        return;
    };
    let _ = run(&hadolint, &[&repository("deploy/container/Containerfile")]);
}

#[test]
fn the_manifests_are_valid_and_run_without_rights() {
    let what = "the manifests";
    let Some(validate) = find_or_leave_out(what, Program::KubernetesValidate, Generation::Current) else {
        return;
    };
    let said = run(
        &validate,
        &["--strict", &repository("deploy/kubernetes/linkwatch.yml")],
    );
    assert_eq!(said.matches(" passed ").count(), 5, "{said}");
    let manifest = read("deploy/kubernetes/linkwatch.yml");
    for right in [
        "runAsNonRoot: true",
        "readOnlyRootFilesystem: true",
        "drop: [ALL]",
    ] {
        assert!(manifest.contains(right), "{right}");
    }
}

#[test]
fn the_configurations_that_are_deployed_are_valid() {
    for path in ["deploy/compose/linkwatch.yml", "deploy/kubernetes/catalogue.yml"] {
        let checked = config::parse(Path::new(path), read(path).as_bytes(), Files::memory([]));
        assert!(checked.is_ok(), "{path}: {}", checked.unwrap_err());
    }
}

#[test]
fn prometheus_and_alertmanager_accept_what_compose_gives_them() {
    let Some(promtool) = find_or_leave_out("compose", Program::Promtool, Generation::Current) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("linkwatch.yml"), read("alerts/rules/linkwatch.yml")).unwrap();
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, read("deploy/compose/prometheus.yml")).unwrap();
    let said = run(&promtool, &["check", "config", file.to_str().unwrap()]);
    assert!(said.contains("SUCCESS: 1 rule files found"), "{said}");
    assert!(template().ends_with("alerts/linkwatch.tmpl"));
}

/// Every file that compose mounts exists, and every command that it gives is understood.
#[test]
fn compose_mounts_what_there_is() {
    let compose: serde_json::Value = serde_saphyr::from_str(&read("deploy/compose/compose.yml")).unwrap();
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.len(), 4);
    for (name, service) in services {
        for volume in service["volumes"].as_array().unwrap() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            if source.starts_with('.') {
                let path = Path::new(&repository("deploy/compose")).join(source);
                assert!(path.exists(), "{name}: {source}");
            } else {
                assert!(compose["volumes"].get(source).is_some(), "{name}: {source}");
            }
        }
        for port in service["ports"].as_array().unwrap() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name}: {port} is open to all"
            );
        }
    }
}

#[test]
fn systemd_hears_that_the_service_is_up_lives_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let (heard, config) = (folder.path().join("notify"), folder.path().join("linkwatch.yml"));
    std::fs::write(&config, "groups: []\n").unwrap();
    let socket = UnixDatagram::bind(&heard).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_linkwatch"))
        .args(["serve", "--web.listen-address=127.0.0.1:0"])
        .arg(format!("--config.file={}", config.display()))
        .env("NOTIFY_SOCKET", &heard)
        .env("WATCHDOG_USEC", "400000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let next = || {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).trim().to_owned()
    };
    assert_eq!(next(), "READY=1");
    assert_eq!(next(), "WATCHDOG=1");
    assert_eq!(next(), "WATCHDOG=1");
    let _ = run(Path::new("/bin/kill"), &["-TERM", &child.id().to_string()]);
    let last = std::iter::repeat_with(next).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_socket_that_systemd_holds_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("linkwatch.yml");
    std::fs::write(&config, "groups: []\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A shell does what systemd does: the socket is descriptor 3, and the variables name this very process.
    let start = "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 0</dev/null";
    let mut child = Command::new("/bin/sh")
        .args([
            "-c",
            start,
            env!("CARGO_BIN_EXE_linkwatch"),
            "serve",
            "--web.systemd-socket",
        ])
        .arg(format!("--config.file={}", config.display()))
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    std::io::Write::write_all(
        &mut stream,
        b"GET /-/healthy HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn without_a_socket_of_systemd_it_is_said_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("linkwatch.yml");
    std::fs::write(&config, "groups: []\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_linkwatch"))
        .args(["serve", "--web.systemd-socket"])
        .arg(format!("--config.file={}", config.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("start the service by its .socket unit"), "{said}");
}
