//! Where the bytes of files lie: registering, finding, archiving, orphans.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::file_storage;

use crate::support::content::upload;
use crate::support::json_text;
use crate::support::models::Models;
use crate::support::pages::walk;

const MISSING: StoredFileId = StoredFileId(4711);

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::NotFound { table: "file_storage", key } if key == "id 4711")
}

fn file(document: Option<DocumentId>, content: &str) -> NewStoredFile<'static> {
    NewStoredFile::builder()
        .document_id(document)
        .storage_path("/files/1")
        .original_filename("report.pdf")
        .file_size(10)
        .mime_type("application/pdf")
        .file_hash(Sha256Hash::of(content))
        .build()
}

fn stored(models: &Models, document: Option<DocumentId>, content: &str) -> StoredFile {
    models.run(|conn| file(document, content).insert(conn))
}

fn find(models: &Models, id: StoredFilePublicId) -> Option<StoredFile> {
    models.run(|conn| StoredFile::find_by_file_id(conn, id))
}

#[test]
fn a_stored_file_reads_back_as_it_was_registered() {
    let models = Models::new();
    let document = upload(&models, models.ann(), "content").id;
    let new = NewStoredFile {
        storage_type: "s3",
        encryption_status: EncryptionStatus::Encrypted,
        compression_type: CompressionType::Zstd,
        access_permissions: json_text(json!({ "read": ["ann"] })),
        retention_policy: Some("ten years"),
        metadata: json_text(json!({ "bucket": "b" })),
        ..file(Some(document), "content")
    };
    let made = models.run(|conn| new.insert(conn));
    assert_eq!((made.file_id, made.document_id), (new.file_id, Some(document)));
    assert_eq!((made.storage_type.as_str(), made.storage_path.as_str()), ("s3", "/files/1"));
    assert_eq!((made.original_filename.as_str(), made.file_size), ("report.pdf", 10));
    assert_eq!((made.mime_type.as_str(), made.file_hash), ("application/pdf", new.file_hash));
    assert_eq!(made.encryption_status, EncryptionStatus::Encrypted);
    assert_eq!(made.compression_type, CompressionType::Zstd);
    assert_eq!(made.access_permissions, new.access_permissions);
    assert_eq!(
        (made.retention_policy.as_deref(), &made.metadata),
        (Some("ten years"), &new.metadata)
    );
    assert_eq!((made.access_count, made.is_archived, made.archived_at), (0, false, None));
    assert_eq!(find(&models, made.file_id), Some(made));
    assert_eq!(find(&models, StoredFilePublicId::new()), None);
    let plain = stored(&models, None, "content");
    assert_eq!((plain.storage_type.as_str(), plain.document_id), ("local", None));
    assert_eq!(plain.encryption_status, EncryptionStatus::None);
    assert_eq!(plain.compression_type, CompressionType::None);
}

#[test]
fn of_files_with_the_same_content_the_oldest_is_found() {
    let models = Models::new();
    let by_hash = |content: &str| {
        let hash = Sha256Hash::of(content);
        models.run(|conn| StoredFile::find_by_hash(conn, hash)).map(|file| file.id)
    };
    assert_eq!(by_hash("a"), None);
    let ids = ["a", "b", "a"].map(|content| stored(&models, None, content).id);
    assert_eq!((by_hash("a"), by_hash("b"), by_hash("c")), (Some(ids[0]), Some(ids[1]), None));
    models.run(|conn| StoredFile::delete(conn, ids[0]));
    assert_eq!(by_hash("a"), Some(ids[2]));
}

#[test]
fn a_stored_file_must_keep_to_the_rules() {
    let models = Models::new();
    let new = || file(None, "content");
    let text = |length| "ü".repeat(length);
    let (kind, path, name, mime) = (text(50), text(500), text(255), text(100));
    let longest = NewStoredFile {
        storage_type: &kind,
        storage_path: &path,
        original_filename: &name,
        file_size: 0,
        mime_type: &mime,
        retention_policy: Some(&mime),
        ..new()
    };
    models.run(|conn| longest.insert(conn));
    let (kind, path, name, mime) = (text(51), text(501), text(256), text(101));
    for bad in ["", "\0", &kind] {
        let new = NewStoredFile { storage_type: bad, ..new() };
        models.violates(Rule::Length, file_storage::storage_type, |conn| new.insert(conn));
    }
    for bad in ["", "\0", &path] {
        let new = NewStoredFile { storage_path: bad, ..new() };
        models.violates(Rule::Length, file_storage::storage_path, |conn| new.insert(conn));
    }
    for bad in ["", "\0", &name] {
        let new = NewStoredFile { original_filename: bad, ..new() };
        models.violates(Rule::Length, file_storage::original_filename, |conn| new.insert(conn));
    }
    for bad in ["", "\0", &mime] {
        let new = NewStoredFile { mime_type: bad, ..new() };
        models.violates(Rule::Length, file_storage::mime_type, |conn| new.insert(conn));
    }
    for bad in ["", "\0", &mime] {
        let new = NewStoredFile { retention_policy: Some(bad), ..new() };
        models.violates(Rule::Length, file_storage::retention_policy, |conn| new.insert(conn));
    }
    let negative = NewStoredFile { file_size: -1, ..new() };
    models.violates(Rule::Count, file_storage::file_size, |conn| negative.insert(conn));
    let nowhere = file(Some(DocumentId(4711)), "content");
    let unknown = Rule::UnknownReference;
    models.violates(unknown, file_storage::document_id, |conn| nowhere.insert(conn));
    let made = stored(&models, None, "content");
    let again = NewStoredFile { file_id: made.file_id, ..new() };
    models.violates(Rule::Duplicate, file_storage::file_id, |conn| again.insert(conn));
}

#[test]
fn readings_are_counted_and_the_file_archived() {
    let models = Models::new();
    let (made, other) = (stored(&models, None, "a"), stored(&models, None, "b"));
    for _ in 0..3 {
        models.run(|conn| StoredFile::touch(conn, made.id));
    }
    let touched = find(&models, made.file_id).expect("a file");
    assert!(touched.accessed_at > made.accessed_at);
    let expected = StoredFile { access_count: 3, accessed_at: touched.accessed_at, ..made };
    assert_eq!(touched, expected);
    let archived = models.run(|conn| StoredFile::archive(conn, touched.id));
    assert!(archived.archived_at >= Some(touched.created_at));
    let archived_at = archived.archived_at;
    assert_eq!(archived, StoredFile { is_archived: true, archived_at, ..touched });
    assert_eq!(find(&models, archived.file_id), Some(archived));
    assert_eq!(find(&models, other.file_id), Some(other));
}

#[test]
fn a_file_that_is_not_there_is_not_found() {
    let models = Models::new();
    assert!(is_not_found(&models.fails(|conn| StoredFile::touch(conn, MISSING))));
    assert!(is_not_found(&models.fails(|conn| StoredFile::archive(conn, MISSING))));
    assert!(is_not_found(&models.fails(|conn| StoredFile::delete(conn, MISSING))));
}

#[test]
fn the_files_of_a_deleted_document_are_orphans_until_they_are_forgotten() {
    let models = Models::new();
    let ann = models.ann();
    let documents = ["a", "b"].map(|content| upload(&models, ann, content).id);
    let files: Vec<_> = [Some(documents[0]), Some(documents[1]), None, Some(documents[0])]
        .map(|document| stored(&models, document, "content").id)
        .into();
    let orphans = |size| {
        let size = PageSize::of(size);
        let page = |after| models.run(|conn| StoredFile::page_of_orphans(conn, after, size));
        walk(size, page).into_iter().map(|file| file.id).collect::<Vec<_>>()
    };
    assert_eq!(orphans(1), [files[2]]);
    models.run(|conn| Document::delete(conn, documents[0]));
    for size in [1, 2, 3, 4] {
        assert_eq!(orphans(size), [files[0], files[2], files[3]], "pages of {size}");
    }
    models.run(|conn| StoredFile::delete(conn, files[0]));
    assert_eq!(orphans(1), [files[2], files[3]]);
    models.run(|conn| Document::delete(conn, documents[1]));
    assert_eq!(orphans(1), [files[1], files[2], files[3]]);
}

#[test]
fn the_files_of_a_document_are_listed_oldest_first() {
    let models = Models::new();
    let (made, other) = (upload(&models, models.ann(), "a"), upload(&models, models.ann(), "b"));
    let store = |document_id| {
        let new = NewStoredFile::builder().document_id(document_id).storage_path("/f");
        let new = new.original_filename("f").file_size(1).mime_type("text/plain");
        models.run(|conn| new.file_hash(Sha256Hash::of("f")).build().insert(conn)).id
    };
    let ids = [store(made.id), store(made.id)];
    store(other.id);
    let listed = |id| {
        let files = models.run(|conn| StoredFile::list_for_document(conn, id));
        files.into_iter().map(|file| file.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(made.id), ids);
    assert_eq!(listed(DocumentId(4711)), []);
}
