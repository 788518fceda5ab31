//! What many threads do at once through one pool.

use std::sync::Barrier;

use diesel::prelude::*;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::chat_history;

use crate::support::content::{document, message, open, reload, say, upload};
use crate::support::models::Models;

const THREADS: usize = 8;

/// What each of eight threads, which start together, makes of its number.
fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    let one = |number| {
        start.wait();
        work(number)
    };
    std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || one(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn no_message_and_no_token_is_lost_between_eight_threads() {
    const EACH: i64 = 500;
    let models = Models::new();
    let session = open(&models, models.ann());
    let tokens = at_once(|_| {
        (0..EACH)
            .map(|number| {
                let token_count =
                    (number % 7 != 0).then_some(i32::try_from(number).expect("small"));
                let new = NewChatMessage { token_count, ..message(&session, "hello") };
                let made = models.database().write(|conn| new.insert(conn)).expect("a message");
                i64::from(made.token_count.unwrap_or(0))
            })
            .sum::<i64>()
    });
    let expected = EACH * i64::try_from(THREADS).expect("eight");
    let now = reload(&models, session.id);
    assert_eq!(now.message_count, expected);
    assert_eq!(now.total_tokens, tokens.iter().sum::<i64>());
    let rows: i64 = models.run(|conn| {
        let messages = chat_history::table.filter(chat_history::chat_session_id.eq(session.id));
        Ok(dispatch!(conn, |conn| messages.count().get_result(conn))?)
    });
    assert_eq!(rows, expected);
}

#[test]
fn tokens_are_exact_while_eight_threads_edit_and_append() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let edited = say(&models, &session, "draft");
    at_once(|number| {
        let number = i32::try_from(number).expect("small");
        for round in 0..50 {
            models
                .database()
                .write(|conn| {
                    let tokens = Some(100 * round + number);
                    ChatMessage::edit(conn, edited.id, "better", tokens)?;
                    NewChatMessage { token_count: Some(1), ..message(&session, "x") }.insert(conn)
                })
                .expect("an edit and a message");
        }
    });
    let last = models.run(|conn| ChatMessage::find(conn, edited.id)).expect("a message");
    assert_eq!(last.edit_count, 400);
    let now = reload(&models, session.id);
    assert_eq!(now.message_count, 401);
    assert_eq!(now.total_tokens, 400 + i64::from(last.token_count.expect("tokens")));
}

#[test]
fn content_that_eight_threads_register_becomes_one_document() {
    let models = Models::new();
    let ann = models.ann();
    for content in ["one", "two", "three", "four", "five"] {
        let registered = at_once(|_| {
            let new = document(ann, content);
            models.database().write(|conn| new.register(conn)).expect("registered")
        });
        let made = |one: &&Registered| matches!(one, Registered::New(_));
        assert_eq!(registered.iter().filter(made).count(), 1, "{content}");
        let ids = registered.iter().map(|one| match one {
            Registered::New(document) | Registered::Existing(document) => document.id,
        });
        let ids: std::collections::BTreeSet<_> = ids.collect();
        assert_eq!(ids.len(), 1, "{content}");
    }
    let all = models
        .run(|conn| Document::page(conn, DocumentFilter::default(), None, PageSize::default()));
    assert_eq!(all.rows.len(), 5);
}

#[test]
fn uses_and_chunks_that_eight_threads_add_are_all_counted() {
    let models = Models::new();
    let id = upload(&models, models.ann(), "content").id;
    at_once(|number| {
        for round in 0..50 {
            let place = i32::try_from(number * 50 + round).expect("small");
            let chunk =
                NewDocumentChunk::builder().chunk_index(place).content("x").token_count(2).build();
            let add = |conn: &mut Writer<'_>| DocumentChunk::insert_all(conn, id, &[chunk]);
            models.database().write(add).expect("a chunk");
            models.database().write(|conn| Document::record_access(conn, id)).expect("a use");
        }
    });
    let now = models.run(|conn| Document::find(conn, id)).expect("a document");
    assert_eq!((now.chunk_count, now.total_tokens, now.access_count), (400, 800, 400));
    assert_eq!(models.run(|conn| DocumentChunk::list_for_document(conn, id)).len(), 400);
}
