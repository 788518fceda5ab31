//! Chunks in bulk, and their embeddings.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::document_chunks;

use crate::support::content::upload;
use crate::support::json_text;
use crate::support::models::Models;

const MISSING: DocumentId = DocumentId(4711);

fn chunk(place: i32) -> NewDocumentChunk<'static> {
    NewDocumentChunk::builder().chunk_index(place).content("text").token_count(3).build()
}

fn chunks(places: std::ops::Range<i32>) -> Vec<NewDocumentChunk<'static>> {
    places.map(chunk).collect()
}

/// A document with chunks at these places.
fn cut(models: &Models, places: std::ops::Range<i32>) -> (DocumentId, Vec<DocumentChunkId>) {
    let document = upload(models, models.ann(), "content").id;
    models.run(|conn| DocumentChunk::insert_all(conn, document, &chunks(places)));
    (document, list(models, document).into_iter().map(|chunk| chunk.id).collect())
}

fn list(models: &Models, document: DocumentId) -> Vec<DocumentChunk> {
    models.run(|conn| DocumentChunk::list_for_document(conn, document))
}

/// The numbers of chunks and tokens that the document keeps.
fn counted(models: &Models, document: DocumentId) -> (i32, i64) {
    let document = models.run(|conn| Document::find(conn, document)).expect("a document");
    (document.chunk_count, document.total_tokens)
}

fn embed(models: &Models, vectors: &[(DocumentChunkId, &str)]) -> usize {
    models.run(|conn| DocumentChunk::set_vector_ids(conn, "model", vectors))
}

fn by_vectors(models: &Models, vectors: &[&str]) -> Vec<DocumentChunkId> {
    let ann = models.ann();
    let found = models.run(|conn| DocumentChunk::list_by_vector_ids(conn, ann, vectors));
    found.into_iter().map(|(chunk, _)| chunk.id).collect()
}

#[test]
fn a_document_whose_chunks_are_deleted_can_be_cut_anew() {
    let models = Models::new();
    let (made, other) = (upload(&models, models.ann(), "a"), upload(&models, models.ann(), "b"));
    let cut = |id, tokens| {
        let chunk = NewDocumentChunk::builder().chunk_index(0).content("x").token_count(tokens);
        models.run(|conn| DocumentChunk::insert_all(conn, id, &[chunk.build()]));
    };
    cut(made.id, 5);
    cut(other.id, 7);
    assert_eq!(models.run(|conn| DocumentChunk::delete_for_document(conn, made.id)), 1);
    assert_eq!(models.run(|conn| DocumentChunk::delete_for_document(conn, made.id)), 0);
    let counts = |id| {
        let now = models.run(|conn| Document::find(conn, id)).expect("a document");
        (now.chunk_count, now.total_tokens)
    };
    assert_eq!((counts(made.id), counts(other.id)), ((0, 0), (1, 7)));
    cut(made.id, 3);
    assert_eq!(counts(made.id), (1, 3));
    let missing = models.fails(|conn| DocumentChunk::delete_for_document(conn, DocumentId(4711)));
    assert!(matches!(missing, Error::NotFound { table: "documents", .. }));
}

#[test]
fn ten_thousand_chunks_go_in_at_once_and_are_counted() {
    let models = Models::new();
    let document = upload(&models, models.ann(), "content").id;
    let insert = |chunks: &[NewDocumentChunk<'_>]| {
        models.run(|conn| DocumentChunk::insert_all(conn, document, chunks))
    };
    assert_eq!(insert(&chunks(0..10_000)).chunk_count, 10_000);
    assert_eq!(counted(&models, document), (10_000, 30_000));
    assert_eq!(insert(&[]).chunk_count, 10_000);
    assert_eq!(insert(&chunks(10_000..10_001)).chunk_count, 10_001);
    assert_eq!(counted(&models, document), (10_001, 30_003));
    let places = list(&models, document).into_iter().map(|chunk| chunk.chunk_index);
    assert!(places.eq(0..10_001));
}

#[test]
fn any_number_of_chunks_goes_in() {
    let models = Models::new();
    for number in [1, 63, 64, 65, 127, 128, 129] {
        let (document, ids) = cut(&models, 0..number);
        assert_eq!(counted(&models, document), (number, i64::from(number) * 3));
        assert_eq!(i32::try_from(ids.len()), Ok(number));
    }
}

#[test]
fn a_chunk_reads_back_as_it_was_written_in_the_order_of_places() {
    let models = Models::new();
    let document = upload(&models, models.ann(), "content").id;
    let full = NewDocumentChunk::builder()
        .chunk_index(i32::MAX)
        .content("Straße")
        .token_count(0)
        .page_number(0)
        .section_title("Über")
        .chunk_type(ChunkType::new("table"))
        .vector_id("v")
        .embedding_model("m")
        .metadata(json_text(json!({ "x": [1.5] })))
        .build();
    models.run(|conn| DocumentChunk::insert_all(conn, document, &[full.clone(), chunk(0)]));
    let found = list(&models, document);
    assert_eq!(found.iter().map(|chunk| chunk.chunk_index).collect::<Vec<_>>(), [0, i32::MAX]);
    let read = &found[1];
    assert_eq!((read.chunk_id, read.document_id), (full.chunk_id, document));
    assert_eq!((read.content.as_str(), read.token_count), ("Straße", 0));
    assert_eq!((read.page_number, read.section_title.as_deref()), (Some(0), Some("Über")));
    assert_eq!((read.chunk_type.as_str(), read.vector_id.as_deref()), ("table", Some("v")));
    assert_eq!((read.embedding_model.as_deref(), &read.metadata), (Some("m"), &full.metadata));
    assert_eq!(read.content_hash, Sha256Hash::of("Straße"));
    assert_eq!((found[0].chunk_type.as_str(), found[0].vector_id.as_deref()), ("text", None));
    assert_eq!(list(&models, MISSING), []);
}

#[test]
fn if_the_last_of_many_chunks_has_a_taken_place_none_goes_in() {
    let models = Models::new();
    let (document, _) = cut(&models, 0..1);
    let mut many = chunks(1..1_000);
    many.push(chunk(0));
    let insert = |conn: &mut Writer<'_>| DocumentChunk::insert_all(conn, document, &many);
    models.violates(Rule::Duplicate, document_chunks::chunk_index, insert);
    // What surrounds the failure is committed: the bulk must be undone by itself.
    models.run(|conn| {
        assert!(insert(conn).is_err());
        Ok(())
    });
    assert_eq!((list(&models, document).len(), counted(&models, document)), (1, (1, 3)));
    // The place is free in another document.
    let other = upload(&models, models.ann(), "other").id;
    assert_eq!(models.run(|conn| DocumentChunk::insert_all(conn, other, &many)).chunk_count, 1_000);
}

#[test]
fn chunks_of_no_document_are_refused() {
    let models = Models::new();
    for chunks in [chunks(0..1), Vec::new()] {
        let error = models.fails(|conn| DocumentChunk::insert_all(conn, MISSING, &chunks));
        assert!(matches!(error, Error::NotFound { table: "documents", key } if key == "id 4711"));
    }
}

#[test]
fn a_chunk_must_keep_to_the_rules() {
    let models = Models::new();
    let (document, _) = cut(&models, 0..1);
    let long = "x".repeat(201);
    let insert = |new: NewDocumentChunk<'static>| {
        move |conn: &mut Writer<'_>| DocumentChunk::insert_all(conn, document, &[new])
    };
    models.violates(Rule::Count, document_chunks::chunk_index, insert(chunk(-1)));
    let negative = NewDocumentChunk { page_number: Some(-1), ..chunk(1) };
    models.violates(Rule::Count, document_chunks::page_number, insert(negative));
    let nul = NewDocumentChunk { content: "\0", ..chunk(1) };
    models.violates(Rule::Text, document_chunks::content, insert(nul));
    for bad in ["", "\0", long.leak()] {
        let new = NewDocumentChunk { chunk_type: ChunkType::undeclared(bad), ..chunk(1) };
        models.violates(Rule::Length, document_chunks::chunk_type, insert(new));
        let new = NewDocumentChunk { vector_id: Some(bad), ..chunk(1) };
        models.violates(Rule::Length, document_chunks::vector_id, insert(new));
        let new = NewDocumentChunk { embedding_model: Some(bad), ..chunk(1) };
        models.violates(Rule::Length, document_chunks::embedding_model, insert(new));
        let new = NewDocumentChunk { section_title: Some(bad), ..chunk(1) };
        if bad.is_empty() {
            models.run(insert(NewDocumentChunk { chunk_index: 2, ..new }));
        } else {
            models.violates(Rule::Length, document_chunks::section_title, insert(new));
        }
    }
    let chunk_id = list(&models, document)[0].chunk_id;
    let again = NewDocumentChunk { chunk_id, ..chunk(1) };
    models.violates(Rule::Duplicate, document_chunks::chunk_id, insert(again));
}

#[test]
fn a_negative_number_of_tokens_is_the_chunks_fault() {
    let models = Models::new();
    let document = upload(&models, models.ann(), "content").id;
    let negative = NewDocumentChunk { token_count: -1, ..chunk(0) };
    models.violates(Rule::Count, document_chunks::token_count, |conn| {
        DocumentChunk::insert_all(conn, document, &[negative])
    });
}

#[test]
fn embeddings_are_recorded_all_or_none() {
    let models = Models::new();
    let (document, ids) = cut(&models, 0..600);
    let names: Vec<_> = (0..600).map(|number| format!("v{number}")).collect();
    let mut vectors: Vec<_> = ids.iter().copied().zip(names.iter().map(String::as_str)).collect();
    vectors.push((DocumentChunkId(4711), "of nothing"));
    assert_eq!(embed(&models, &vectors), 600);
    for (number, chunk) in list(&models, document).iter().enumerate() {
        assert_eq!(chunk.vector_id.as_ref(), Some(&names[number]));
        assert_eq!(chunk.embedding_model.as_deref(), Some("model"));
    }
    assert_eq!(embed(&models, &[]), 0);
    assert_eq!(embed(&models, &[(ids[0], "new")]), 1);
    let before = list(&models, document);
    assert_eq!(before[0].vector_id.as_deref(), Some("new"));

    let set = |model: &'static str, vector: &'static str| {
        let vectors = [(ids[0], "first"), (ids[1], vector)];
        move |conn: &mut Writer<'_>| DocumentChunk::set_vector_ids(conn, model, &vectors)
    };
    let long: &'static str = "x".repeat(101).leak();
    for bad in ["", long, "\0"] {
        models.violates(Rule::Length, document_chunks::vector_id, set("m", bad));
        models.violates(Rule::Length, document_chunks::embedding_model, set(bad, "second"));
    }
    models.run(|conn| {
        assert!(set("m", long)(conn).is_err());
        Ok(())
    });
    assert_eq!(list(&models, document), before);
}

#[test]
fn chunks_come_in_the_order_of_their_embeddings_with_their_documents() {
    let models = Models::new();
    let (first, of_first) = cut(&models, 0..3);
    let (second, of_second) = cut(&models, 0..2);
    embed(
        &models,
        &[(of_first[0], "a"), (of_first[1], "b"), (of_second[0], "c"), (of_first[2], "A")],
    );
    assert_eq!(by_vectors(&models, &["c", "a", "b"]), [of_second[0], of_first[0], of_first[1]]);
    assert_eq!(by_vectors(&models, &["b", "absent", "c"]), [of_first[1], of_second[0]]);
    assert_eq!(by_vectors(&models, &["A", "a"]), [of_first[2], of_first[0]]);
    assert_eq!(by_vectors(&models, &["", "%", "'"]), []);
    assert_eq!(by_vectors(&models, &[]), []);
    let ann = models.ann();
    let found = models.run(|conn| DocumentChunk::list_by_vector_ids(conn, ann, &["c", "a"]));
    let documents: Vec<_> = found.iter().map(|(_, document)| document.id).collect();
    assert_eq!(documents, [second, first]);
    assert_eq!(found[1].1, models.run(|conn| Document::find(conn, first)).expect("a document"));
}

#[test]
fn a_user_finds_chunks_of_their_own_and_of_public_documents() {
    let models = Models::new();
    let (document, ids) = cut(&models, 0..2);
    let bob = models.add_user("bob");
    let theirs = upload(&models, bob, "theirs").id;
    models.run(|conn| DocumentChunk::insert_all(conn, theirs, &[chunk(0)]));
    let theirs = list(&models, theirs)[0].id;
    embed(&models, &[(ids[0], "a"), (ids[1], "b"), (theirs, "a")]);
    // As a vector store would return them.
    let asked = [String::from("b"), String::from("a")];
    let found_by = |user| {
        let found = models.run(|conn| DocumentChunk::list_by_vector_ids(conn, user, &asked));
        found.into_iter().map(|(chunk, _)| chunk.id).collect::<Vec<_>>()
    };
    assert_eq!(found_by(models.ann()), [ids[1], ids[0]]);
    assert_eq!(found_by(bob), [theirs]);
    let everything = models.run(|conn| DocumentChunk::list_by_vector_ids_unchecked(conn, &asked));
    assert_eq!(everything.len(), 3);
    let public = DocumentChanges { is_public: Some(true), ..DocumentChanges::default() };
    models.run(|conn| public.update(conn, document));
    assert_eq!(found_by(bob).len(), 3);
    assert_eq!(found_by(UserId(4711)), [ids[1], ids[0]]);
}

#[test]
fn ids_of_embeddings_may_be_owned() {
    let models = Models::new();
    let (_, ids) = cut(&models, 0..1);
    let vectors = vec![(ids[0], String::from("v"))];
    let set = models.run(|conn| DocumentChunk::set_vector_ids(conn, "model", &vectors));
    assert_eq!((set, by_vectors(&models, &["v"])), (1, ids));
}

#[test]
fn an_embedding_may_be_that_of_several_chunks_and_stand_in_the_list_twice() {
    let models = Models::new();
    let (_, ids) = cut(&models, 0..4);
    embed(&models, &[(ids[3], "same"), (ids[1], "same"), (ids[0], "other")]);
    let mut found = by_vectors(&models, &["same", "other", "same", "other"]);
    assert_eq!(found.len(), 3);
    assert_eq!(found.pop(), Some(ids[0]));
    found.sort();
    assert_eq!(found, [ids[1], ids[3]]);
}

#[test]
fn many_embeddings_come_in_the_order_of_the_list() {
    let models = Models::new();
    let (_, ids) = cut(&models, 0..1_201);
    let names: Vec<_> = (0..1_201).map(|number| format!("v{number}")).collect();
    let vectors: Vec<_> = ids.iter().copied().zip(names.iter().map(String::as_str)).collect();
    assert_eq!(embed(&models, &vectors), 1_201);
    for number in [499, 500, 501, 1_000, 1_001, 1_201] {
        let (asked, expected): (Vec<_>, Vec<_>) =
            vectors.iter().rev().take(number).map(|&(id, vector)| (vector, id)).unzip();
        assert_eq!(by_vectors(&models, &asked), expected, "{number} embeddings");
    }
}

#[test]
fn an_embedding_that_a_long_list_repeats_brings_its_chunk_once() {
    let models = Models::new();
    let (_, ids) = cut(&models, 0..1);
    embed(&models, &[(ids[0], "v")]);
    for number in [499, 500, 1_000] {
        let mut asked = vec!["absent"; number];
        asked.insert(0, "v");
        asked.push("v");
        assert_eq!(by_vectors(&models, &asked), ids, "{number} between them");
    }
}
