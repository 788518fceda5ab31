//! Rows to begin a test with are what their names say.
use zenith_db::prelude::*;
use zenith_db::secrecy::SecretString;
use zenith_db::testing::{PASSWORD, a_conversation_of, a_document_of, a_user, use_fast_passwords};

use super::database;

#[test]
fn a_user_has_a_name_a_role_and_the_password() {
    let database = database();
    let ann = a_user().named("Ann").with_role(SystemRole::Operator);
    let ann = database.write(|conn| ann.insert(conn)).expect("a user");
    assert_eq!((ann.username.as_str(), ann.email.as_str()), ("ann", "ann@example.com"));
    let role = database.read(|conn| Role::find(conn, ann.role_id)).expect("a read");
    assert_eq!(role.expect("a role").name, "operator");
    let credentials = database.read(|conn| UserCredentials::find(conn, ann.id));
    let credentials = credentials.expect("a read").expect("credentials");
    assert_eq!(credentials.password_hash.verify(&PASSWORD.into()), Ok(()));
}

#[test]
fn fixtures_without_a_name_do_not_collide() {
    let database = database();
    let inserted = database.write(|conn| {
        let ann = a_user().insert(conn)?;
        let bob = a_user().insert(conn)?;
        let documents = [&ann, &ann, &bob].map(|owner| a_document_of(owner).insert(conn));
        documents.into_iter().collect::<zenith_db::Result<Vec<_>>>()
    });
    assert_eq!(inserted.expect("documents").len(), 3);
}

#[test]
fn a_document_and_a_conversation_have_what_was_asked_for() {
    let database = database();
    let (document, chunks, talk, messages) = database
        .write(|conn| {
            let ann = a_user().insert(conn)?;
            let document = a_document_of(&ann).with_chunks(130).insert(conn)?;
            let talk = a_conversation_of(&ann).with_messages(3).insert(conn)?;
            let chunks = DocumentChunk::list_for_document(conn, document.id)?;
            let (order, size) = (MessageOrder::OldestFirst, PageSize::default());
            let messages = ChatMessage::page(conn, talk.id, order, None, size)?;
            Ok((document, chunks, talk, messages.rows))
        })
        .expect("rows");
    assert_eq!((document.chunk_count, document.total_tokens), (130, 390));
    assert_eq!(chunks.len(), 130);
    assert_eq!((talk.message_count, messages.len()), (3, 3));
    let by: Vec<MessageType> = messages.iter().map(|message| message.message_type).collect();
    assert_eq!(by, [MessageType::User, MessageType::Assistant, MessageType::User]);
}

#[test]
#[should_panic(expected = "white space")]
fn a_name_that_cannot_be_one_panics() {
    let database = database();
    let _ = database.write(|conn| a_user().named("a b").insert(conn));
}

#[test]
fn fast_passwords_are_argon2_with_little_memory_and_verify() {
    // Nothing else in this program asks for the cost of a hash that it makes.
    use_fast_passwords();
    let password = SecretString::from("hunter2 hunter2");
    let hash = PasswordHash::hash(&password).expect("a hash");
    assert!(hash.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert_eq!(hash.verify(&password), Ok(()));
    assert!(hash.verify(&"another".into()).is_err());
}
