//! Stored files: where the bytes of documents are, and how they are encoded.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::document::Document;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one,
    not_before, not_found, paged, require_affected,
};
use crate::schema::file_storage;
use crate::types::{
    CompressionType, DocumentId, EncryptionStatus, JsonText, Sha256Hash, StoredFileId,
    StoredFilePublicId, UtcTime,
};

/// Location and encoding of a file's bytes.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Associations,
    Identifiable,
    Queryable,
    Selectable,
    Serialize,
    Deserialize,
)]
#[diesel(table_name = file_storage, belongs_to(Document))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct StoredFile {
    /// Primary key.
    pub id: StoredFileId,
    /// Public UUID.
    pub file_id: StoredFilePublicId,
    /// Document of the file. `None` marks an orphan: the document has been deleted, and the bytes
    /// can be removed.
    pub document_id: Option<DocumentId>,
    /// Kind of storage, such as `local` or `s3`.
    pub storage_type: String,
    /// Path or key within the storage.
    pub storage_path: String,
    /// Name of the file when it was uploaded.
    pub original_filename: String,
    /// Size of the file in bytes.
    pub file_size: i64,
    /// Media type of the file.
    pub mime_type: String,
    /// SHA-256 of the file's bytes.
    pub file_hash: Sha256Hash,
    /// Whether the stored bytes are encrypted.
    pub encryption_status: EncryptionStatus,
    /// Compression of the stored bytes.
    pub compression_type: CompressionType,
    /// Access permissions, in the application's form.
    pub access_permissions: JsonText,
    /// Name of the retention policy.
    pub retention_policy: Option<String>,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the last recorded access; time of creation if there was none.
    pub accessed_at: UtcTime,
    /// Number of recorded accesses.
    pub access_count: i64,
    /// Whether the file is archived.
    pub is_archived: bool,
    /// Time of archiving, if any.
    pub archived_at: Option<UtcTime>,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Stored file to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = file_storage)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewStoredFile<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = StoredFilePublicId::new())]
    pub file_id: StoredFilePublicId,
    /// Document of the file. A file without a document is an orphan.
    #[builder(default, setter(into))]
    pub document_id: Option<DocumentId>,
    /// Kind of storage, 1 to 50 characters; `local` by default.
    #[builder(default = "local")]
    pub storage_type: &'a str,
    /// Path or key within the storage, 1 to 500 characters.
    pub storage_path: &'a str,
    /// Name of the file when it was uploaded, 1 to 255 characters.
    pub original_filename: &'a str,
    /// Size of the file in bytes.
    pub file_size: i64,
    /// Media type of the file, 1 to 100 characters.
    pub mime_type: &'a str,
    /// SHA-256 of the file's bytes.
    pub file_hash: Sha256Hash,
    /// Whether the stored bytes are encrypted; [`EncryptionStatus::None`] by default.
    #[builder(default = EncryptionStatus::None)]
    pub encryption_status: EncryptionStatus,
    /// Compression of the stored bytes; [`CompressionType::None`] by default.
    #[builder(default = CompressionType::None)]
    pub compression_type: CompressionType,
    /// Access permissions, in the application's form; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub access_permissions: JsonText,
    /// Name of the retention policy, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub retention_policy: Option<&'a str>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

impl NewStoredFile<'_> {
    /// Inserts the file and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the document does not exist or a value
    /// breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<StoredFile> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(file_storage::table)
                .values(self)
                .returning(StoredFile::as_returning())
                .get_result(connection));
        let document = self.document_id.map(Parent::Document);
        explain_broken_reference(connection, result, &[("file_storage_document_id_fkey", document)])
    }
}

paged!(StoredFile, "file_storage", StoredFileId, |file| file.id);

impl StoredFile {
    /// Returns the file with this public UUID, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_file_id(
        connection: &mut DbConnection,
        file_id: StoredFilePublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, file_storage, file_storage::file_id.eq(file_id))
    }

    /// Returns the oldest file with this content, if any, so that several documents can share its
    /// bytes. It may be that of another user's document: only its location is to be used, and nothing of it
    /// shown.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_hash(connection: &mut DbConnection, hash: Sha256Hash) -> Result<Option<Self>> {
        Ok(dispatch!(connection, |connection| file_storage::table
            .select(Self::as_select())
            .filter(file_storage::file_hash.eq(hash))
            .order(file_storage::id)
            .literal_limit(1)
            .get_result(connection)
            .optional())?)
    }

    /// Returns the files of the document, oldest first, whoever asks: see [`Document::find`].
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_for_document(
        connection: &mut DbConnection,
        document: DocumentId,
    ) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| file_storage::table
            .select(Self::as_select())
            .filter(file_storage::document_id.eq(document))
            .order(file_storage::id)
            .load(connection))?)
    }

    /// Records one access to the file: increments the number of accesses, and sets the time of the last.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no file has this id.
    pub fn touch(connection: &mut Writer<'_>, id: StoredFileId) -> Result<()> {
        let set = (
            file_storage::access_count.eq(file_storage::access_count + 1),
            file_storage::accessed_at.eq(UtcTime::now()),
        );
        require_affected(
            dispatch!(connection, |connection| diesel::update(file_storage::table.find(id))
                .set(set)
                .returning(file_storage::id)
                .prepared()
                .load::<StoredFileId>(connection))?
            .len(),
            "file_storage",
            id,
        )
    }

    /// Marks the file as archived and returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no file has this id.
    pub fn archive(connection: &mut Writer<'_>, id: StoredFileId) -> Result<Self> {
        let archived_at = not_before!(file_storage::created_at, UtcTime::now());
        let set = (file_storage::is_archived.eq(true), file_storage::archived_at.eq(archived_at));
        dispatch!(connection, |connection| diesel::update(file_storage::table.find(id))
            .set(set)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?
        .ok_or_else(not_found("file_storage", "id", id))
    }

    /// Returns the files without a document, oldest first. Remove their bytes, and afterwards their rows
    /// with [`StoredFile::delete`]. The page begins at the cursor `after`, or with the
    /// oldest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_of_orphans(
        connection: &mut DbConnection,
        after: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let rows = dispatch!(connection, |connection| file_storage::table
            .select(Self::as_select())
            .filter(file_storage::document_id.is_null())
            .filter(file_storage::id.gt(after.map_or(StoredFileId(0), Cursor::position)))
            .order(file_storage::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Deletes the row. The bytes of the file are not touched.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no file has this id.
    pub fn delete(connection: &mut Writer<'_>, id: StoredFileId) -> Result<()> {
        require_affected(
            dispatch!(connection, |connection| diesel::delete(file_storage::table.find(id))
                .execute(connection))?,
            "file_storage",
            id,
        )
    }
}
