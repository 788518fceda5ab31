//! Why writes that shared a commit were rolled back.

use std::sync::Arc;

use super::Error;

/// Why the transaction that a write shared with others was rolled back. Nothing was changed, and the write may be
/// repeated: see [`Database::write`](crate::Database::write).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedCommit {
    /// The commit failed.
    #[error(
        "the commit that this write shared with others failed; nothing was changed, and it may be repeated"
    )]
    Failed(#[source] Arc<Error>),
    /// Another of the writes ended the transaction, by an error such as a full disk or by a `ROLLBACK`.
    #[error(
        "another write ended the transaction that this one shared with it; nothing was changed, and it may be repeated"
    )]
    Ended,
}
