//! The states of a document, and the transitions between them.
//!
//! ```text
//! upload:      uploading → uploaded          processing:  pending → processing → completed
//!              uploading → failed → uploading             processing → failed
//!                                                         completed, failed → pending
//! ```
//!
//! Processing begins only once the upload is complete.

use diesel::prelude::*;

use super::document::Document;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::models::query::{not_before, not_found};
use crate::schema::documents;
use crate::types::{DocumentId, ProcessingStatus, UploadStatus, UtcTime};

impl UploadStatus {
    /// Whether an upload may change from this state to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Uploading, Self::Uploaded | Self::Failed) | (Self::Failed, Self::Uploading)
        )
    }
}

impl ProcessingStatus {
    /// Whether processing may change from this state to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Processing)
                | (Self::Processing, Self::Completed | Self::Failed)
                | (Self::Completed | Self::Failed, Self::Pending)
        )
    }
}

impl Document {
    /// Changes the state of the upload and returns the new row. `error` is stored with
    /// [`UploadStatus::Failed`]; any other state clears the stored error.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if the current state may not become `to`; [`Error::NotFound`]
    /// if no document has this id.
    pub fn set_upload_status(
        connection: &mut Writer<'_>,
        id: DocumentId,
        to: UploadStatus,
        error: Option<&str>,
    ) -> Result<Self> {
        let now = UtcTime::now();
        let done = to == UploadStatus::Uploaded;
        let completed = documents::upload_completed_at;
        let step = (
            documents::upload_status.eq(to),
            done.then(|| completed.eq(not_before!(documents::upload_started_at, now))),
            (!done).then(|| completed.eq(None::<UtcTime>)),
            documents::error_message.eq(error.filter(|_| to == UploadStatus::Failed)),
        );
        let from: Vec<_> = UploadStatus::ALL.iter().filter(|from| from.may_become(to)).collect();
        let moved = dispatch!(&mut *connection, |connection| diesel::update(documents::table)
            .filter(documents::id.eq(id).and(documents::upload_status.eq_any(&from)))
            .set(step)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?;
        moved.map_or_else(
            || {
                let found =
                    Self::find(connection, id)?.ok_or_else(not_found("documents", "id", id))?;
                let from = found.upload_status.as_str();
                Err(Error::IllegalTransition { what: "document", from, to: to.as_str() })
            },
            Ok,
        )
    }

    /// Changes the state of the processing and returns the new row. `error` is stored with
    /// [`ProcessingStatus::Failed`]; any other state clears the stored error.
    ///
    /// If several workers take the same pending document, one succeeds.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`] if the current state may not become `to`, or the upload is not
    /// complete; [`Error::NotFound`] if no document has this id.
    pub fn set_processing_status(
        connection: &mut Writer<'_>,
        id: DocumentId,
        to: ProcessingStatus,
        error: Option<&str>,
    ) -> Result<Self> {
        let now = UtcTime::now();
        let ends = matches!(to, ProcessingStatus::Completed | ProcessingStatus::Failed);
        let started = (to == ProcessingStatus::Processing).then_some(now);
        let completed = documents::processing_completed_at;
        let step = (
            documents::processing_status.eq(to),
            (!ends).then(|| documents::processing_started_at.eq(started)),
            ends.then(|| completed.eq(not_before!(documents::processing_started_at, now))),
            (!ends).then(|| completed.eq(None::<UtcTime>)),
            documents::error_message.eq(error.filter(|_| to == ProcessingStatus::Failed)),
        );
        let from: Vec<_> = ProcessingStatus::ALL.iter().filter(|s| s.may_become(to)).collect();
        let allowed = documents::processing_status
            .eq_any(&from)
            .and(documents::upload_status.eq(UploadStatus::Uploaded));
        let moved = dispatch!(&mut *connection, |connection| diesel::update(documents::table)
            .filter(documents::id.eq(id).and(allowed))
            .set(step)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?;
        moved.map_or_else(
            || {
                let found =
                    Self::find(connection, id)?.ok_or_else(not_found("documents", "id", id))?;
                let from = match found.upload_status {
                    UploadStatus::Uploaded => found.processing_status.as_str(),
                    unfinished => unfinished.as_str(),
                };
                Err(Error::IllegalTransition { what: "document", from, to: to.as_str() })
            },
            Ok,
        )
    }
}
