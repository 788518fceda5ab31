//! Documents that users upload, their chunks for retrieval, and the files in which their bytes are
//! stored.

mod chunk;
mod document;
mod lifecycle;
mod stored_file;
mod tag;

pub use chunk::{DocumentChunk, NewDocumentChunk};
pub use document::{Document, DocumentChanges, DocumentFilter, NewDocument, Registered};
pub use stored_file::{NewStoredFile, StoredFile};
