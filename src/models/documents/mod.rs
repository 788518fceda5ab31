//! What users upload, the chunks for retrieval, and where the bytes lie.

mod chunk;
mod document;
mod lifecycle;
mod stored_file;
mod tag;

pub use chunk::{DocumentChunk, NewDocumentChunk};
pub use document::{Document, DocumentChanges, DocumentFilter, NewDocument, Registered};
pub use stored_file::{NewStoredFile, StoredFile};
