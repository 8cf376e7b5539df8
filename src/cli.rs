//! The command line: what can be said, and which part of the program answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use tokio::runtime::Runtime;

use self::value::{MaybeUrl, external_url, lasting, lasting_or_seconds, listen_address, seconds};
use crate::text::visible;
use crate::{build_info, telemetry};

mod bundle;
mod cert;
mod chain;
mod check;
mod config;
mod discover;
mod dns;
mod explain;
mod records;
mod serve;
mod target;
mod terminal;
mod traffic;
mod value;

/// How a run ended, as a shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing is wrong.
    Fine,
    /// A cause stands.
    Cause,
    /// The call or the configuration cannot be used.
    Usage,
    /// Nothing could be told: this vantage point is offline.
    Unknown,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::SUCCESS,
            Exit::Cause => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Unknown => Self::from(3),
        }
    }
}

/// Watches public endpoints layer by layer and tells Prometheus what is wrong, why, and since when.
///
/// Without a command it serves, like any exporter.
#[derive(Debug, Parser)]
#[command(name = "linkwatch", version = version(), args_conflicts_with_subcommands = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    // Before the arguments of serving, whose heading would hold it too.
    /// When to colour what is printed; the variable `NO_COLOR` is respected.
    #[arg(long, value_enum, default_value_t = terminal::Color::Auto, global = true, value_name = "WHEN")]
    color: terminal::Color,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Probe the catalogue on a schedule and serve what is known on /metrics.
    Serve(ServeArgs),
    /// Probe once and say what is wrong, why, and what to do.
    Check(CheckArgs),
    /// Look closely at the certificates that a host presents.
    Cert(cert::CertArgs),
    /// Compare what DNS servers say of a name.
    Dns(dns::DnsArgs),
    /// Look at a configuration without running it.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the public hosts that nobody watches, as a group to put into the configuration.
    Discover(discover::DiscoverArgs),
    /// Write what ships beside the binary: rules, routing, dashboards, runbooks.
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Explain an alert or a cause, offline.
    Explain(explain::ExplainArgs),
    /// Look at click traffic without serving.
    #[command(subcommand)]
    Traffic(traffic::TrafficCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// What `serve` can be told.
#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "Serving")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags, one by one, each with its opposite"
)]
pub struct ServeArgs {
    /// The configuration. Default: linkwatch.yml, or blackbox.yml where the working directory holds that alone.
    #[arg(long = "config.file", env = "LINKWATCH_CONFIG_FILE", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Reload the configuration when its files change.
    #[arg(long = "config.enable-auto-reload", overrides_with = "no_auto_reload")]
    pub auto_reload: bool,
    #[arg(long = "no-config.enable-auto-reload", hide = true)]
    no_auto_reload: bool,
    /// Check the configuration, and --web.config.file if given, and exit: 0 if they can be used, else 1.
    #[arg(long = "config.check", overrides_with = "no_config_check")]
    pub config_check: bool,
    #[arg(long = "no-config.check", hide = true)]
    no_config_check: bool,
    /// How often to look whether the configuration has changed; a bare number is in seconds.
    #[arg(long = "config.auto-reload-interval", default_value = "30s", value_parser = lasting_or_seconds, value_name = "DURATION")]
    pub auto_reload_interval: Duration,
    /// Directory for what must outlive a restart; without it everything is in memory.
    #[arg(long = "storage.path", env = "LINKWATCH_STORAGE_PATH", value_name = "DIR")]
    pub storage_path: Option<PathBuf>,
    /// Address to serve on; repeatable. Default: :9716, or :9115 with a file that holds nothing but modules.
    #[arg(long = "web.listen-address", env = "LINKWATCH_WEB_LISTEN_ADDRESS", value_delimiter = ',', value_parser = listen_address, value_name = "ADDRESS")]
    pub listen: Vec<SocketAddr>,
    /// Serve on the sockets that systemd holds for the service, in place of --web.listen-address.
    #[arg(long = "web.systemd-socket", overrides_with = "no_systemd_socket")]
    pub systemd_socket: bool,
    #[arg(long = "no-web.systemd-socket", hide = true)]
    no_systemd_socket: bool,
    /// TLS, users, rate limit and headers of the web side, in the schema of Prometheus' exporter toolkit.
    #[arg(
        long = "web.config.file",
        env = "LINKWATCH_WEB_CONFIG_FILE",
        value_name = "FILE"
    )]
    pub web_config_file: Option<PathBuf>,
    /// The URL under which users reach this server, for links.
    #[arg(
        long = "web.external-url",
        value_name = "URL",
        value_parser = external_url,
        default_value = "",
        hide_default_value = true
    )]
    pub external_url: MaybeUrl,
    /// What all paths begin with. Default: the path of --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub route_prefix: Option<String>,
    /// Results of /probe that are kept for /logs, and as many failed ones of before.
    #[arg(long = "history.limit", default_value_t = 100, value_name = "N")]
    pub history: usize,
    /// Seconds taken off the scrape timeout that Prometheus announces to /probe.
    #[arg(long = "timeout-offset", default_value = "0.5", value_parser = seconds, value_name = "SECONDS")]
    pub timeout_offset: Duration,
    /// Which share of the catalogue is probed here, from 0.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub shard: u32,
    /// Into how many shares the catalogue is divided; 1 probes all of it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub total_shards: u32,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Args, Clone)]
struct LogArgs {
    /// Least severe lines that are written.
    #[arg(long = "log.level", env = "LINKWATCH_LOG_LEVEL", value_enum, ignore_case = true, default_value_t = telemetry::Level::Info, value_name = "LEVEL")]
    level: telemetry::Level,
    /// Least severe lines that are written about single probes of /probe: error for those that fail, debug for all. Without
    /// it none are.
    #[arg(long = "log.prober", value_enum, ignore_case = true, value_name = "LEVEL")]
    prober: Option<telemetry::Level>,
    /// How lines are written.
    #[arg(long = "log.format", env = "LINKWATCH_LOG_FORMAT", value_enum, default_value_t = telemetry::Format::Logfmt, value_name = "FORMAT")]
    format: telemetry::Format,
}

/// What `check` can be told.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// URLs of http, https, tcp, dns, icmp, unix, grpc, ws or wss, or hosts, which are asked by https. With --config.file:
    /// names of its endpoints.
    #[arg(required_unless_present = "config_file")]
    targets: Vec<String>,
    /// Check what this configuration watches.
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Only this group of it.
    #[arg(long, requires = "config_file", value_name = "NAME")]
    group: Option<String>,
    /// Ask the targets, watched or not, by this module of it.
    #[arg(long, requires_all = ["config_file", "targets"], conflicts_with = "group", value_name = "NAME")]
    module: Option<String>,
    /// Speak TLS over tcp, unix, grpc and dns.
    #[arg(long, conflicts_with = "config_file")]
    tls: bool,
    /// Ask DNS servers for this name; without it, whether they answer at all.
    #[arg(long, value_name = "NAME", conflicts_with = "config_file")]
    query_name: Option<String>,
    /// The type that they are asked for.
    #[arg(long, value_name = "TYPE", requires = "query_name", default_value = "A")]
    query_type: String,
    /// Ask this DNS server in place of the system's.
    #[arg(long, value_name = "ADDR[:PORT]", conflicts_with = "config_file")]
    resolver: Option<String>,
    /// Trust these certificate authorities (PEM) in place of the public ones.
    #[arg(long, value_name = "FILE", conflicts_with = "config_file")]
    ca_file: Option<PathBuf>,
    /// Time for one probe.
    #[arg(long, default_value = "5s", value_parser = lasting, value_name = "DURATION", conflicts_with = "config_file")]
    timeout: Duration,
    /// The status must be this one; repeatable.
    #[arg(long, value_name = "N", conflicts_with = "config_file")]
    expect_status: Vec<u16>,
    /// The first answer must redirect there.
    #[arg(long, value_name = "URL", conflicts_with = "config_file")]
    expect_location: Option<String>,
    /// DNS must lead to this name, address or network; repeatable.
    #[arg(long, value_name = "NAME", conflicts_with = "config_file")]
    expect_dns: Vec<String>,
    /// Probe again and again, and print a line for each change; ends with the last verdict's exit code.
    #[arg(long, conflicts_with = "output")]
    watch: bool,
    /// Time from one probe to the next while watching.
    #[arg(long, default_value = "5s", value_parser = lasting, value_name = "DURATION", requires = "watch")]
    interval: Duration,
    /// List every endpoint, even if those that are as they should be fill more than a screen.
    #[arg(long)]
    all: bool,
    /// Of several endpoints, print so many full reports of those that are worst off.
    #[arg(long, default_value_t = 3, value_name = "N")]
    details: usize,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A report to read.
    Text,
    /// An array with one object per endpoint.
    Json,
    /// The series that /metrics would show.
    Prometheus,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report everything that is wrong with a configuration.
    Check {
        /// The configuration.
        #[arg(long = "config.file", default_value = "linkwatch.yml", value_name = "FILE")]
        config_file: PathBuf,
        /// Check this file of the web side in its stead: TLS, users, rate limit, headers.
        #[arg(long = "web.config.file", value_name = "FILE", conflicts_with = "config_file")]
        web_config_file: Option<PathBuf>,
    },
    /// Print a configuration as it is understood, secrets masked.
    Show {
        /// The configuration.
        #[arg(long = "config.file", default_value = "linkwatch.yml", value_name = "FILE")]
        config_file: PathBuf,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Turn the modules of blackbox_exporter, and what Prometheus has it probe, into a configuration.
    FromBlackbox {
        /// The file of blackbox_exporter.
        blackbox: PathBuf,
        /// Files of Prometheus (scrape jobs), or of its operator (Probe resources).
        prometheus: Vec<PathBuf>,
    },
}

/// Does what the arguments say; prints on standard output, complains on standard error.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    cli.color.choose();
    match cli.command {
        None => serve::run(&cli.serve),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Cert(args)) => cert::run(&args),
        Some(Command::Dns(args)) => dns::run(&args),
        Some(Command::Config(command)) => config::run(&command),
        Some(Command::Discover(args)) => discover::run(&args),
        Some(Command::Bundle(command)) => bundle::run(&command),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Traffic(command)) => traffic::run(&command),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "linkwatch", &mut std::io::stdout());
            Exit::Fine
        }
        Some(Command::Man) => match clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout()) {
            Ok(()) => Exit::Fine,
            Err(error) => complain(&format!("cannot print the manual page: {error}")),
        },
    }
}

impl ServeArgs {
    /// Makes the log lines go where the arguments say.
    fn install_log(&self) {
        telemetry::install(self.log.level, self.log.prober, self.log.format);
    }

    /// What all paths begin with: empty, or a slash and more without one at its end.
    fn prefix(&self) -> String {
        let of_url = || self.external_url.as_ref().map(url::Url::path);
        let prefix = self.route_prefix.as_deref().or_else(of_url).unwrap_or_default();
        let prefix = prefix.trim_matches('/');
        if prefix.is_empty() {
            String::new()
        } else {
            format!("/{prefix}")
        }
    }
}

/// Tells the user what is wrong with the call.
fn complain(message: &str) -> Exit {
    warn(message);
    Exit::Usage
}

/// Says what a reader of the output should know.
fn warn(message: &str) {
    for (place, line) in message.lines().enumerate() {
        let program = if place == 0 { "linkwatch: " } else { "" };
        anstream::eprintln!("{program}{}", visible(line));
    }
}

/// What asks the network for a command that ends by itself.
fn runtime() -> Result<Runtime, Exit> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| complain(&format!("cannot start the runtime: {error}")))
}

const fn version() -> &'static str {
    build_info::VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_exporter_can_be_started_without_a_command() {
        let cli =
            Cli::try_parse_from(["linkwatch", "--config.file=a.yml", "--web.listen-address", ":0"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.config_file, Some(PathBuf::from("a.yml")));
        assert_eq!(cli.serve.listen, ["[::]:0".parse().unwrap()]);
    }

    #[test]
    fn every_flag_of_blackbox_exporter_is_taken_in_every_form() {
        let forms = [
            "linkwatch",
            "--config.file=blackbox.yml",
            "--no-config.check",
            "--config.enable-auto-reload",
            "--config.auto-reload-interval=45",
            "--timeout-offset",
            "0.25",
            "--history.limit",
            "7",
            "--log.prober=info",
            "--log.level",
            "warn",
            "--log.format=json",
            "--web.external-url=https://watch.test/black/box/",
            "--web.listen-address=:9115",
            "--web.listen-address=localhost:9116",
            "--no-web.systemd-socket",
            "--web.config.file=web.yml",
        ];
        let serve = Cli::try_parse_from(forms).unwrap().serve;
        assert_eq!(serve.auto_reload_interval, Duration::from_secs(45));
        assert_eq!((serve.history, serve.listen.len()), (7, 2));
        assert_eq!(serve.timeout_offset, Duration::from_millis(250));
        assert!(!serve.config_check && !serve.systemd_socket);
        assert_eq!(serve.prefix(), "/black/box");
        for (prefix, expected) in [("/", ""), ("", ""), ("box", "/box"), ("/box/", "/box")] {
            let given = [
                "linkwatch",
                "--web.external-url=watch.test/x",
                "--web.route-prefix",
                prefix,
            ];
            let serve = Cli::try_parse_from(given).unwrap().serve;
            assert_eq!(serve.prefix(), expected, "{prefix}");
        }
        let empty = Cli::try_parse_from(["linkwatch", "--web.external-url="]);
        assert_eq!(empty.unwrap().serve.external_url, None, "as if it were not given");
        let vsock = Cli::try_parse_from(["linkwatch", "--web.listen-address=vsock://:9115"]);
        assert!(vsock.unwrap_err().to_string().contains("virtual machine"));
    }

    #[test]
    fn a_boolean_can_be_taken_back() {
        let on_and_off = [
            "linkwatch",
            "--config.enable-auto-reload",
            "--no-config.enable-auto-reload",
        ];
        assert!(!Cli::try_parse_from(on_and_off).unwrap().serve.auto_reload);
    }
}
