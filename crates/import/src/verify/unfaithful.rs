//! Error for a difference between the two databases.

use crate::error::{AdoptionError, Result};

/// Returns the error for a difference.
pub(super) fn unfaithful<T>(reason: &str) -> Result<T> {
    Err(AdoptionError::Unfaithful { reason: reason.to_owned() })
}
