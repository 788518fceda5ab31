//! Documents: registering, changing, counting uses and deleting.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::documents;

use crate::support::content::{document, upload};
use crate::support::json_text;
use crate::support::models::Models;

const MISSING: DocumentId = DocumentId(4711);

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::NotFound { table: "documents", key } if key == "id 4711")
}

fn register(models: &Models, new: &NewDocument<'_>) -> Registered {
    models.run(|conn| new.register(conn))
}

/// What was registered as new.
fn registered(models: &Models, new: &NewDocument<'_>) -> Document {
    match register(models, new) {
        Registered::New(document) => document,
        Registered::Existing(document) => panic!("there already: {document:?}"),
    }
}

#[test]
fn a_document_is_registered_and_found() {
    let models = Models::new();
    let new = NewDocument {
        is_public: true,
        tags: ["a", "ä"].iter().collect(),
        metadata: json_text(json!({ "pages": 3 })),
        ..document(models.ann(), "content")
    };
    let made = registered(&models, &new);
    assert_eq!((made.document_id, made.user_id), (new.document_id, models.ann()));
    assert_eq!(
        (made.filename.as_str(), made.original_filename.as_str()),
        ("kept.pdf", "report.pdf")
    );
    assert_eq!((made.file_path.as_str(), made.file_size), ("/files/kept.pdf", 1_000));
    assert_eq!((made.file_hash, made.mime_type.as_str()), (new.file_hash, "application/pdf"));
    let states = (made.upload_status, made.processing_status);
    assert_eq!(states, (UploadStatus::Uploaded, ProcessingStatus::Pending));
    assert_eq!((made.chunk_count, made.total_tokens, made.access_count), (0, 0, 0));
    assert_eq!((made.is_public, made.is_archived, made.last_accessed_at), (true, false, None));
    assert_eq!((&made.tags, &made.metadata), (&new.tags, &new.metadata));
    assert_eq!(made.error_message, None);
    let by_public_id = |id| models.run(|conn| Document::find_by_document_id(conn, id));
    assert_eq!(by_public_id(made.document_id).as_ref(), Some(&made));
    assert_eq!(by_public_id(DocumentPublicId::new()), None);
    assert_eq!(models.run(|conn| Document::find(conn, MISSING)), None);
    assert_eq!(models.run(|conn| Document::find(conn, made.id)), Some(made));
}

#[test]
fn the_same_content_is_registered_once_for_each_user() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    let first = registered(&models, &document(ann, "content"));
    let again = NewDocument { original_filename: "other.txt", ..document(ann, "content") };
    assert_eq!(register(&models, &again), Registered::Existing(first.clone()));
    registered(&models, &document(ann, "other content"));
    let of_bob = registered(&models, &document(bob, "content"));
    let found = |user| {
        let hash = Sha256Hash::of("content");
        models.run(|conn| Document::find_by_hash(conn, user, hash)).map(|document| document.id)
    };
    assert_eq!((found(ann), found(bob)), (Some(first.id), Some(of_bob.id)));
    assert_eq!(found(UserId(4711)), None);
    let all = DocumentFilter::default();
    let all = models.run(|conn| Document::page(conn, all, None, PageSize::default()));
    assert_eq!(all.rows.len(), 3);
}

#[test]
fn an_upload_that_failed_does_not_stand_in_the_way_and_one_that_runs_does() {
    let models = Models::new();
    let ann = models.ann();
    let new = || document(ann, "content");
    let uploading = NewDocument { upload_status: UploadStatus::Uploading, ..new() };
    let first = registered(&models, &uploading);
    assert_eq!(register(&models, &new()), Registered::Existing(first.clone()));
    let set = |to| models.run(|conn| Document::set_upload_status(conn, first.id, to, None));
    set(UploadStatus::Failed);
    let find = || models.run(|conn| Document::find_by_hash(conn, ann, first.file_hash));
    assert_eq!(find(), None);
    let second = registered(&models, &new());
    assert_eq!(find().map(|document| document.id), Some(second.id));
    // The failed one is taken up again: now it is the oldest.
    set(UploadStatus::Uploading);
    assert_eq!(find().map(|document| document.id), Some(first.id));
}

#[test]
fn what_is_inserted_may_be_there_already() {
    let models = Models::new();
    let first = upload(&models, models.ann(), "content");
    let second = upload(&models, models.ann(), "content");
    assert_ne!(first.id, second.id);
    let existing = register(&models, &document(models.ann(), "content"));
    assert_eq!(existing, Registered::Existing(first));
}

#[test]
fn a_document_must_keep_to_the_rules() {
    let models = Models::new();
    let ann = models.ann();
    let new = || document(ann, "content");
    let text = |length| "ü".repeat(length);
    let (path, name, mime) = (text(500), text(255), text(100));
    let longest = NewDocument {
        filename: &name,
        original_filename: &name,
        file_path: &path,
        file_size: 0,
        mime_type: &mime,
        ..new()
    };
    registered(&models, &longest);
    let too_long = text(501);
    for bad in ["", &too_long, "\0"] {
        let refused = NewDocument { filename: bad, ..document(ann, bad) };
        models.violates(Rule::Length, documents::filename, |conn| refused.register(conn));
        let refused = NewDocument { original_filename: bad, ..new() };
        models.violates(Rule::Length, documents::original_filename, |conn| refused.insert(conn));
        let refused = NewDocument { file_path: bad, ..new() };
        models.violates(Rule::Length, documents::file_path, |conn| refused.insert(conn));
        let refused = NewDocument { mime_type: bad, ..new() };
        models.violates(Rule::Length, documents::mime_type, |conn| refused.insert(conn));
    }
    let (name, mime) = (text(256), text(101));
    let refused = NewDocument { filename: &name, ..new() };
    models.violates(Rule::Length, documents::filename, |conn| refused.insert(conn));
    let refused = NewDocument { original_filename: &name, ..new() };
    models.violates(Rule::Length, documents::original_filename, |conn| refused.insert(conn));
    let refused = NewDocument { mime_type: &mime, ..new() };
    models.violates(Rule::Length, documents::mime_type, |conn| refused.insert(conn));
    let refused = NewDocument { file_size: -1, ..new() };
    models.violates(Rule::Count, documents::file_size, |conn| refused.insert(conn));
    let refused = document(UserId(4711), "content");
    models.violates(Rule::UnknownReference, documents::user_id, |conn| refused.insert(conn));
    models.violates(Rule::UnknownReference, documents::user_id, |conn| refused.register(conn));
    let first = upload(&models, ann, "content");
    let refused = NewDocument { document_id: first.document_id, ..document(ann, "other") };
    models.violates(Rule::Duplicate, documents::document_id, |conn| refused.register(conn));
}

#[test]
fn changes_leave_the_rest_as_it_is() {
    let models = Models::new();
    let (made, other) = (upload(&models, models.ann(), "a"), upload(&models, models.ann(), "b"));
    let changes = DocumentChanges {
        filename: Some("new name"),
        is_public: Some(true),
        is_archived: Some(true),
        tags: Some(["x"].iter().collect()),
        metadata: Some(json_text(json!([]))),
    };
    let row = models.run(|conn| changes.update(conn, made.id));
    let expected = Document {
        filename: "new name".into(),
        is_public: true,
        is_archived: true,
        tags: ["x"].iter().collect(),
        metadata: json_text(json!([])),
        ..made
    };
    assert_eq!(row, expected);
    let changes = DocumentChanges { is_archived: Some(false), ..DocumentChanges::default() };
    let row = models.run(|conn| changes.update(conn, made.id));
    assert_eq!(row, Document { is_archived: false, ..expected });
    assert_eq!(models.run(|conn| Document::find(conn, made.id)), Some(row));
    assert_eq!(models.run(|conn| Document::find(conn, other.id)), Some(other));
    assert!(is_not_found(&models.fails(|conn| changes.update(conn, MISSING))));
    let nothing = |id| move |conn: &mut Writer<'_>| DocumentChanges::default().update(conn, id);
    assert_eq!(
        models.run(nothing(made.id)),
        models.run(|conn| Document::find(conn, made.id)).expect("there")
    );
    assert!(is_not_found(&models.fails(nothing(MISSING))));
    for bad in ["", "\0", &"x".repeat(256)] {
        let bad = DocumentChanges { filename: Some(bad), ..DocumentChanges::default() };
        models.violates(Rule::Length, documents::filename, |conn| bad.update(conn, made.id));
    }
}

#[test]
fn each_use_is_counted() {
    let models = Models::new();
    let (made, other) = (upload(&models, models.ann(), "a"), upload(&models, models.ann(), "b"));
    let mut last = None;
    for count in 1..=3 {
        models.run(|conn| Document::record_access(conn, made.id));
        let now = models.run(|conn| Document::find(conn, made.id)).expect("a document");
        assert!(now.last_accessed_at > last);
        last = now.last_accessed_at;
        let expected = Document { access_count: count, last_accessed_at: last, ..made.clone() };
        assert_eq!(now, expected);
    }
    assert_eq!(models.run(|conn| Document::find(conn, other.id)), Some(other));
    assert!(is_not_found(&models.fails(|conn| Document::record_access(conn, MISSING))));
}

#[test]
fn a_deleted_document_is_gone_with_its_chunks() {
    let models = Models::new();
    let (gone, stays) = (upload(&models, models.ann(), "a"), upload(&models, models.ann(), "b"));
    let chunk = || NewDocumentChunk::builder().chunk_index(0).content("x").token_count(1).build();
    for id in [gone.id, stays.id] {
        models.run(|conn| DocumentChunk::insert_all(conn, id, &[chunk()]));
    }
    models.run(|conn| Document::delete(conn, gone.id));
    assert_eq!(models.run(|conn| Document::find(conn, gone.id)), None);
    let chunks = |id| models.run(|conn| DocumentChunk::list_for_document(conn, id)).len();
    assert_eq!((chunks(gone.id), chunks(stays.id)), (0, 1));
    assert!(matches!(
        models.fails(|conn| Document::delete(conn, gone.id)),
        Error::NotFound { table: "documents", .. }
    ));
    registered(&models, &document(models.ann(), "a"));
}
