//! The service's own table.

use axum::http::StatusCode;
use serde_json::json;

use super::service::Service;

#[tokio::test]
async fn a_bookmark_is_listed_with_its_message() {
    let service = Service::start();
    let (_, token) = service.user().await;
    let (path, ids) = service.conversation(&token, &["one", "two"]).await;
    let mark = json!({ "message_id": ids[1], "note": "later" });
    let marked = service.post("/bookmarks", &token, &mark).await;
    assert_eq!(marked.status, StatusCode::CREATED);

    let listed = service.get("/bookmarks", &token).await.body;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!((&listed[0]["message"], &listed[0]["note"]), (&json!("two"), &json!("later")));
    let conversation = listed[0]["conversation_id"].as_str().expect("an id");
    assert!(path.contains(conversation));
    assert_eq!(service.post("/bookmarks", &token, &mark).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_bookmark_is_of_a_message_that_its_user_may_read() {
    let service = Service::start();
    let (_, ann) = service.user().await;
    let (_, bob) = service.user().await;
    let (_, ids) = service.conversation(&bob, &["secret"]).await;
    let refused = service.post("/bookmarks", &ann, &json!({ "message_id": ids[0] })).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let marked = service.post("/bookmarks", &bob, &json!({ "message_id": ids[0] })).await;
    assert_eq!(marked.status, StatusCode::CREATED);
    assert_eq!(service.get("/bookmarks", &ann).await.body, json!([]));

    let long = json!({ "message_id": ids[0], "note": "x".repeat(501) });
    let refused = service.post("/bookmarks", &bob, &long).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["error"], "is too short or too long");
}
