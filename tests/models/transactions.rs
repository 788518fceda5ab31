//! What a transaction keeps when one of its statements fails, and what several at once do to each
//! other.

use std::collections::BTreeSet;

use zenith_db::prelude::*;
use zenith_db::{Error, Result};

use crate::support::models::Models;

fn taken(conn: &mut Writer<'_>) -> Result<Role> {
    NewRole::builder().name("user").build().insert(conn)
}

#[test]
fn a_transaction_is_never_said_to_be_committed_when_it_was_not() {
    let models = Models::new();
    let done = models.database().write(|conn| {
        NewRole::builder().name("kept").build().insert(conn)?;
        // Swallowed, which no caller should do.
        let _ = taken(conn);
        Ok(())
    });
    let there = models.run(|conn| Role::find_by_name(conn, "kept")).is_some();
    assert_eq!(done.is_ok(), there, "{done:?}");
}

#[test]
fn what_fails_in_a_nested_write_can_be_caught() {
    let models = Models::new();
    models.run(|conn| {
        NewRole::builder().name("kept").build().insert(conn)?;
        let refused = conn.write(taken);
        assert!(refused.is_err_and(|error| error.violation().is_some()));
        NewRole::builder().name("kept too").build().insert(conn)
    });
    for name in ["kept", "kept too"] {
        assert!(models.run(|conn| Role::find_by_name(conn, name)).is_some(), "{name}");
    }
}

#[test]
fn who_follows_a_conversation_sees_every_message_that_four_write() {
    const EACH: usize = 100;
    let models = Models::new();
    let ann = models.ann();
    let chat = models.run(|conn| NewChatSession::builder().user_id(ann).build().insert(conn)).id;
    let size = PageSize::of(7);
    let mut seen = BTreeSet::new();
    std::thread::scope(|scope| {
        let write = |_| {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let new = NewChatMessage::builder().chat_session_id(chat).user_id(ann);
                    let new = new.message_type(MessageType::User).message_content("x").build();
                    models.database().write(|conn| new.insert(conn)).expect("a message");
                }
            })
        };
        let writers: Vec<_> = (0..4).map(write).collect();
        let mut cursor = None;
        loop {
            // Asked before reading: what was written by then must be seen.
            let done = writers.iter().all(std::thread::ScopedJoinHandle::is_finished);
            let page = models.database().read(|conn| {
                ChatMessage::page(conn, chat, MessageOrder::OldestFirst, cursor, size)
            });
            let rows = page.expect("a page").rows;
            cursor = rows.last().map_or(cursor, |message| Some(Cursor::after(message)));
            seen.extend(rows.iter().map(|message| message.id));
            if done && rows.is_empty() {
                break;
            }
        }
    });
    assert_eq!(seen.len(), 4 * EACH);
}

#[test]
fn edits_and_the_deletion_of_their_conversation_do_not_wait_for_each_other() {
    let models = Models::new();
    let ann = models.ann();
    for _ in 0..10 {
        let (chat, message) = models.run(|conn| {
            let chat = NewChatSession::builder().user_id(ann).build().insert(conn)?.id;
            let new = NewChatMessage::builder().chat_session_id(chat).user_id(ann);
            let new = new.message_type(MessageType::User).message_content("x").build();
            Ok((chat, new.insert(conn)?.id))
        });
        std::thread::scope(|scope| {
            let edit = scope.spawn(|| {
                loop {
                    let edit = |conn: &mut Writer<'_>| ChatMessage::edit(conn, message, "y", None);
                    match models.database().write(edit) {
                        Ok(_) => {}
                        Err(Error::NotFound { .. }) => return,
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
            models.database().write(|conn| ChatSession::delete(conn, chat)).expect("deleted");
            edit.join().expect("no panic");
        });
    }
}
