//! Documents that users upload, their chunks for retrieval, and the files in which their bytes are
//! stored.

mod chunk;
mod document;
mod lifecycle;
mod public_document;
mod stored_file;
mod tag;

pub use chunk::{DocumentChunk, NewDocumentChunk};
pub use document::{Document, DocumentChanges, DocumentFilter, NewDocument, Registered};
pub use public_document::PublicDocument;
pub use stored_file::{NewStoredFile, StoredFile};
