//! Where the bytes of files lie.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use super::document::Document;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one, not_before,
    not_found, require_affected,
};
use crate::schema::file_storage;
use crate::types::{
    CompressionType, DocumentId, EncryptionStatus, Json, PublicId, Sha256Hash, StoredFileId,
    UtcTime,
};

/// Where the bytes of a file lie, and how.
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
    /// The row's key.
    pub id: StoredFileId,
    /// The public id.
    pub file_id: PublicId,
    /// The document whose bytes they are; `None` if it is gone, and the bytes can go too.
    pub document_id: Option<DocumentId>,
    /// The kind of store, such as `local` or `s3`.
    pub storage_type: String,
    /// Where in the store.
    pub storage_path: String,
    /// The name that the file came with.
    pub original_filename: String,
    /// How large it is, in bytes.
    pub file_size: i64,
    /// Its media type.
    pub mime_type: String,
    /// The hash of its bytes.
    pub file_hash: Sha256Hash,
    /// Whether it is encrypted.
    pub encryption_status: EncryptionStatus,
    /// How it is compressed.
    pub compression_type: CompressionType,
    /// Who may read it, in the application's form.
    pub access_permissions: Json<Value>,
    /// The name of the policy by which it is kept.
    pub retention_policy: Option<String>,
    /// When it was stored.
    pub created_at: UtcTime,
    /// When it was last read.
    pub accessed_at: UtcTime,
    /// How often.
    pub access_count: i64,
    /// Whether it has been archived.
    pub is_archived: bool,
    /// When it was.
    pub archived_at: Option<UtcTime>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// A file to register.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = file_storage)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewStoredFile<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub file_id: PublicId,
    /// The document whose bytes they are.
    #[builder(default, setter(into))]
    pub document_id: Option<DocumentId>,
    /// The kind of store, 1 to 50 characters; unless told, `local`.
    #[builder(default = "local")]
    pub storage_type: &'a str,
    /// Where in the store, 1 to 500 characters.
    pub storage_path: &'a str,
    /// The name that the file came with, 1 to 255 characters.
    pub original_filename: &'a str,
    /// How large it is, in bytes.
    pub file_size: i64,
    /// Its media type, 1 to 100 characters.
    pub mime_type: &'a str,
    /// The hash of its bytes.
    pub file_hash: Sha256Hash,
    /// Whether it is encrypted; unless told, no.
    #[builder(default = EncryptionStatus::None)]
    pub encryption_status: EncryptionStatus,
    /// How it is compressed; unless told, not at all.
    #[builder(default = CompressionType::None)]
    pub compression_type: CompressionType,
    /// Who may read it; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub access_permissions: Json<Value>,
    /// The name of the policy by which it is kept, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub retention_policy: Option<&'a str>,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

impl NewStoredFile<'_> {
    /// Registers the file.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such document or a value breaks
    /// a rule.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<StoredFile> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(file_storage::table)
                .values(self)
                .returning(StoredFile::as_returning())
                .get_result(connection));
        let document = self.document_id.map(Parent::Document);
        explain_broken_reference(connection, result, &[("file_storage_document_id_fkey", document)])
    }
}

impl StoredFile {
    /// The file with this public id.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_file_id(
        connection: &mut DbConnection,
        file_id: PublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, file_storage, file_storage::file_id.eq(file_id))
    }

    /// The oldest file with this content: several documents may share its bytes.
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

    /// The files of a document, oldest first.
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

    /// Counts one reading of the file.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn touch(connection: &mut DbConnection, id: StoredFileId) -> Result<()> {
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

    /// Records that the file has been archived.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn archive(connection: &mut DbConnection, id: StoredFileId) -> Result<Self> {
        let archived_at = not_before!(file_storage::created_at, UtcTime::now());
        let set = (file_storage::is_archived.eq(true), file_storage::archived_at.eq(archived_at));
        dispatch!(connection, |connection| diesel::update(file_storage::table.find(id))
            .set(set)
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?
        .ok_or_else(not_found("file_storage", "id", id))
    }

    /// The files whose document is gone, oldest first: their bytes can be removed, and then
    /// [`StoredFile::delete`] forgets them.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_of_orphans(
        connection: &mut DbConnection,
        after: Option<StoredFileId>,
        size: PageSize,
    ) -> Result<Page<Self, StoredFileId>> {
        let rows = dispatch!(connection, |connection| file_storage::table
            .select(Self::as_select())
            .filter(file_storage::document_id.is_null())
            .filter(file_storage::id.gt(after.unwrap_or(StoredFileId(0))))
            .order(file_storage::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |file: &Self| file.id))
    }

    /// Forgets the file.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn delete(connection: &mut DbConnection, id: StoredFileId) -> Result<()> {
        require_affected(
            dispatch!(connection, |connection| diesel::delete(file_storage::table.find(id))
                .execute(connection))?,
            "file_storage",
            id,
        )
    }
}
