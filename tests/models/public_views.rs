//! What other users see of a row.

use serde_json::json;
use zenith_db::prelude::*;

use crate::support::models::Models;

#[test]
fn others_see_the_name_of_a_user_and_no_address() {
    let models = Models::new();
    let ann = models.run(|conn| User::find_by_username(conn, "ann")).expect("ann");
    let expected = json!({
        "uuid": ann.uuid,
        "username": "ann",
        "display_name": null,
        "avatar_url": null,
        "created_at": ann.created_at,
    });
    assert_eq!(serde_json::to_value(ann.public()).expect("JSON"), expected);
    assert_eq!(PublicUser::from(&ann), ann.public());
}

#[test]
fn others_see_the_tags_of_a_document_and_no_path() {
    let models = Models::new();
    let new = NewDocument::builder().user_id(models.ann()).filename("a.pdf");
    let new = new.original_filename("A.pdf").file_path("/srv/a").file_size(3);
    let new = new.file_hash(Sha256Hash::of("a")).mime_type("application/pdf");
    let document = models.run(|conn| new.tags(["urgent"].iter().collect()).build().insert(conn));
    let expected = json!({
        "document_id": document.document_id,
        "original_filename": "A.pdf",
        "file_size": 3,
        "mime_type": "application/pdf",
        "upload_started_at": document.upload_started_at,
        "tags": ["urgent"],
    });
    assert_eq!(serde_json::to_value(document.public()).expect("JSON"), expected);
}

#[test]
fn others_see_a_shared_conversation_without_its_owner_and_feedback() {
    let models = Models::new();
    let ann = models.ann();
    let (chat, message) = models.run(|conn| {
        let chat = NewChatSession::builder().user_id(ann).title("A title").build().insert(conn)?;
        let new = NewChatMessage::builder().chat_session_id(chat.id).user_id(ann);
        let new = new.message_content("hello").message_type(MessageType::User).build();
        let id = new.insert(conn)?.id;
        let message = ChatMessage::set_feedback(conn, id, Some(1), Some("no"))?;
        Ok((ChatSession::find(conn, chat.id)?.expect("a conversation"), message))
    });
    let expected = json!({
        "session_id": chat.session_id,
        "title": "A title",
        "description": null,
        "created_at": chat.created_at,
        "last_message_at": message.timestamp,
    });
    assert_eq!(serde_json::to_value(chat.public()).expect("JSON"), expected);
    let expected = json!({
        "message_id": message.message_id,
        "parent_message_id": null,
        "message_content": "hello",
        "message_type": "user",
        "timestamp": message.timestamp,
        "is_edited": false,
    });
    assert_eq!(serde_json::to_value(message.public()).expect("JSON"), expected);
}
