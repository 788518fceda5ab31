//! Messages: appending and counting, pages, replies, edits, soft deletion and feedback.

use diesel::prelude::*;
use serde_json::json;
use zenith_db::Error;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{chat_history, chat_sessions};

use crate::support::content::{message, open, reload, say, time};
use crate::support::json_text;
use crate::support::models::Models;
use crate::support::pages::walk;

const MISSING: ChatMessageId = ChatMessageId(4711);

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::NotFound { table: "chat_history", .. })
}

/// The numbers of messages and tokens that the conversation keeps.
fn counted(models: &Models, session: &ChatSession) -> (i64, i64) {
    let session = reload(models, session.id);
    (session.message_count, session.total_tokens)
}

fn append(models: &Models, new: &NewChatMessage<'_>) -> ChatMessage {
    models.run(|conn| new.insert(conn))
}

fn texts(rows: Vec<ChatMessage>) -> Vec<String> {
    rows.into_iter().map(|message| message.message_content).collect()
}

/// The conversation's messages, read in pages of this size.
fn read(models: &Models, session: &ChatSession, order: MessageOrder, size: u32) -> Vec<String> {
    let (id, size) = (session.id, PageSize::of(size));
    texts(walk(size, |at| models.run(|conn| ChatMessage::page(conn, id, order, at, size))))
}

fn replies(models: &Models, parent: &ChatMessage, size: u32) -> Vec<String> {
    let (session, size) = (parent.chat_session_id, PageSize::of(size));
    let page = |after| {
        models
            .run(|conn| ChatMessage::page_of_replies(conn, session, parent.message_id, after, size))
    };
    texts(walk(size, page))
}

#[test]
fn a_message_is_appended_whole_and_found() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let question = say(&models, &session, "Wie heißt du? 🦀");
    assert_eq!((question.model_name, question.token_count), (None, None));
    assert_eq!(question.metadata, json_text(json!({})));
    let answer = NewChatMessage {
        parent_message_id: Some(question.message_id),
        message_type: MessageType::Assistant,
        model_name: Some("m"),
        provider: Some("p"),
        timestamp: time(7),
        token_count: Some(12),
        processing_time_ms: Some(0),
        source_documents: Some(json_text(json!([{ "id": 1 }]))),
        retrieval_context: Some(json_text(json!(null))),
        metadata: json_text(json!({ "a": [1, "ä"] })),
        ..message(&session, "")
    };
    let made = append(&models, &answer);
    assert_eq!((made.chat_session_id, made.user_id), (session.id, models.ann()));
    assert_eq!(
        (made.message_id, made.parent_message_id),
        (answer.message_id, Some(question.message_id))
    );
    assert_eq!((made.message_content.as_str(), made.message_type), ("", MessageType::Assistant));
    assert_eq!((made.model_name.as_deref(), made.provider.as_deref()), (Some("m"), Some("p")));
    assert_eq!((made.timestamp, made.token_count), (time(7), Some(12)));
    assert_eq!(made.processing_time_ms, Some(0));
    assert_eq!(made.source_documents, answer.source_documents);
    assert_eq!(made.retrieval_context, answer.retrieval_context);
    assert_eq!(made.metadata, answer.metadata);
    assert!(!made.is_deleted && !made.is_edited && made.edit_count == 0);
    assert_eq!(models.run(|conn| ChatMessage::find(conn, made.id)), Some(made.clone()));
    let by_public_id = |id| models.run(|conn| ChatMessage::find_by_message_id(conn, id));
    assert_eq!(by_public_id(made.message_id), Some(made));
    assert_eq!(by_public_id(ChatMessagePublicId::new()), None);
    assert_eq!(models.run(|conn| ChatMessage::find(conn, MISSING)), None);
}

#[test]
fn a_message_is_counted_in_its_session() {
    let models = Models::new();
    let (session, other) = (open(&models, models.ann()), open(&models, models.ann()));
    append(&models, &NewChatMessage { timestamp: time(1), ..message(&session, "a") });
    let counts = |tokens, seconds| NewChatMessage {
        token_count: Some(tokens),
        timestamp: time(seconds),
        ..message(&session, "b")
    };
    append(&models, &counts(i32::MAX, 2));
    append(&models, &counts(i32::MAX, 3));
    let now = reload(&models, session.id);
    assert_eq!((now.message_count, now.total_tokens), (3, 2 * i64::from(i32::MAX)));
    assert_eq!(now.last_message_at, Some(time(3)));
    assert!(now.updated_at > session.updated_at);
    assert_eq!(reload(&models, other.id), other);
}

#[test]
fn a_message_that_is_refused_is_not_counted() {
    let models = Models::new();
    let session = open(&models, models.ann());
    say(&models, &session, "good");
    let before = reload(&models, session.id);
    let bad = NewChatMessage { token_count: Some(-1), ..message(&session, "bad") };
    // What surrounds the failure is committed: the message's own work must be undone by itself.
    models.run(|conn| {
        assert!(bad.insert(conn).is_err());
        Ok(())
    });
    assert_eq!(reload(&models, session.id), before);
    assert_eq!(read(&models, &session, MessageOrder::OldestFirst, 9), ["good"]);
}

#[test]
fn a_message_that_cannot_be_counted_is_not_kept() {
    let models = Models::new();
    let session = open(&models, models.ann());
    models.run(|conn| {
        let full = chat_sessions::total_tokens.eq(i64::MAX);
        let session = chat_sessions::table.find(session.id);
        dispatch!(conn, |conn| diesel::update(session).set(full).execute(conn))?;
        Ok(())
    });
    let one_more = NewChatMessage { token_count: Some(1), ..message(&session, "too much") };
    models.run(|conn| {
        assert!(one_more.insert(conn).is_err());
        Ok(())
    });
    assert_eq!(counted(&models, &session), (0, i64::MAX));
    assert_eq!(read(&models, &session, MessageOrder::OldestFirst, 9), Vec::<String>::new());
}

#[test]
fn a_message_to_nothing_by_nobody_or_in_answer_to_nothing_says_which() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let unknown = Rule::UnknownReference;
    let new = NewChatMessage { chat_session_id: ChatSessionId(99), ..message(&session, "x") };
    models.violates(unknown, chat_history::chat_session_id, |conn| new.insert(conn));
    let new = NewChatMessage { user_id: UserId(99), ..message(&session, "x") };
    models.violates(unknown, chat_history::user_id, |conn| new.insert(conn));
    let parent_message_id = Some(ChatMessagePublicId::new());
    let new = NewChatMessage { parent_message_id, ..message(&session, "x") };
    models.violates(unknown, chat_history::parent_message_id, |conn| new.insert(conn));
    assert_eq!(counted(&models, &session), (0, 0));
}

#[test]
fn a_message_must_keep_to_the_rules() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let new = || message(&session, "x");
    let (x50, x51, x100, x101) = ("x".repeat(50), "x".repeat(51), "x".repeat(100), "x".repeat(101));
    let (model_name, provider) = (Some(&*x100), Some(&*x50));
    append(&models, &NewChatMessage { model_name, provider, ..new() });
    for name in ["", &x101, "\0"] {
        let new = NewChatMessage { model_name: Some(name), ..new() };
        models.violates(Rule::Length, chat_history::model_name, |conn| new.insert(conn));
    }
    for name in ["", &x51, "\0"] {
        let new = NewChatMessage { provider: Some(name), ..new() };
        models.violates(Rule::Length, chat_history::provider, |conn| new.insert(conn));
    }
    let nul = message(&session, "a\0b");
    models.violates(Rule::Text, chat_history::message_content, |conn| nul.insert(conn));
    let negative = NewChatMessage { token_count: Some(-1), ..new() };
    models.violates(Rule::Count, chat_history::token_count, |conn| negative.insert(conn));
    let negative = NewChatMessage { processing_time_ms: Some(-1), ..new() };
    models.violates(Rule::Count, chat_history::processing_time_ms, |conn| negative.insert(conn));
    let first = say(&models, &session, "first");
    let again = NewChatMessage { message_id: first.message_id, ..new() };
    models.violates(Rule::Duplicate, chat_history::message_id, |conn| again.insert(conn));
    assert_eq!(counted(&models, &session), (2, 0));
}

#[test]
fn messages_come_from_either_end_in_pages_of_any_size() {
    let models = Models::new();
    let (session, other) = (open(&models, models.ann()), open(&models, models.ann()));
    assert_eq!(read(&models, &session, MessageOrder::OldestFirst, 1), Vec::<String>::new());
    assert_eq!(read(&models, &session, MessageOrder::NewestFirst, 1), Vec::<String>::new());
    // The order is that of their coming, whatever they say of their time.
    for (text, seconds) in [("a", 9), ("b", 5), ("c", 5), ("d", 1)] {
        append(&models, &NewChatMessage { timestamp: time(seconds), ..message(&session, text) });
        say(&models, &other, "elsewhere");
    }
    for size in [1, 2, 3, 4, 5, 500] {
        let oldest_first = read(&models, &session, MessageOrder::OldestFirst, size);
        assert_eq!(oldest_first, ["a", "b", "c", "d"], "pages of {size}");
        let newest_first = read(&models, &session, MessageOrder::NewestFirst, size);
        assert_eq!(newest_first, ["d", "c", "b", "a"], "pages of {size}");
    }
}

#[test]
fn a_page_holds_five_hundred_messages_at_the_most_and_one_at_the_least() {
    let models = Models::new();
    let session = open(&models, models.ann());
    models.run(|conn| (0..501).try_for_each(|_| message(&session, "x").insert(conn).map(drop)));
    let page = |size| {
        let (id, order) = (session.id, MessageOrder::OldestFirst);
        models.run(|conn| ChatMessage::page(conn, id, order, None, PageSize::of(size)))
    };
    for (asked, given) in [(0, 1), (1, 1), (500, 500), (501, 500), (u32::MAX, 500)] {
        let page = page(asked);
        assert_eq!((page.rows.len(), page.next.is_some()), (given, true), "asked for {asked}");
    }
    assert_eq!(read(&models, &session, MessageOrder::NewestFirst, 500).len(), 501);
    assert_eq!(counted(&models, &session), (501, 0));
}

#[test]
fn replies_are_those_that_answer_directly() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let root = say(&models, &session, "root");
    let reply = |parent, text| {
        let new = NewChatMessage { parent_message_id: Some(parent), ..message(&session, text) };
        append(&models, &new)
    };
    let first = reply(root.message_id, "first");
    reply(first.message_id, "below the first");
    let second = reply(root.message_id, "second");
    reply(root.message_id, "third");
    for size in [1, 2, 3, 4] {
        assert_eq!(replies(&models, &root, size), ["first", "second", "third"], "pages of {size}");
    }
    models.run(|conn| ChatMessage::soft_delete(conn, second.id, None));
    assert_eq!(replies(&models, &root, 1), ["first", "third"]);
    assert_eq!(replies(&models, &first, 1), ["below the first"]);
    assert_eq!(replies(&models, &second, 1), Vec::<String>::new());
    let nobody = ChatMessage { message_id: ChatMessagePublicId::new(), ..root.clone() };
    assert_eq!(replies(&models, &nobody, 1), Vec::<String>::new());
    // Who answers from another conversation is not heard in this one.
    let other = open(&models, models.add_user("bob"));
    let parent_message_id = Some(root.message_id);
    append(&models, &NewChatMessage { parent_message_id, ..message(&other, "from outside") });
    assert_eq!(replies(&models, &root, 1), ["first", "third"]);
}

#[test]
fn an_edit_changes_text_and_tokens_and_the_session_follows() {
    let models = Models::new();
    let session = open(&models, models.ann());
    append(&models, &NewChatMessage { token_count: Some(100), ..message(&session, "other") });
    let made = say(&models, &session, "draft");
    let edit =
        |text: &str, tokens| models.run(|conn| ChatMessage::edit(conn, made.id, text, tokens));
    for (count, tokens, total) in
        [(1, Some(7), 107), (2, Some(3), 103), (3, Some(3), 103), (4, None, 100), (5, Some(0), 100)]
    {
        let before = reload(&models, session.id);
        let edited = edit("better", tokens);
        assert_eq!((edited.edit_count, edited.token_count), (count, tokens));
        let expected = ChatMessage {
            message_content: "better".into(),
            token_count: tokens,
            is_edited: true,
            edit_count: count,
            last_edited_at: edited.last_edited_at,
            ..made.clone()
        };
        let edited_at = edited.last_edited_at;
        assert!(edited_at > made.last_edited_at);
        assert_eq!(edited, expected);
        assert_eq!(models.run(|conn| ChatMessage::find(conn, made.id)), Some(edited));
        assert_eq!(counted(&models, &session), (2, total));
        let after = reload(&models, session.id);
        // Nor does it lose the part of a millisecond, which the database's own clock on SQLite lacks.
        assert!(after.updated_at > before.updated_at);
        assert!(Some(after.updated_at) >= edited_at);
        assert_eq!(after.last_message_at, before.last_message_at);
    }
}

#[test]
fn an_edit_that_is_refused_changes_nothing() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let made = append(&models, &NewChatMessage { token_count: Some(5), ..message(&session, "x") });
    let edit = |text: &'static str, tokens| {
        move |conn: &mut Writer<'_>| ChatMessage::edit(conn, made.id, text, tokens)
    };
    models.violates(Rule::Count, chat_history::token_count, edit("y", Some(-1)));
    models.violates(Rule::Text, chat_history::message_content, edit("\0", Some(1)));
    models.run(|conn| {
        assert!(ChatMessage::edit(conn, made.id, "y", Some(-1)).is_err());
        Ok(())
    });
    assert_eq!(models.run(|conn| ChatMessage::find(conn, made.id)), Some(made.clone()));
    assert_eq!(counted(&models, &session), (1, 5));
    assert!(is_not_found(&models.fails(|conn| ChatMessage::edit(conn, MISSING, "y", None))));
    models.run(|conn| ChatMessage::soft_delete(conn, made.id, None));
    assert!(is_not_found(&models.fails(|conn| ChatMessage::edit(conn, made.id, "y", None))));
    assert_eq!(counted(&models, &session), (1, 5));
}

#[test]
fn a_softly_deleted_message_stays_but_no_page_shows_it() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let made = ["a", "b", "c"].map(|text| say(&models, &session, text));
    let (ann, id) = (models.ann(), made[1].id);
    let delete = |by| models.run(|conn| ChatMessage::soft_delete(conn, id, by));
    assert!(delete(Some(ann)));
    let deleted = models.run(|conn| ChatMessage::find(conn, id)).expect("a message");
    assert_eq!((deleted.is_deleted, deleted.deleted_by), (true, Some(ann)));
    assert!(deleted.deleted_at.is_some());
    // Who and when is what it was the first time.
    assert!(!delete(None));
    assert_eq!(models.run(|conn| ChatMessage::find(conn, id)), Some(deleted));
    for size in [1, 2, 3] {
        assert_eq!(read(&models, &session, MessageOrder::OldestFirst, size), ["a", "c"]);
        assert_eq!(read(&models, &session, MessageOrder::NewestFirst, size), ["c", "a"]);
    }
    assert_eq!(counted(&models, &session).0, 3);
    assert!(!models.run(|conn| ChatMessage::soft_delete(conn, MISSING, Some(ann))));
    models.violates(Rule::UnknownReference, chat_history::deleted_by, |conn| {
        ChatMessage::soft_delete(conn, made[0].id, Some(UserId(4711)))
    });
    assert!(models.run(|conn| ChatMessage::soft_delete(conn, made[0].id, None)));
    assert_eq!(read(&models, &session, MessageOrder::OldestFirst, 9), ["c"]);
}

#[test]
fn feedback_is_one_to_five_and_can_be_taken_back() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let (id, other) = (say(&models, &session, "x").id, say(&models, &session, "y"));
    let set = |rating, comment: Option<&'static str>| {
        move |conn: &mut Writer<'_>| ChatMessage::set_feedback(conn, id, rating, comment)
    };
    for rating in 1..=5 {
        let rated = models.run(set(Some(rating), Some("so\nso")));
        assert_eq!(rated.feedback_rating, Some(rating));
        assert_eq!(rated.feedback_comment.as_deref(), Some("so\nso"));
    }
    for rating in [0, 6, -1, i32::MIN, i32::MAX] {
        models.violates(Rule::Range, chat_history::feedback_rating, set(Some(rating), None));
    }
    models.violates(Rule::Text, chat_history::feedback_comment, set(Some(1), Some("\0")));
    let kept = models.run(|conn| ChatMessage::find(conn, id)).expect("a message");
    assert_eq!((kept.feedback_rating, kept.feedback_comment.as_deref()), (Some(5), Some("so\nso")));
    let none = models.run(set(None, None));
    assert_eq!((none.feedback_rating, none.feedback_comment), (None, None));
    let missing = |conn: &mut Writer<'_>| ChatMessage::set_feedback(conn, MISSING, Some(1), None);
    assert!(is_not_found(&models.fails(missing)));
    assert_eq!(models.run(|conn| ChatMessage::find(conn, other.id)), Some(other));
}
