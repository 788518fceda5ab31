//! What other users may see of a document that they may read.

use serde::Serialize;

use super::document::Document;
use crate::types::{DocumentPublicId, JsonText, UtcTime};

/// What other users may see of a [`Document`] that they may read, to be serialised.
///
/// It holds no primary key, nothing secret, and of what is personal only what is made to be shown:
/// `docs/columns.csv` lists its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PublicDocument<'a> {
    /// Public UUID.
    pub document_id: DocumentPublicId,
    /// Name of the file when it was uploaded.
    pub original_filename: &'a str,
    /// Size of the file in bytes.
    pub file_size: i64,
    /// Media type of the file.
    pub mime_type: &'a str,
    /// Start of the upload.
    pub upload_started_at: UtcTime,
    /// Tags, for searching.
    pub tags: &'a JsonText<Vec<String>>,
}

impl<'a> From<&'a Document> for PublicDocument<'a> {
    fn from(document: &'a Document) -> Self {
        Self {
            document_id: document.document_id,
            original_filename: &document.original_filename,
            file_size: document.file_size,
            mime_type: &document.mime_type,
            upload_started_at: document.upload_started_at,
            tags: &document.tags,
        }
    }
}

impl Document {
    /// Returns what other users may see of the document, if they may read it: this does not ask whether
    /// it is public.
    #[must_use]
    pub fn public(&self) -> PublicDocument<'_> {
        self.into()
    }
}
