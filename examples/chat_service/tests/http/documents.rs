//! Uploads, and the list of documents.

use axum::http::StatusCode;
use serde_json::{Value, json};
use zenith_db::models::{Document, DocumentChunk, SystemRole};
use zenith_db::testing::{PASSWORD, a_document_of, a_user};
use zenith_db::types::DocumentPublicId;

use super::service::Service;

fn upload(name: &str) -> Value {
    json!({ "name": name, "text": "One paragraph.\n\nAnother one." })
}

#[tokio::test]
async fn a_document_that_is_uploaded_twice_is_stored_once() {
    let service = Service::start();
    let (ann, token) = service.user().await;
    let first = service.post("/documents", &token, &upload("a.txt")).await;
    let second = service.post("/documents", &token, &upload("b.txt")).await;
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.body, second.body);
    assert_eq!(first.body["original_filename"], "a.txt");

    let id: DocumentPublicId =
        serde_json::from_value(first.body["document_id"].clone()).expect("an id");
    let (document, chunks) = service
        .database()
        .read(|conn| {
            let document = Document::find_by_document_id(conn, id)?.expect("the document");
            let chunks = DocumentChunk::list_for_document(conn, document.id)?;
            Ok((document, chunks))
        })
        .expect("a read");
    assert_eq!((document.user_id, document.chunk_count, document.total_tokens), (ann.id, 2, 4));
    let texts: Vec<_> = chunks.iter().map(|chunk| chunk.content.as_str()).collect();
    assert_eq!(texts, ["One paragraph.", "Another one."]);
}

#[tokio::test]
async fn a_user_sees_only_their_own_documents_page_by_page() {
    let service = Service::start();
    let (ann, token) = service.user().await;
    let (bob, _) = service.user().await;
    let insert = |conn: &mut zenith_db::Writer<'_>| {
        let _hidden = a_document_of(&bob).insert(conn)?;
        (0..3).map(|_| a_document_of(&ann).insert(conn).map(|it| json!(it.document_id))).collect()
    };
    let mut expected: Vec<Value> = service.database().write(insert).expect("documents");
    expected.reverse();
    let pages = service.pages("/documents", &token, 2, "document_id").await;
    assert_eq!(pages, [&expected[..2], &expected[2..]]);

    let wrong = service.get("/documents?cursor=chat_history.1", &token).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let reason = wrong.body["error"].as_str().expect("a reason");
    assert!(reason.contains("the text is not a cursor of documents"), "{reason}");
}

#[tokio::test]
async fn an_upload_needs_the_right_and_a_name() {
    let service = Service::start();
    let reader = a_user().with_role(SystemRole::ReadOnly);
    let reader = service.database().write(|conn| reader.insert(conn)).expect("a user");
    let token = service.sign_in(&reader.username, PASSWORD).await.expect("a token");
    let refused = service.post("/documents", &token, &upload("a.txt")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let (_, token) = service.user().await;
    let refused = service.post("/documents", &token, &upload("")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["error"], "is too short or too long");
}
