//! Where lists of hosts come from.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use url::Url;

use super::{MOST_HOSTS, cloudflare, host, transfer, transparency, zone};
use crate::fetch::{self, Client, FetchError};

/// Bytes of a file at most.
const LARGEST: u64 = 64 << 20;

/// A list, and how it is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, unique: the label `source`.
    pub name: String,
    /// How often.
    pub interval: Duration,
    /// Whom to ask.
    pub kind: Kind,
}

/// What tells of hosts.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A master file (RFC 1035 section 5).
    ZoneFile {
        /// The file.
        file: PathBuf,
        /// What its relative names are below.
        origin: String,
    },
    /// A zone transfer (RFC 5936).
    Transfer(transfer::Settings),
    /// The records of a zone at Cloudflare.
    CloudflareRecords(Box<cloudflare::Settings>),
    /// Certificate Transparency, as the logs' monitors tell of it.
    Transparency(Box<transparency::Settings>),
    /// One host a line; what follows `#` does not count.
    File(PathBuf),
    /// A JSON list of hosts, or of `{targets: […]}`.
    Http(Box<Http>),
}

/// A URL, and how it is asked.
#[derive(Debug, Clone)]
pub struct Http {
    /// What is asked.
    pub url: Url,
    /// Headers, TLS, bounds.
    pub client: fetch::Settings,
}

pub use transfer::{Settings as Transfer, TsigKey};
pub use transparency::{Monitor, Settings as Transparency};

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverageError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        error: String,
    },
    /// A file or an answer in another form.
    #[error("{place} is not what was expected: {error}")]
    Format {
        /// The file, the server or the URL.
        place: String,
        /// What is wrong with it.
        error: String,
    },
    /// A server that does not give its zone away.
    #[error("{server} does not transfer {zone}: {error}")]
    Transfer {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: String,
        /// What it says.
        error: String,
    },
    /// More than a source may tell.
    #[error("{0} tells of more than {MOST_HOSTS} hosts")]
    TooMany(String),
    /// A server that cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Settings {
    /// Asks once for the whole list; a list that is not whole is an error.
    pub async fn ask(&self) -> Result<BTreeSet<String>, CoverageError> {
        let hosts = match &self.kind {
            Kind::ZoneFile { file, origin } => {
                zone::hosts(&read(file).await?, origin, &file.display().to_string())?
            }
            Kind::Transfer(settings) => transfer::hosts(settings).await?,
            Kind::CloudflareRecords(settings) => cloudflare::hosts(settings).await?,
            Kind::Transparency(settings) => transparency::hosts(settings).await?,
            Kind::File(file) => lines(&read(file).await?),
            Kind::Http(http) => http.hosts().await?,
        };
        if hosts.len() > MOST_HOSTS {
            return Err(CoverageError::TooMany(self.name.clone()));
        }
        Ok(hosts)
    }
}

async fn read(path: &PathBuf) -> Result<String, CoverageError> {
    let failed = |error: &dyn std::fmt::Display| CoverageError::Read {
        path: path.display().to_string(),
        error: error.to_string(),
    };
    let file = tokio::fs::File::open(path)
        .await
        .map_err(|error| failed(&error))?;
    let mut text = String::new();
    let length = file.take(LARGEST + 1).read_to_string(&mut text).await;
    if length.map_err(|error| failed(&error))? as u64 > LARGEST {
        return Err(failed(&format!("it is larger than {LARGEST} bytes")));
    }
    Ok(text)
}

fn lines(text: &str) -> BTreeSet<String> {
    let bare = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    bare.filter_map(host).collect()
}

impl Http {
    async fn hosts(&self) -> Result<BTreeSet<String>, CoverageError> {
        let client = Client::new(&self.client)?;
        let answer = client.ask(client.request(Method::GET, self.url.clone())).await?;
        if !answer.status.is_success() {
            return Err(client.refused(&answer).into());
        }
        let list: Vec<Value> = client.parse(&answer)?;
        let mut hosts = BTreeSet::new();
        for item in &list {
            let names = match item {
                Value::String(name) => vec![name.as_str()],
                Value::Object(_) => targets(item).ok_or_else(|| CoverageError::Format {
                    place: answer.place.clone(),
                    error: "an item is neither a host nor {targets: […]}".to_owned(),
                })?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                    return Err(CoverageError::Format {
                        place: answer.place,
                        error: "an item is neither a host nor {targets: […]}".to_owned(),
                    });
                }
            };
            hosts.extend(names.into_iter().filter_map(of_target));
        }
        Ok(hosts)
    }
}

fn targets(item: &Value) -> Option<Vec<&str>> {
    item.get("targets")?
        .as_array()?
        .iter()
        .map(Value::as_str)
        .collect()
}

/// The host of a target: a name, with a port where it has one, or a URL.
fn of_target(target: &str) -> Option<String> {
    let url = if target.contains("://") {
        Url::parse(target)
    } else {
        Url::parse(&format!("none://{target}/"))
    };
    host(url.ok()?.host_str()?)
}
