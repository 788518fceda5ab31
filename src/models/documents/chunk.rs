//! Chunks of documents for retrieval.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::document::Document;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    OneOf, OptionalFilter, Parent, Prepare, explain_broken_reference, insert_rows, not_found,
    require_affected,
};
use crate::schema::{document_chunks, documents};
use crate::types::{
    ChunkType, DocumentChunkId, DocumentChunkPublicId, DocumentId, JsonText, Sha256Hash, UserId,
    UtcTime,
};

/// Chunk of a document for retrieval.
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
#[diesel(table_name = document_chunks, belongs_to(Document))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct DocumentChunk {
    /// Primary key.
    pub id: DocumentChunkId,
    /// Public UUID.
    pub chunk_id: DocumentChunkPublicId,
    /// Document that the chunk belongs to.
    pub document_id: DocumentId,
    /// Position in the document, from 0.
    pub chunk_index: i32,
    /// Text of the chunk.
    pub content: String,
    /// SHA-256 of the text.
    pub content_hash: Sha256Hash,
    /// Number of tokens in the text.
    pub token_count: i32,
    /// Number of the page on which the chunk begins.
    pub page_number: Option<i32>,
    /// Heading of the section that holds the chunk.
    pub section_title: Option<String>,
    /// Kind of content, such as `text` or `table`.
    pub chunk_type: String,
    /// Id of the embedding in the vector store; `None` if there is no embedding.
    pub vector_id: Option<String>,
    /// Name of the model that computed the embedding.
    pub embedding_model: Option<String>,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Chunk to insert with [`DocumentChunk::insert_all`].
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = document_chunks)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewDocumentChunk<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = DocumentChunkPublicId::new())]
    pub chunk_id: DocumentChunkPublicId,
    /// Position in the document, from 0, unique within the document.
    pub chunk_index: i32,
    /// Text of the chunk.
    pub content: &'a str,
    /// SHA-256 of the text; computed from it by default.
    #[builder(default = Sha256Hash::of(content))]
    pub content_hash: Sha256Hash,
    /// Number of tokens in the text.
    pub token_count: i32,
    /// Number of the page on which the chunk begins.
    #[builder(default, setter(into))]
    pub page_number: Option<i32>,
    /// Heading of the section that holds the chunk, up to 200 characters.
    #[builder(default, setter(into))]
    pub section_title: Option<&'a str>,
    /// Kind of content; [`ChunkType::TEXT`] by default.
    #[builder(default = ChunkType::TEXT)]
    pub chunk_type: ChunkType<'a>,
    /// Id of the embedding in the vector store, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub vector_id: Option<&'a str>,
    /// Name of the model that computed the embedding, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub embedding_model: Option<&'a str>,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

impl DocumentChunk {
    /// Inserts chunks of a document and adds them to its counters of chunks and tokens, in one
    /// transaction. Returns the document with its new counters.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no document has this id;
    /// [`Error::Violation`](crate::Error::Violation) if a position is taken or a value breaks a
    /// rule.
    pub fn insert_all(
        connection: &mut Writer<'_>,
        document: DocumentId,
        chunks: &[NewDocumentChunk<'_>],
    ) -> Result<Document> {
        let count = i32::try_from(chunks.len()).unwrap_or(i32::MAX);
        // A negative number is for the chunk's own rule to refuse.
        let tokens: i64 = chunks.iter().map(|chunk| i64::from(chunk.token_count.max(0))).sum();
        connection.write(|connection| {
            let counted = (
                documents::chunk_count.eq(documents::chunk_count + count),
                documents::total_tokens.eq(documents::total_tokens + tokens),
            );
            let counted = dispatch!(&mut *connection, |connection| diesel::update(
                documents::table.find(document)
            )
            .set(counted)
            .returning(Document::as_returning())
            .get_result(connection)
            .optional())?
            .ok_or_else(not_found("documents", "id", document))?;
            let inserted = dispatch!(&mut *connection, |connection| {
                let row =
                    |chunk| (document_chunks::document_id.eq(document), chunk).values().values;
                insert_rows(connection, document_chunks::table, chunks, row)
            });
            let parent = Some(Parent::Document(document));
            explain_broken_reference(
                connection,
                inserted,
                &[("document_chunks_document_id_fkey", parent)],
            )?;
            Ok(counted)
        })
    }

    /// Deletes the chunks of the document, so that it can be processed again, and sets its counters
    /// to 0. Returns the number of deleted chunks.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no document has this id.
    pub fn delete_for_document(connection: &mut Writer<'_>, document: DocumentId) -> Result<usize> {
        connection.write(|connection| {
            // The document first, as adding chunks does: nobody adds any meanwhile.
            let emptied = (documents::chunk_count.eq(0), documents::total_tokens.eq(0));
            require_affected(
                dispatch!(&mut *connection, |connection| diesel::update(
                    documents::table.find(document)
                )
                .set(emptied)
                .execute(connection))?,
                "documents",
                document,
            )?;
            Ok(dispatch!(connection, |connection| diesel::delete(document_chunks::table)
                .filter(document_chunks::document_id.eq(document))
                .execute(connection))?)
        })
    }

    /// Returns the chunks of the document, ordered by position, whoever asks: see [`Document::find`].
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_for_document(
        connection: &mut DbConnection,
        document: DocumentId,
    ) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| document_chunks::table
            .select(Self::as_select())
            .filter(document_chunks::document_id.eq(document))
            .order(document_chunks::chunk_index)
            .load(connection))?)
    }

    /// Records for each chunk the id of the embedding that `model` computed, in one transaction. Returns
    /// the number of updated chunks; ids of chunks that do not exist are ignored.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the id of an embedding or the name of the
    /// model is empty or too long.
    pub fn set_vector_ids(
        connection: &mut Writer<'_>,
        model: &str,
        vectors: &[(DocumentChunkId, impl AsRef<str>)],
    ) -> Result<usize> {
        connection.write(|connection| {
            let mut found = 0;
            // In one order, so that two who write to the same chunks wait and do not lock each other out.
            let mut vectors: Vec<_> =
                vectors.iter().map(|(id, vector)| (*id, vector.as_ref())).collect();
            vectors.sort_by_key(|(id, _)| *id);
            for (id, vector) in vectors {
                let set = (
                    document_chunks::vector_id.eq(vector),
                    document_chunks::embedding_model.eq(model),
                );
                found += dispatch!(&mut *connection, |connection| diesel::update(
                    document_chunks::table.find(id)
                )
                .set(set)
                .returning(document_chunks::id)
                .prepared()
                .load::<DocumentChunkId>(connection))?
                .len();
            }
            Ok(found)
        })
    }

    /// Returns the chunks with these embeddings of documents that the user `visible_to` may read, their own
    /// and public ones, each with its document, in the order of the list. Ids without such a chunk are
    /// omitted.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_by_vector_ids(
        connection: &mut DbConnection,
        visible_to: UserId,
        vector_ids: &[impl AsRef<str>],
    ) -> Result<Vec<(Self, Document)>> {
        Self::with_vector_ids(connection, Some(visible_to), vector_ids)
    }

    /// Returns the chunks with these embeddings, whoever owns their documents, each with its document, in
    /// the order of the list. Ids without a chunk are omitted.
    ///
    /// For work that serves no user, such as comparing the vector store with the database: what a user
    /// asks for is [`DocumentChunk::list_by_vector_ids`].
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_by_vector_ids_unchecked(
        connection: &mut DbConnection,
        vector_ids: &[impl AsRef<str>],
    ) -> Result<Vec<(Self, Document)>> {
        Self::with_vector_ids(connection, None, vector_ids)
    }

    fn with_vector_ids(
        connection: &mut DbConnection,
        visible_to: Option<UserId>,
        vector_ids: &[impl AsRef<str>],
    ) -> Result<Vec<(Self, Document)>> {
        let mut found: HashMap<String, Vec<(Self, Document)>> = HashMap::new();
        // An id that the list repeats must not be looked up twice, in two statements.
        let mut seen = HashSet::new();
        let distinct: Vec<&str> =
            vector_ids.iter().map(AsRef::as_ref).filter(|id| seen.insert(*id)).collect();
        let visible = visible_to.map(|user| documents::user_id.eq(user).or(documents::is_public));
        for some in distinct.chunks(500) {
            let rows: Vec<(Self, Document)> =
                dispatch!(&mut *connection, |connection| document_chunks::table
                    .inner_join(documents::table)
                    .select((Self::as_select(), Document::as_select()))
                    .filter(OneOf { column: document_chunks::vector_id, texts: some })
                    .filter(OptionalFilter(visible))
                    .load(connection))?;
            for row in rows {
                if let Some(vector_id) = &row.0.vector_id {
                    found.entry(vector_id.clone()).or_default().push(row);
                }
            }
        }
        Ok(distinct.into_iter().filter_map(|id| found.remove(id)).flatten().collect())
    }
}
