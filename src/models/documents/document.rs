//! Documents: files that users uploaded.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::tag::HasTag;
use crate::backend::DbConnection;
use crate::connection::{TransactionLock, Writer};
use crate::dispatch;
use crate::error::Result;
use crate::models::User;
use crate::models::query::{
    Cursor, LiteralLimit, OptionalFilter, Page, PageSize, Parent, Prepare, contains_pattern,
    explain_broken_reference, find_one, not_found, paged, require_affected,
};
use crate::schema::documents;
use crate::types::{
    DocumentId, DocumentPublicId, JsonText, ProcessingStatus, Sha256Hash, UploadStatus, UserId,
    UtcTime,
};

diesel::define_sql_function! {
    /// SQL's `lower`, for searches that ignore case.
    fn lower(text: Text) -> Text;
}

/// File that a user uploaded. Its bytes are stored outside the database.
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
#[diesel(table_name = documents, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct Document {
    /// Primary key.
    pub id: DocumentId,
    /// Public UUID.
    pub document_id: DocumentPublicId,
    /// Owner of the document.
    pub user_id: UserId,
    /// Name under which the file is stored.
    pub filename: String,
    /// Name of the file when it was uploaded.
    pub original_filename: String,
    /// Path of the file's bytes.
    pub file_path: String,
    /// Size of the file in bytes.
    pub file_size: i64,
    /// SHA-256 of the file's bytes.
    pub file_hash: Sha256Hash,
    /// Media type of the file.
    pub mime_type: String,
    /// State of the upload.
    pub upload_status: UploadStatus,
    /// State of the processing.
    pub processing_status: ProcessingStatus,
    /// Number of the document's chunks.
    pub chunk_count: i32,
    /// Total number of tokens in the chunks.
    pub total_tokens: i64,
    /// Start of the upload.
    pub upload_started_at: UtcTime,
    /// Completion of the upload; `None` unless it is complete.
    pub upload_completed_at: Option<UtcTime>,
    /// Start of the last processing; `None` while processing is pending.
    pub processing_started_at: Option<UtcTime>,
    /// End of the last processing, successful or not; `None` if it has not ended.
    pub processing_completed_at: Option<UtcTime>,
    /// Time of the last recorded access, if any.
    pub last_accessed_at: Option<UtcTime>,
    /// Number of recorded accesses.
    pub access_count: i64,
    /// Whether everybody may read the document.
    pub is_public: bool,
    /// Whether the document is archived.
    pub is_archived: bool,
    /// Tags, for searching.
    pub tags: JsonText<Vec<String>>,
    /// Application-defined metadata.
    pub metadata: JsonText,
    /// Reason why the upload or the processing failed.
    pub error_message: Option<String>,
}

/// Document to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = documents)]
pub struct NewDocument<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = DocumentPublicId::new())]
    pub document_id: DocumentPublicId,
    /// Owner of the document.
    pub user_id: UserId,
    /// Name under which the file is stored, 1 to 255 characters.
    pub filename: &'a str,
    /// Name of the file when it was uploaded, 1 to 255 characters.
    pub original_filename: &'a str,
    /// Path of the file's bytes, 1 to 500 characters.
    pub file_path: &'a str,
    /// Size of the file in bytes.
    pub file_size: i64,
    /// SHA-256 of the file's bytes.
    pub file_hash: Sha256Hash,
    /// Media type of the file, 1 to 100 characters.
    pub mime_type: &'a str,
    /// State of the upload; [`UploadStatus::Uploaded`] by default.
    #[builder(default = UploadStatus::Uploaded)]
    pub upload_status: UploadStatus,
    /// Whether everybody may read the document; `false` by default.
    #[builder(default)]
    pub is_public: bool,
    /// Tags, for searching; none by default.
    #[builder(default = JsonText::empty_list())]
    pub tags: JsonText<Vec<String>>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Changes to a document. `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = documents)]
pub struct DocumentChanges<'a> {
    /// Name under which the file is stored, 1 to 255 characters.
    pub filename: Option<&'a str>,
    /// Whether everybody may read the document.
    pub is_public: Option<bool>,
    /// Whether the document is archived.
    pub is_archived: Option<bool>,
    /// Tags, for searching.
    pub tags: Option<JsonText<Vec<String>>>,
    /// Application-defined metadata.
    pub metadata: Option<JsonText>,
}

/// Conditions on the documents to list. `None` sets no condition.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentFilter<'a> {
    /// Documents of this user. `None` lists those of every user, public or not, which is for
    /// administrators.
    pub user_id: Option<UserId>,
    /// Documents whose upload is in this state.
    pub upload_status: Option<UploadStatus>,
    /// Documents whose processing is in this state.
    pub processing_status: Option<ProcessingStatus>,
    /// Archived documents if `true`, and the others if `false`.
    pub is_archived: Option<bool>,
    /// Documents with exactly this tag.
    pub tag: Option<&'a str>,
    /// Documents whose original filename contains this text, ignoring the case of ASCII letters (on
    /// PostgreSQL, of all letters, as the locale of the database pairs them: in Turkish, `I` with `ı`).
    pub name: Option<&'a str>,
}

/// Result of [`NewDocument::register`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the document may have existed before"]
pub enum Registered {
    /// The document was inserted. It has no chunks yet: [`DocumentChunk::insert_all`](super::DocumentChunk::insert_all)
    /// adds them, and returns it with their number.
    New(Document),
    /// The user already has this document with the same content. Nothing was written.
    Existing(Document),
}

impl NewDocument<'_> {
    /// Inserts the document, unless the user already has one with the same `file_hash` whose upload has
    /// not failed.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist or a value breaks a
    /// rule.
    pub fn register(&self, connection: &mut Writer<'_>) -> Result<Registered> {
        connection.hold(TransactionLock::Uploads(self.user_id.0))?;
        if let Some(document) = Document::find_by_hash(connection, self.user_id, self.file_hash)? {
            return Ok(Registered::Existing(document));
        }
        self.insert(connection).map(Registered::New)
    }

    /// Inserts the document and returns its row, even if the user already has one with the same
    /// content.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist or a value breaks a
    /// rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<Document> {
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(documents::table)
                .values(self)
                .returning(Document::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(self.user_id));
        explain_broken_reference(connection, result, &[("documents_user_id_fkey", user)])
    }
}

impl DocumentChanges<'_> {
    /// Applies the changes and returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no document has this id;
    /// [`Error::Violation`](crate::Error::Violation) if a value breaks a rule.
    pub fn update(&self, connection: &mut Writer<'_>, id: DocumentId) -> Result<Document> {
        let changed =
            dispatch!(&mut *connection, |connection| diesel::update(documents::table.find(id))
                .set(self)
                .returning(Document::as_returning())
                .get_result(connection)
                .optional());
        match changed {
            // There is nothing to change, which Diesel refuses to say in SQL.
            Err(diesel::result::Error::QueryBuilderError(_)) => Document::find(connection, id)?,
            changed => changed?,
        }
        .ok_or_else(not_found("documents", "id", id))
    }
}

paged!(Document, "documents", DocumentId, |document| document.id);

impl Document {
    /// Returns the document with this id, if any, whoever asks: the application compares its owner, or
    /// asks whether it is public.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: DocumentId) -> Result<Option<Self>> {
        find_one!(connection, documents, documents::id.eq(id))
    }

    /// Returns the document with this public UUID, if any, whoever asks: see [`Document::find`].
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_document_id(
        connection: &mut DbConnection,
        document_id: DocumentPublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, documents, documents::document_id.eq(document_id))
    }

    /// Returns the user's oldest document with this content whose upload has not failed, if any.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_hash(
        connection: &mut DbConnection,
        user: UserId,
        hash: Sha256Hash,
    ) -> Result<Option<Self>> {
        Ok(dispatch!(connection, |connection| documents::table
            .select(Self::as_select())
            .filter(documents::file_hash.eq(hash).and(documents::user_id.eq(user)))
            .filter(documents::upload_status.ne(UploadStatus::Failed))
            .order(documents::id)
            .literal_limit(1)
            .get_result(connection)
            .optional())?)
    }

    /// Returns the documents that match the filter, newest first. The page begins at the cursor `before`, or
    /// with the newest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        filter: DocumentFilter<'_>,
        before: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let pattern = filter.name.map(contains_pattern);
        let named = pattern
            .as_deref()
            .map(|pattern| lower(documents::original_filename).like(lower(pattern)).escape('\\'));
        let uploaded = filter.upload_status.map(|status| documents::upload_status.eq(status));
        let processed = filter.processing_status.map(|s| documents::processing_status.eq(s));
        let rows = dispatch!(connection, |connection| documents::table
            .select(Self::as_select())
            .filter(documents::id.lt(before.map_or(DocumentId(i64::MAX), Cursor::position)))
            .filter(OptionalFilter(filter.user_id.map(|user| documents::user_id.eq(user))))
            .filter(OptionalFilter(uploaded))
            .filter(OptionalFilter(processed))
            .filter(OptionalFilter(
                filter.is_archived.map(|archived| documents::is_archived.eq(archived))
            ))
            .filter(OptionalFilter(filter.tag.map(HasTag::new)))
            .filter(OptionalFilter(named))
            .order(documents::id.desc())
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }

    /// Counts one access to the document.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no document has this id.
    pub fn record_access(connection: &mut Writer<'_>, id: DocumentId) -> Result<()> {
        let set = (
            documents::access_count.eq(documents::access_count + 1),
            documents::last_accessed_at.eq(UtcTime::now()),
        );
        require_affected(
            dispatch!(connection, |connection| diesel::update(documents::table.find(id))
                .set(set)
                .returning(documents::id)
                .prepared()
                .load::<DocumentId>(connection))?
            .len(),
            "documents",
            id,
        )
    }

    /// Deletes the document and its chunks. The rows of its stored files stay as orphans, until the
    /// application has removed their bytes: see
    /// [`StoredFile::page_of_orphans`](super::StoredFile::page_of_orphans).
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no document has this id.
    pub fn delete(connection: &mut Writer<'_>, id: DocumentId) -> Result<()> {
        require_affected(
            dispatch!(connection, |connection| diesel::delete(documents::table.find(id))
                .execute(connection))?,
            "documents",
            id,
        )
    }
}
