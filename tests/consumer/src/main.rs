//! What an application does in the course of one question: sign in, may I, ask, retrieve, answer,
//! record. It runs on the database that the environment names. The queries of its own are those of `right`.

mod right;

use std::error::Error;

use zenith_db::Result;
use zenith_db::prelude::*;
use zenith_db::schema::users;

fn main() -> Result<(), Box<dyn Error>> {
    let database = Database::open(&Config::from_env()?)?;
    let token = std::env::args().nth(1).ok_or("give a session's token")?;
    if token == "queries" {
        return Ok(database.write(right::run)?);
    }
    let question = std::env::args().nth(2).ok_or("give a question")?;

    let now = UtcTime::now();
    let token = SessionToken::from(token);
    let found = database.read(|conn| UserSession::authenticate(conn, &token, now))?;
    let user = found.ok_or("sign in first")?.1.id;
    if !database.read(|conn| is_allowed(conn, user, Right::ACCESS_CHAT))? {
        return Err("you may not chat".into());
    }
    let answer = database.write(|conn| ask(conn, user, &question))?;
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}

/// The question and the answer, and the record of them, all or nothing.
fn ask(conn: &mut Writer<'_>, user: UserId, question: &str) -> Result<ChatMessage> {
    let chat = NewChatSession::builder().user_id(user).title("A question").build().insert(conn)?;
    let asked = NewChatMessage::builder()
        .chat_session_id(chat.id)
        .user_id(user)
        .message_type(MessageType::User)
        .message_content(question)
        .build()
        .insert(conn)?;
    // The vector store would say which.
    let sources = DocumentChunk::list_by_vector_ids(conn, user, &["v1", "v2"])?;
    let names: Vec<_> = sources.iter().map(|(_, document)| &document.filename).collect();
    let text = format!("It is in {names:?}.");
    let answer = NewChatMessage::builder()
        .chat_session_id(chat.id)
        .user_id(user)
        .parent_message_id(asked.message_id)
        .message_type(MessageType::Assistant)
        .message_content(&text)
        .source_documents(JsonText::of(&serde_json::json!(names))?)
        .build()
        .insert(conn)?;
    NewAuditEvent::builder()
        .user_id(user)
        .event_type(EventType::new("chat"))
        .event_category(EventCategory::new("chat"))
        .action("ask")
        .resource_id(answer.message_id.to_string().as_str())
        .build()
        .append(conn)?;
    Ok(answer)
}

/// What the application tells somebody who signs up.
#[must_use]
pub fn explain(error: &zenith_db::Error) -> &'static str {
    match error.violation() {
        Some(broken) if broken.rule() == Rule::Duplicate && broken.concerns(users::username) => {
            "that name is taken"
        }
        Some(_) => "that cannot be saved",
        None => "try again later",
    }
}
