//! Conversations: opening, changing, sharing, listing by activity, and retention.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::chat_sessions;

use crate::support::content::{open, open_at, reload, say, time};
use crate::support::json_text;
use crate::support::models::Models;
use crate::support::pages::walk;

const MISSING: ChatSessionId = ChatSessionId(4711);

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::NotFound { table: "chat_sessions", key } if key == "id 4711")
}

/// The user's conversations by last activity, read in pages of this size.
fn listed(models: &Models, user: UserId, archived: bool, size: u32) -> Vec<ChatSessionId> {
    let size = PageSize::of(size);
    let page =
        |before| models.run(|conn| ChatSession::page_for_user(conn, user, archived, before, size));
    walk(size, page).into_iter().map(|session| session.id).collect()
}

/// One conversation for each time, in this order.
fn opened(models: &Models, user: UserId, archived: bool, times: &[u32]) -> Vec<ChatSessionId> {
    let one = |&seconds| models.run(|conn| open_at(conn, user, archived, time(seconds)));
    times.iter().map(one).collect()
}

#[test]
fn a_session_is_opened_found_renamed_archived_and_deleted() {
    let models = Models::new();
    let ann = models.ann();
    let metadata = json_text(json!({ "colour": "grün" }));
    let new = NewChatSession::builder()
        .user_id(ann)
        .title("First")
        .description("of all")
        .metadata(metadata.clone())
        .build();
    let made = models.run(|conn| new.insert(conn));
    assert_eq!((made.session_id, made.user_id), (new.session_id, ann));
    assert_eq!(
        (made.title.as_deref(), made.description.as_deref()),
        (Some("First"), Some("of all"))
    );
    assert_eq!((made.message_count, made.total_tokens, made.last_message_at), (0, 0, None));
    assert!(!made.is_archived && !made.is_shared && made.share_expires_at.is_none());
    assert_eq!(made.metadata, metadata);
    assert_eq!(models.run(|conn| ChatSession::find(conn, made.id)), Some(made.clone()));
    let by_public_id =
        |id| models.run(|conn| ChatSession::find_by_session_id(conn, id)).map(|session| session.id);
    assert_eq!(by_public_id(made.session_id), Some(made.id));
    assert_eq!(by_public_id(ChatSessionPublicId::new()), None);

    let changes = ChatSessionChanges {
        title: Some(Some("Renamed")),
        is_archived: Some(true),
        ..ChatSessionChanges::default()
    };
    let renamed = models.run(|conn| changes.update(conn, made.id));
    assert!(renamed.updated_at > made.updated_at);
    let expected = ChatSession {
        title: Some("Renamed".into()),
        is_archived: true,
        updated_at: renamed.updated_at,
        ..made
    };
    assert_eq!(renamed, expected);
    assert_eq!(reload(&models, renamed.id), renamed);

    models.run(|conn| ChatSession::delete(conn, renamed.id));
    assert_eq!(models.run(|conn| ChatSession::find(conn, renamed.id)), None);
}

#[test]
fn a_change_empties_a_column_only_if_told_to() {
    let models = Models::new();
    let new = NewChatSession::builder().user_id(models.ann()).title("t").description("d").build();
    let made = models.run(|conn| new.insert(conn));
    let emptied = ChatSessionChanges { title: Some(None), ..ChatSessionChanges::default() };
    let row = models.run(|conn| emptied.update(conn, made.id));
    assert_eq!((row.title, row.description.as_deref()), (None, Some("d")));
    let metadata = Some(json_text(json!([1])));
    let changes =
        ChatSessionChanges { description: Some(None), metadata, ..ChatSessionChanges::default() };
    let row = models.run(|conn| changes.update(conn, made.id));
    assert_eq!((row.description, row.metadata), (None, json_text(json!([1]))));
    // To change nothing is an activity too.
    let same = models.run(|conn| ChatSessionChanges::default().update(conn, made.id));
    assert!(same.updated_at > row.updated_at);
}

#[test]
fn a_session_that_is_not_there_is_not_found() {
    let models = Models::new();
    assert_eq!(models.run(|conn| ChatSession::find(conn, MISSING)), None);
    let changes = ChatSessionChanges::default();
    assert!(is_not_found(&models.fails(|conn| changes.update(conn, MISSING))));
    assert!(is_not_found(&models.fails(|conn| ChatSession::share(conn, MISSING, None))));
    assert!(is_not_found(&models.fails(|conn| ChatSession::unshare(conn, MISSING))));
    assert!(is_not_found(&models.fails(|conn| ChatSession::delete(conn, MISSING))));
}

#[test]
fn a_session_must_keep_to_the_rules() {
    let models = Models::new();
    let ann = models.ann();
    let titled = |title: &str| {
        let title = title.to_owned();
        move |conn: &mut Writer<'_>| {
            NewChatSession::builder().user_id(ann).title(&*title).build().insert(conn)
        }
    };
    // Characters count, not bytes.
    models.run(titled(&"ä".repeat(200)));
    models.run(titled(""));
    models.violates(Rule::Length, chat_sessions::title, titled(&"x".repeat(201)));
    models.violates(Rule::Length, chat_sessions::title, titled("a\0b"));
    let nul = NewChatSession::builder().user_id(ann).description("\0").build();
    models.violates(Rule::Text, chat_sessions::description, |conn| nul.insert(conn));
    let nobody = NewChatSession::builder().user_id(UserId(4711)).build();
    models.violates(Rule::UnknownReference, chat_sessions::user_id, |conn| nobody.insert(conn));

    let made = open(&models, ann);
    let again = NewChatSession::builder().user_id(ann).session_id(made.session_id).build();
    models.violates(Rule::Duplicate, chat_sessions::session_id, |conn| again.insert(conn));
    let long = "x".repeat(201);
    let title = Some(Some(&*long));
    let renamed = ChatSessionChanges { title, ..ChatSessionChanges::default() };
    models.violates(Rule::Length, chat_sessions::title, |conn| renamed.update(conn, made.id));
    assert_eq!(reload(&models, made.id), made);
}

#[test]
fn a_shared_session_is_found_by_its_token_until_it_expires() {
    let models = Models::new();
    let session = open(&models, models.ann());
    open(&models, models.ann());
    let end = time(60);
    let token = models.run(|conn| ChatSession::share(conn, session.id, Some(end)));
    let found = |token: &ShareToken, now| {
        let found = models.run(|conn| ChatSession::find_shared(conn, token, now));
        found.map(|session| session.id)
    };
    assert_eq!(found(&token, time(0)), Some(session.id));
    assert_eq!(found(&token, time(59)), Some(session.id));
    assert_eq!(found(&token, end), None);
    assert_eq!(found(&token, time(61)), None);
    assert_eq!(found(&ShareToken::generate(), time(0)), None);
    assert_eq!(found(&ShareToken::from(String::new()), time(0)), None);
    assert_eq!(found(&ShareToken::from(token.expose().to_uppercase()), time(0)), None);
    let shared = reload(&models, session.id);
    assert!(shared.is_shared && shared.updated_at > session.updated_at);
    assert_eq!(shared.share_expires_at, Some(end));
    assert!(!format!("{shared:?}{token:?}").contains(token.expose()));
}

#[test]
fn sharing_again_or_no_longer_makes_the_token_useless() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let share = |end| models.run(|conn| ChatSession::share(conn, session.id, end));
    let opens = |token: &ShareToken| {
        models.run(|conn| ChatSession::find_shared(conn, token, UtcTime::MAX)).is_some()
    };
    let first = share(Some(time(60)));
    let second = share(None);
    assert_ne!(first.expose(), second.expose());
    assert!(!opens(&first) && opens(&second));
    assert_eq!(reload(&models, session.id).share_expires_at, None);
    models.run(|conn| ChatSession::unshare(conn, session.id));
    assert!(!opens(&second));
    assert!(!reload(&models, session.id).is_shared);
    // Not to be shared is no error.
    models.run(|conn| ChatSession::unshare(conn, session.id));
    let third = share(Some(UtcTime::MAX));
    assert!(!opens(&third) && !opens(&second));
}

#[test]
fn a_session_takes_its_messages_with_it() {
    let models = Models::new();
    let (gone, stays) = (open(&models, models.ann()), open(&models, models.ann()));
    let messages = [say(&models, &gone, "one").id, say(&models, &stays, "two").id];
    models.run(|conn| ChatSession::delete(conn, gone.id));
    let found = messages.map(|id| models.run(|conn| ChatMessage::find(conn, id)).is_some());
    assert_eq!(found, [false, true]);
    assert!(matches!(
        models.fails(|conn| ChatSession::delete(conn, gone.id)),
        Error::NotFound { table: "chat_sessions", .. }
    ));
}

#[test]
fn sessions_come_by_last_activity_and_of_equal_ones_the_newest_first() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    assert_eq!(listed(&models, ann, false, 2), []);
    let ids = opened(&models, ann, false, &[30, 10, 30, 30, 20]);
    let archived = opened(&models, ann, true, &[30, 40]);
    let of_bob = opened(&models, bob, false, &[30]);
    let expected = [3, 2, 0, 4, 1].map(|place| ids[place]);
    for size in [1, 2, 3, 4, 5, 6, 500] {
        assert_eq!(listed(&models, ann, false, size), expected, "pages of {size}");
    }
    assert_eq!(listed(&models, ann, true, 1), [archived[1], archived[0]]);
    assert_eq!(listed(&models, bob, false, 1), of_bob);
    assert_eq!(listed(&models, UserId(4711), false, 1), []);
}

#[test]
fn whatever_is_done_to_a_session_brings_it_to_the_front() {
    let models = Models::new();
    let ann = models.ann();
    let ids = opened(&models, ann, false, &[1, 2, 3, 4]);
    let first = || listed(&models, ann, false, 10)[0];
    say(&models, &reload(&models, ids[0]), "hello");
    assert_eq!(first(), ids[0]);
    models.run(|conn| ChatSession::share(conn, ids[1], None));
    assert_eq!(first(), ids[1]);
    models.run(|conn| ChatSessionChanges::default().update(conn, ids[2]));
    assert_eq!(first(), ids[2]);
    let archive = ChatSessionChanges { is_archived: Some(true), ..ChatSessionChanges::default() };
    models.run(|conn| archive.update(conn, ids[3]));
    assert_eq!(listed(&models, ann, true, 10), [ids[3]]);
    assert_eq!(listed(&models, ann, false, 10), [ids[2], ids[1], ids[0]]);
}

#[test]
fn the_page_after_a_session_that_was_deleted_is_still_the_next() {
    let models = Models::new();
    let ann = models.ann();
    let ids = opened(&models, ann, false, &[1, 1, 1]);
    let page = |before| {
        models.run(|conn| ChatSession::page_for_user(conn, ann, false, before, PageSize::of(1)))
    };
    let first = page(None);
    assert_eq!(first.rows[0].id, ids[2]);
    models.run(|conn| ChatSession::delete(conn, ids[2]));
    assert_eq!(page(first.next).rows[0].id, ids[1]);
}

#[test]
fn retention_by_age_deletes_the_oldest_in_batches() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    let ids = opened(&models, ann, false, &[20, 20, 20, 50, 51]);
    let archived = opened(&models, ann, true, &[10])[0];
    let of_bob = opened(&models, bob, false, &[49])[0];
    let exists = |id| models.run(|conn| ChatSession::find(conn, id)).is_some();
    let delete = |before, batch| {
        let batch = PageSize::of(batch);
        models.run(|conn| ChatSession::delete_older_than(conn, before, batch))
    };
    assert_eq!(delete(time(10), 500), 0);
    assert_eq!(delete(time(50), 2), 2);
    // The archived one is the oldest; of those that are equally old, the first goes first.
    assert_eq!([archived, ids[0], ids[1]].map(exists), [false, false, true]);
    assert_eq!(delete(time(50), 2), 2);
    assert_eq!([ids[1], ids[2], of_bob].map(exists), [false, false, true]);
    assert_eq!(delete(time(50), 2), 1);
    assert_eq!(delete(time(50), 2), 0);
    assert_eq!([of_bob, ids[3], ids[4]].map(exists), [false, true, true]);
}

#[test]
fn retention_by_age_takes_the_messages_along() {
    let models = Models::new();
    let session = open(&models, models.ann());
    let message = say(&models, &session, "hello").id;
    let delete = |before| {
        models.run(|conn| ChatSession::delete_older_than(conn, before, PageSize::default()))
    };
    assert_eq!(delete(session.created_at), 0);
    assert_eq!(delete(UtcTime::MAX), 1);
    assert_eq!(models.run(|conn| ChatMessage::find(conn, message)), None);
}

#[test]
fn retention_by_number_keeps_the_most_recent() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    let ids = opened(&models, ann, false, &[7, 5, 9, 5, 5]);
    let archived = opened(&models, ann, true, &[1, 2]);
    let of_bob = opened(&models, bob, false, &[0]);
    let delete = |user, archived, keep, batch| {
        let batch = PageSize::of(batch);
        models.run(|conn| ChatSession::delete_beyond_newest(conn, user, archived, keep, batch))
    };
    assert_eq!(delete(ann, false, 5, 500), 0);
    assert_eq!(delete(ann, false, u32::MAX, 500), 0);
    // Beyond the newest three are two of those with equal times: of them, the older ones.
    assert_eq!(delete(ann, false, 3, 1), 1);
    assert_eq!(delete(ann, false, 3, 500), 1);
    assert_eq!(delete(ann, false, 3, 500), 0);
    assert_eq!(listed(&models, ann, false, 10), [ids[2], ids[0], ids[4]]);
    assert_eq!(listed(&models, ann, true, 10), [archived[1], archived[0]]);
    assert_eq!(delete(ann, true, 1, 500), 1);
    assert_eq!(listed(&models, ann, true, 10), [archived[1]]);
    assert_eq!(delete(ann, false, 0, 500), 3);
    assert_eq!(listed(&models, ann, false, 10), []);
    assert_eq!(delete(UserId(4711), false, 0, 500), 0);
    assert_eq!(listed(&models, bob, false, 10), of_bob);
}

#[test]
fn a_session_that_is_opened_after_another_was_changed_is_the_more_recent() {
    let models = Models::new();
    let ann = models.ann();
    // In one transaction, so that little time passes between the two.
    models.run(|conn| {
        let new = || NewChatSession::builder().user_id(ann).build();
        for _ in 0..100 {
            let first = new().insert(conn)?;
            let changed = ChatSessionChanges::default().update(conn, first.id)?;
            let second = new().insert(conn)?;
            assert!(second.updated_at >= changed.updated_at, "{second:?} after {changed:?}");
        }
        Ok(())
    });
}
