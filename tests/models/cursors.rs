//! Cursors: their text, and what is no cursor.

use serde_json::{Value, json};
use zenith_db::models::NotCursor;
use zenith_db::prelude::*;

use crate::support::models::Models;

fn refused<T: Paged>(text: &str, table: &'static str) {
    assert_eq!(text.parse::<Cursor<T>>().err(), Some(NotCursor { table }), "{text:?}");
    assert!(serde_json::from_value::<Cursor<T>>(json!(text)).is_err(), "{text:?}");
}

#[test]
fn a_cursor_is_read_from_its_text_and_continues_the_list() {
    let models = Models::new();
    let ann = models.ann();
    let open = |conn: &mut Writer<'_>| NewChatSession::builder().user_id(ann).build().insert(conn);
    let mut ids: Vec<_> = (0..5).map(|_| models.run(open).id).collect();
    ids.reverse();
    let mut found = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let before = next.map(|text| text.parse().expect("a cursor"));
        let size = PageSize::of(2);
        let page = models.run(|conn| ChatSession::page_for_user(conn, ann, false, before, size));
        found.extend(page.rows.iter().map(|session| session.id));
        // As it goes to a client and comes back.
        let sent = serde_json::to_value(&page).expect("JSON");
        let received: Page<ChatSession> = serde_json::from_value(sent).expect("a page");
        assert_eq!(received, page);
        let Some(cursor) = received.next else { break };
        assert_eq!(Some(cursor), page.rows.last().map(Cursor::after));
        next = Some(cursor.to_string());
    }
    assert_eq!(found, ids);
}

#[test]
fn a_page_of_something_else_continues_the_same_list() {
    let models = Models::new();
    models.add_user("bob");
    let first = models.run(|conn| User::page(conn, UserFilter::default(), None, PageSize::of(1)));
    let names = first.clone().map(|user| user.username);
    let sent = serde_json::to_value(&names).expect("JSON");
    assert_eq!(sent, json!({"rows": ["admin"], "next": format!("users.{}", first.rows[0].id)}));
    let received: Page<String, User> = serde_json::from_value(sent).expect("a page");
    let size = PageSize::of(9);
    let rest = models.run(|conn| User::page(conn, UserFilter::default(), received.next, size));
    assert_eq!(rest.map(|user| user.username).rows, ["ann", "bob"]);
    let last: Page<Value, User> =
        serde_json::from_value(json!({"rows": [], "next": null})).expect("one");
    assert_eq!(last.next, None);
}

#[test]
fn what_is_no_cursor_of_the_list_is_refused() {
    for text in [
        "",
        "42",
        "users",
        "users.",
        "users.x",
        "users.+1",
        "users.01",
        "users.1.2",
        "documents.1",
        "users.9223372036854775808",
        " users.1",
        "users.1 ",
    ] {
        refused::<User>(text, "users");
    }
    for text in [
        "chat_sessions.1",
        "chat_sessions.1.",
        "chat_sessions..1",
        "chat_sessions.1.2.3",
        // Beyond the times that can be stored.
        "chat_sessions.253402300800000000.1",
        "chat_sessions.9223372036854775807.1",
    ] {
        refused::<ChatSession>(text, "chat_sessions");
    }
    let error = "users.1".parse::<Cursor<Document>>().expect_err("another list").to_string();
    assert_eq!(
        error,
        "the text is not a cursor of documents: take one from a page, or begin without one"
    );
    for text in ["users.0", "users.-1", "users.9223372036854775807"] {
        assert_eq!(text.parse::<Cursor<User>>().expect("a cursor").to_string(), text);
    }
    let last = "chat_sessions.253402300799999999.9223372036854775807";
    assert_eq!(last.parse::<Cursor<ChatSession>>().expect("the last").to_string(), last);
}

pub(super) fn read_back<T>(row: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let sent = serde_json::to_string(row).expect("JSON");
    assert_eq!(&serde_json::from_str::<T>(&sent).expect("a row"), row);
}

#[test]
fn rows_are_read_back_from_their_json_but_for_secrets() {
    let models = Models::new();
    let (ann, later) = (models.ann(), UtcTime::now().plus_seconds(60));
    models.run(|conn| {
        let token = SessionToken::generate();
        let new = NewUserSession::builder().user_id(ann).token(&token);
        read_back(&new.idle_expires_at(later).expires_at(later).build().insert(conn)?);
        read_back(&User::find(conn, ann)?.expect("ann"));
        read_back(&UserPreference::set_undeclared::<bool>(conn, ann, "k", true)?);
        read_back(&SchemaVersion::list(conn)?);
        read_back(&SystemSetting::find_by_key(conn, "SESSION_TIMEOUT")?.expect("a setting"));
        let cipher = "enc:v1:x".parse().expect("a ciphertext");
        let secret = SystemSetting::set_secret(conn, SecretSetting::new("S"), Some(&cipher), None)?;
        let sent = serde_json::to_string(&secret).expect("JSON");
        assert!(!sent.contains("enc:v1"), "{sent}");
        let read: SystemSetting = serde_json::from_str(&sent).expect("a row");
        assert_eq!(read, SystemSetting { value: None, ..secret });
        Ok(())
    });
}
