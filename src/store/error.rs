//! Why the store did not do something, and what that is to the domain.

use crate::model::Error;
use crate::model::error::Rule;

/// Why a commit was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// An expectation did not hold: read again, decide again.
    #[error("a record changed meanwhile")]
    Conflict,
    /// The pool is being deleted, or is gone.
    #[error("the pool has been deleted")]
    Closed,
    /// More than the store takes.
    #[error("{what} holds {size} bytes, over the limit of {limit}; make several smaller changes of it")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its bytes.
        size: usize,
        /// The cap.
        limit: usize,
    },
    /// The store has stopped after a failed write and stays stopped until it is opened again.
    /// Whether this commit will be found then is not known.
    #[error("the store has stopped: {0}")]
    Stopped(String),
}

/// Why a read failed, or why the store cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot be read: {0}")]
pub struct ReadError(pub String);

impl ReadError {
    /// What the engine says of its file when that is damaged.
    pub(super) fn unreadable(reason: &str) -> Self {
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Self(format!("the engine cannot read its file ({reason}); restore the data folder from a backup"))
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::contended(),
            CommitError::Closed => Self::not_found(error.to_string()),
            CommitError::TooLarge { .. } => Self::invalid(Rule::Unwilling, error.to_string()),
            CommitError::Stopped(_) => Self::down(error.to_string()),
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<sled::Error> for ReadError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self(error.to_string()),
            sled::Error::Corruption { at, .. } => Self::unreadable(&format!("it is damaged at {at:?}")),
            error => Self::unreadable(&error.to_string()),
        }
    }
}
