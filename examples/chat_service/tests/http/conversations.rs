//! Conversations and their messages.

use axum::http::StatusCode;
use serde_json::json;
use zenith_db::testing::a_conversation_of;

use super::service::Service;

#[tokio::test]
async fn messages_are_read_page_by_page() {
    let service = Service::start();
    let (_, token) = service.user().await;
    let (path, ids) = service.conversation(&token, &["one", "two", "three"]).await;
    let pages = service.pages(&path, &token, 2, "message_id").await;
    assert_eq!(pages, [&ids[..2], &ids[2..]]);
}

#[tokio::test]
async fn a_conversation_of_somebody_else_is_not_found() {
    let service = Service::start();
    let (_, token) = service.user().await;
    let (bob, _) = service.user().await;
    let insert =
        |conn: &mut zenith_db::Writer<'_>| a_conversation_of(&bob).with_messages(1).insert(conn);
    let conversation = service.database().write(insert).expect("a conversation");
    let path = format!("/conversations/{}/messages", conversation.session_id);
    let (read, write) = (
        service.get(&path, &token).await,
        service.post(&path, &token, &json!({ "text": "?" })).await,
    );
    assert_eq!((read.status, write.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let missing = path.replace(&conversation.session_id.to_string(), &uuid_of_nothing());
    let missing = service.get(&missing, &token).await;
    assert_eq!((missing.status, &missing.body), (StatusCode::NOT_FOUND, &read.body));
}

fn uuid_of_nothing() -> String {
    zenith_db::types::ChatSessionPublicId::new().to_string()
}
