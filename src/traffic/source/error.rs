//! What a source says when it has no answer.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

/// Why a source has not answered. None of the texts holds a secret, a URL or a whole body.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The settings cannot be used.
    #[error("traffic source {name}: {problem}")]
    Settings {
        /// The source.
        name: Arc<str>,
        /// What is wrong with them, and what to do.
        problem: String,
    },
    /// The question cannot be asked.
    #[error("traffic source {name}: {problem}")]
    Question {
        /// The source.
        name: Arc<str>,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// No answer, or not all of it.
    #[error("traffic source {name} does not answer: {error}; check its url, its network and timeout")]
    Fetch {
        /// The source.
        name: Arc<str>,
        /// What the library says.
        error: String,
    },
    /// An answer without success.
    #[error("traffic source {name} answers {status}{}; check its url, its credentials and the query", said(.message))]
    Status {
        /// The source.
        name: Arc<str>,
        /// The status.
        status: StatusCode,
        /// What the answer says, shortened; empty where it says nothing readable.
        message: String,
    },
    /// The API refuses the question.
    #[error("traffic source {name} refuses the query ({kind}){}; check the query", said(.message))]
    Api {
        /// The source.
        name: Arc<str>,
        /// The API's kind of error, as `bad_data`.
        kind: String,
        /// What the API says, shortened.
        message: String,
    },
    /// An answer that is not in the source's format.
    #[error(
        "traffic source {name} answers in another format: {error}; check its type, its url and the query"
    )]
    Format {
        /// The source.
        name: Arc<str>,
        /// What is wrong with it, and where.
        error: String,
    },
    /// More than is taken.
    #[error(
        "traffic source {name} answers with more than {limit} {what}; sum up in the query or ask for less history"
    )]
    TooLarge {
        /// The source.
        name: Arc<str>,
        /// What there is too much of.
        what: Bound,
        /// How many are taken.
        limit: usize,
    },
}

fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

/// What is bounded in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Of the body of one response, after decompression.
    Bytes,
    /// Label sets.
    Series,
    /// Points of all series.
    Points,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Series => "series",
            Self::Points => "points",
        })
    }
}
