//! Asking the API of another program: bounded in time and size, by the settings given and nothing of the environment,
//! and without ever repeating what is secret.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use url::Url;

use crate::build_info;
use crate::probe::tls;

/// How an API is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sent with every request; secrets among them are marked sensitive.
    pub headers: HeaderMap,
    /// How the server is verified, and what it is shown. `insecure_skip_verify` and `server_name` have no effect here.
    pub tls: tls::Settings,
    /// An answer has this long, its body included.
    pub timeout: Duration,
    /// Bytes of a body at most, after decompression.
    pub largest: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            headers: HeaderMap::new(),
            tls: tls::Settings::default(),
            timeout: Duration::from_secs(30),
            largest: 16 << 20,
        }
    }
}

/// A client for one API. It follows no redirect: an API that has moved is a setting that has to change, and a secret
/// goes where it was meant to go and nowhere else.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    largest: usize,
    secrets: Arc<[String]>,
}

/// What a server has answered, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
    /// Who answered: scheme, host and path of what was asked.
    pub place: String,
}

/// Why there is no answer, or none that can be used. No text holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The client could not be built.
    #[error("cannot make a client: {0}")]
    Settings(String),
    /// No answer came, or not the whole of it.
    #[error("cannot get {place}: {error}")]
    Send {
        /// What was asked.
        place: String,
        /// What went wrong.
        error: String,
    },
    /// A status that means something else than an answer.
    #[error("{place} answers {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Status {
        /// What was asked.
        place: String,
        /// The status.
        status: StatusCode,
        /// What the body says in a few words.
        message: String,
    },
    /// A body larger than any real one.
    #[error("the answer of {place} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked.
        place: String,
        /// The limit.
        limit: usize,
    },
    /// A body in another shape.
    #[error("the answer of {place} is not what its documentation says: {error}")]
    Format {
        /// What was asked.
        place: String,
        /// What the parser says.
        error: String,
    },
}

impl Client {
    /// Makes ready to ask.
    pub fn new(settings: &Settings) -> Result<Self, FetchError> {
        let tls = client_config(&settings.tls)
            .map_err(|error| FetchError::Settings(format!("the tls settings cannot be used: {error}")))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(settings.timeout)
            .user_agent(build_info::USER_AGENT)
            .default_headers(settings.headers.clone())
            .redirect(Policy::none())
            // Nothing below `app` reads the environment.
            .no_proxy()
            .build()
            .map_err(|error| FetchError::Settings(chain(&error.without_url())))?;
        Ok(Self {
            http,
            largest: settings.largest,
            secrets: secrets(&settings.headers).into(),
        })
    }

    /// A request to be completed and given to [`Client::ask`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request; every status is an answer.
    pub async fn ask(&self, request: RequestBuilder) -> Result<Answer, FetchError> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| FetchError::Send {
            place: "the URL".to_owned(),
            error: self.quote(&chain(&error.without_url())),
        })?;
        let place = place(request.url());
        let failed = |error: reqwest::Error| FetchError::Send {
            place: place.clone(),
            error: self.quote(&chain(&error.without_url())),
        };
        let mut response: Response = client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.largest {
                return Err(FetchError::TooLarge {
                    place,
                    limit: self.largest,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body,
            place,
        })
    }

    /// Asks for JSON by GET; any status but 200 is an error.
    pub async fn json<T: DeserializeOwned>(&self, url: Url) -> Result<T, FetchError> {
        let request = self.request(Method::GET, url);
        let answer = self
            .ask(request.header(http::header::ACCEPT, "application/json"))
            .await?;
        if answer.status != StatusCode::OK {
            return Err(self.refused(&answer));
        }
        self.parse(&answer)
    }

    /// The body of an answer as what its documentation says.
    pub fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, FetchError> {
        serde_json::from_slice(&answer.body).map_err(|error| FetchError::Format {
            place: answer.place.clone(),
            error: self.quote(&error.to_string()),
        })
    }

    /// An answer whose status is not one that was hoped for, with the first words of its body.
    #[must_use]
    pub fn refused(&self, answer: &Answer) -> FetchError {
        FetchError::Status {
            place: answer.place.clone(),
            status: answer.status,
            message: self.quote(&message(&answer.body)),
        }
    }

    /// Text from outside, for a log line: one line, short, without control characters and secrets.
    #[must_use]
    pub fn quote(&self, text: &str) -> String {
        let plain = |char: char| if char.is_control() { ' ' } else { char };
        let mut text: String = text.chars().take(4 * LONGEST_TEXT).map(plain).collect();
        for secret in &*self.secrets {
            text = text.replace(secret, "<secret>");
        }
        let text = text.trim();
        match text.char_indices().nth(LONGEST_TEXT) {
            None => text.to_owned(),
            Some((end, _)) => format!("{}…", &text[..end]),
        }
    }
}

/// The values of the sensitive headers, whole and without the word before them.
fn secrets(headers: &HeaderMap) -> Vec<String> {
    let values = headers.values().filter(|value| value.is_sensitive());
    let texts = values.filter_map(|value| value.to_str().ok());
    let both = texts.flat_map(|text| [text, text.rsplit(' ').next().unwrap_or(text)]);
    both.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// What an API says where it refuses: the usual keys of a JSON body, or the first line of a plain one.
fn message(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else {
        let text = String::from_utf8_lossy(body);
        let first = text.lines().next().unwrap_or_default();
        // A page made for people says nothing in its first line.
        return if first.trim_start().starts_with('<') {
            String::new()
        } else {
            first.to_owned()
        };
    };
    [
        "/message",
        "/error/message",
        "/error",
        "/errors/0/message",
        "/detail",
        "/title",
    ]
    .iter()
    .find_map(|key| json.pointer(key)?.as_str())
    .unwrap_or_default()
    .to_owned()
}

/// A URL as it may be shown: without user, query and fragment, any of which may be secret.
fn place(url: &Url) -> String {
    let mut bare = url.clone();
    // Both fail only for URLs that cannot have them.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_query(None);
    bare.set_fragment(None);
    bare.into()
}

/// The whole of an error: the library's own text names only the outermost layer.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else {
        String::new()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
#[must_use]
pub fn retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(SignedDuration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(date.timestamp().duration_since(now))
}

/// The rustls settings of a client for the API of another program; `server_name` and `insecure_skip_verify` are not in it.
pub(crate) fn client_config(settings: &tls::Settings) -> Result<ClientConfig, String> {
    let versions: Vec<_> = [
        (tls::Version::Tls12, &rustls::version::TLS12),
        (tls::Version::Tls13, &rustls::version::TLS13),
    ]
    .into_iter()
    .filter(|(version, _)| settings.min_version.is_none_or(|least| *version >= least))
    .filter(|(version, _)| settings.max_version.is_none_or(|greatest| *version <= greatest))
    .map(|(_, version)| version)
    .collect();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(settings)?);
    match &settings.client {
        None => Ok(builder.with_no_client_auth()),
        Some(client) => {
            let chain = certificates(&client.chain)?;
            let key =
                PrivateKeyDer::from_pem_slice(&client.key).map_err(|_| "the key is not in PEM".to_owned())?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| error.to_string())
        }
    }
}

fn roots(settings: &tls::Settings) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &settings.roots {
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        return Ok(roots);
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        Err("no certificate in PEM".to_owned())
    } else {
        Ok(certificates)
    }
}

/// Characters of a text from outside.
const LONGEST_TEXT: usize = 300;
