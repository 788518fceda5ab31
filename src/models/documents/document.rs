//! Documents: files that users uploaded.

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use super::tag::HasTag;
use crate::backend::DbConnection;
use crate::connection::TransactionLock;
use crate::dispatch;
use crate::error::Result;
use crate::models::User;
use crate::models::query::{
    LiteralLimit, OptionalFilter, Page, PageSize, Parent, Prepare, contains_pattern,
    explain_broken_reference, find_one, not_found, require_affected,
};
use crate::schema::documents;
use crate::types::{
    DocumentId, Json, ProcessingStatus, PublicId, Sha256Hash, UploadStatus, UserId, UtcTime,
};

diesel::define_sql_function! {
    /// SQL's own, for searching without regard to case.
    fn lower(text: Text) -> Text;
}

/// A file that a user uploaded.
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
    /// The row's key.
    pub id: DocumentId,
    /// The public id.
    pub document_id: PublicId,
    /// Whose it is.
    pub user_id: UserId,
    /// The name it is kept under.
    pub filename: String,
    /// The name it came with.
    pub original_filename: String,
    /// Where its bytes lie.
    pub file_path: String,
    /// How large it is, in bytes.
    pub file_size: i64,
    /// The hash of its bytes.
    pub file_hash: Sha256Hash,
    /// Its media type.
    pub mime_type: String,
    /// How far the upload came.
    pub upload_status: UploadStatus,
    /// How far the processing came.
    pub processing_status: ProcessingStatus,
    /// How many chunks it has.
    pub chunk_count: i32,
    /// How many tokens they have together.
    pub total_tokens: i64,
    /// When the upload began.
    pub upload_started_at: UtcTime,
    /// When it ended.
    pub upload_completed_at: Option<UtcTime>,
    /// When the processing last began.
    pub processing_started_at: Option<UtcTime>,
    /// When it ended.
    pub processing_completed_at: Option<UtcTime>,
    /// When it was last used.
    pub last_accessed_at: Option<UtcTime>,
    /// How often it was used.
    pub access_count: i64,
    /// Whether everybody may read it.
    pub is_public: bool,
    /// Whether it has been put away.
    pub is_archived: bool,
    /// Words to find it by.
    pub tags: Json<Vec<String>>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
    /// Why the upload or the processing failed.
    pub error_message: Option<String>,
}

/// A document to register.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = documents)]
pub struct NewDocument<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub document_id: PublicId,
    /// Whose it is.
    pub user_id: UserId,
    /// The name it is kept under, 1 to 255 characters.
    pub filename: &'a str,
    /// The name it came with, 1 to 255 characters.
    pub original_filename: &'a str,
    /// Where its bytes lie, 1 to 500 characters.
    pub file_path: &'a str,
    /// How large it is, in bytes.
    pub file_size: i64,
    /// The hash of its bytes.
    pub file_hash: Sha256Hash,
    /// Its media type, 1 to 100 characters.
    pub mime_type: &'a str,
    /// How far the upload has come; unless told, all bytes are there.
    #[builder(default = UploadStatus::Uploaded)]
    pub upload_status: UploadStatus,
    /// Whether everybody may read it; unless told, no.
    #[builder(default)]
    pub is_public: bool,
    /// Words to find it by; unless told, none.
    #[builder(default = Json(Vec::new()))]
    pub tags: Json<Vec<String>>,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

/// What people may change about a document. What is `None` stays as it is.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = documents)]
pub struct DocumentChanges<'a> {
    /// The name it is kept under, 1 to 255 characters.
    pub filename: Option<&'a str>,
    /// Whether everybody may read it.
    pub is_public: Option<bool>,
    /// Whether it is put away.
    pub is_archived: Option<bool>,
    /// Words to find it by.
    pub tags: Option<Json<Vec<String>>>,
    /// What the application keeps beside.
    pub metadata: Option<Json<Value>>,
}

/// Which documents to list; what is `None` does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentFilter<'a> {
    /// Those of this user.
    pub user_id: Option<UserId>,
    /// Those whose upload has come this far.
    pub upload_status: Option<UploadStatus>,
    /// Those whose processing has come this far.
    pub processing_status: Option<ProcessingStatus>,
    /// Those that are, or are not, archived.
    pub is_archived: Option<bool>,
    /// Those with exactly this tag.
    pub tag: Option<&'a str>,
    /// Those with this text in the name that they came with. The case of ASCII letters does not
    /// matter (on PostgreSQL, of any letter).
    pub name: Option<&'a str>,
}

/// What came of registering a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    New(Document),
    /// The user has a document with the same content already: this one. Nothing was written.
    Existing(Document),
}

impl NewDocument<'_> {
    /// Registers the upload, unless the same user has the same content already.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such user or a value breaks a
    /// rule.
    pub fn register(&self, connection: &mut DbConnection) -> Result<Registered> {
        connection.write(|connection| {
            connection.hold(TransactionLock::Uploads(self.user_id.0))?;
            if let Some(document) =
                Document::find_by_hash(connection, self.user_id, self.file_hash)?
            {
                return Ok(Registered::Existing(document));
            }
            self.insert(connection).map(Registered::New)
        })
    }

    /// Inserts the document, whatever else the user has.
    ///
    /// # Errors
    /// As [`NewDocument::register`].
    pub fn insert(&self, connection: &mut DbConnection) -> Result<Document> {
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
    /// Makes the changes.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// a value breaks a rule.
    pub fn update(&self, connection: &mut DbConnection, id: DocumentId) -> Result<Document> {
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

impl Document {
    /// The document with this key.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: DocumentId) -> Result<Option<Self>> {
        find_one!(connection, documents, documents::id.eq(id))
    }

    /// The document with this public id.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_by_document_id(
        connection: &mut DbConnection,
        document_id: PublicId,
    ) -> Result<Option<Self>> {
        find_one!(connection, documents, documents::document_id.eq(document_id))
    }

    /// The user's oldest document with this content whose upload has not failed.
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

    /// The documents that the filter lets through, the newest first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page(
        connection: &mut DbConnection,
        filter: DocumentFilter<'_>,
        before: Option<DocumentId>,
        size: PageSize,
    ) -> Result<Page<Self, DocumentId>> {
        let pattern = filter.name.map(contains_pattern);
        let named = pattern
            .as_deref()
            .map(|pattern| lower(documents::original_filename).like(lower(pattern)).escape('\\'));
        let uploaded = filter.upload_status.map(|status| documents::upload_status.eq(status));
        let processed = filter.processing_status.map(|s| documents::processing_status.eq(s));
        let rows = dispatch!(connection, |connection| documents::table
            .select(Self::as_select())
            .filter(documents::id.lt(before.unwrap_or(DocumentId(i64::MAX))))
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
        Ok(Page::of(rows, size, |document: &Self| document.id))
    }

    /// Counts one use of the document.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn record_access(connection: &mut DbConnection, id: DocumentId) -> Result<()> {
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

    /// Deletes the document and its chunks. Where its bytes lie stays recorded, as an orphan, until
    /// they are removed: see [`StoredFile::page_of_orphans`](super::StoredFile::page_of_orphans).
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound).
    pub fn delete(connection: &mut DbConnection, id: DocumentId) -> Result<()> {
        require_affected(
            dispatch!(connection, |connection| diesel::delete(documents::table.find(id))
                .execute(connection))?,
            "documents",
            id,
        )
    }
}
