//! Why a query gets no answer. A variant is what the caller can do about it.

use timberline_proto::api::ApiError;
use timberline_proto::query::QueryError;

/// Why a query gets no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The query's text is wrong: change it.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The request around the query is wrong: change it.
    #[error("{0}")]
    BadRequest(String),
    /// A limit of the configuration was reached: ask for less, or raise it.
    #[error("{what}: ask for less, or raise {key} in the configuration")]
    Limit {
        /// What was too much.
        what: String,
        /// The configuration's key.
        key: &'static str,
    },
    /// It took longer than the configuration allows.
    #[error("the query ran longer than {seconds} s: narrow its time range, or raise {key} in the configuration")]
    Timeout {
        /// The limit.
        seconds: u64,
        /// The configuration's key.
        key: &'static str,
    },
    /// Someone asked for its end.
    #[error("the query was cancelled")]
    Cancelled,
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// Whoever asks may not see it.
    #[error("{0}")]
    Forbidden(String),
    /// A part of what was asked for is not held.
    #[error("{0}")]
    Incomplete(String),
    /// Our fault.
    #[error("{0}")]
    Internal(String),
}

impl ReadError {
    /// A stable word for the kind, as in [`ApiError::code`].
    pub fn code(&self) -> &'static str {
        match self {
            ReadError::Query(_) => "bad_query",
            ReadError::BadRequest(_) => "bad_request",
            ReadError::Limit { .. } => "limit",
            ReadError::Timeout { .. } => "timeout",
            ReadError::Cancelled => "cancelled",
            ReadError::NotFound(_) => "not_found",
            ReadError::Forbidden(_) => "forbidden",
            ReadError::Incomplete(_) => "incomplete",
            ReadError::Internal(_) => "internal",
        }
    }

    /// As the API's message.
    pub fn to_api(&self) -> ApiError {
        let (span, suggestion) = match self {
            ReadError::Query(error) => (Some(error.span), error.suggestion.clone()),
            _ => (None, None),
        };
        ApiError {
            code: self.code().to_owned(),
            message: self.to_string(),
            span,
            suggestion,
        }
    }
}
