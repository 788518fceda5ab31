//! A clock of a test is in force where it is entered, and nowhere else.
use zenith_db::prelude::*;
use zenith_db::testing::{Clock, a_conversation_of, a_user};
use zenith_db::types::UserSessionPublicId;

use super::database;

fn at(text: &str) -> UtcTime {
    text.parse().expect("a time")
}

#[test]
fn a_session_expires_when_the_clock_says_so() {
    let database = database();
    let clock = Clock::stopped();
    let _entered = clock.enter();
    let ann = database.write(|conn| a_user().insert(conn)).expect("a user");
    let (token, hours) = (SessionToken::generate(), 1);
    let end = UtcTime::now().plus_seconds(hours * 3_600);
    let session = NewUserSession::builder()
        .user_id(ann.id)
        .token(&token)
        .idle_expires_at(end)
        .expires_at(end)
        .build();
    database.write(|conn| session.insert(conn)).expect("a session");
    let is_signed_in = || {
        let now = UtcTime::now();
        let found = database.read(|conn| UserSession::authenticate(conn, &token, now));
        found.expect("a look-up").is_some()
    };
    assert!(is_signed_in());
    clock.advance(hours * 3_600);
    assert!(!is_signed_in());
}

#[test]
fn times_and_ids_that_calls_write_are_the_clocks() {
    let database = database();
    let clock = Clock::at(at("2031-05-06 07:08:09.000000"));
    let _entered = clock.enter();
    let ann = database.write(|conn| a_user().insert(conn)).expect("a user");
    let talk = database.write(|conn| a_conversation_of(&ann).with_messages(1).insert(conn));
    let talk = talk.expect("a conversation");
    // 01c2b7b9c7a8 is the clock's time in milliseconds, and the rest counts.
    assert_eq!(ann.uuid.to_string(), "01c2b7b9-c7a8-7000-8000-000000000001");
    assert_eq!(talk.session_id.to_string(), "01c2b7b9-c7a8-7000-8000-000000000002");
    let last = talk.last_message_at.expect("a message").to_string();
    assert!(last.starts_with("2031-05-06 07:08:09.0000"), "{last}");
}

#[test]
fn a_clock_is_of_its_thread_and_ends_with_its_guard() {
    let year = |time: UtcTime| time.to_string()[..4].to_owned();
    let outer = Clock::at(at("1999-01-01 00:00:00.000000"));
    let entered = outer.enter();
    {
        let inner = Clock::at(at("2001-01-01 00:00:00.000000"));
        let _entered = inner.enter();
        assert_eq!(year(UtcTime::now()), "2001");
    }
    assert_eq!(year(UtcTime::now()), "1999");
    let elsewhere = std::thread::spawn(|| UtcTime::now().to_string()).join().expect("a time");
    assert!(elsewhere.as_str() > "2026", "{elsewhere}");
    let clone = outer.clone();
    let entering = std::thread::spawn(move || {
        let _entered = clone.enter();
        UtcTime::now().to_string()
    });
    assert_eq!(entering.join().expect("a time")[..4], *"1999");
    drop(entered);
    assert!(UtcTime::now().to_string().as_str() > "2026");
}

#[test]
fn times_and_ids_of_a_clock_differ_and_ascend() {
    let clock = Clock::at(UtcTime::MIN);
    let _entered = clock.enter();
    let (first, second) = (UtcTime::now(), UtcTime::now());
    assert!(first < second && first == UtcTime::MIN);
    let ids: Vec<DocumentPublicId> = (0..300).map(|_| DocumentPublicId::new()).collect();
    assert!(ids.is_sorted_by(|one, other| one < other));
    assert_ne!(UserSessionPublicId::new(), UserSessionPublicId::new());
    // Where the last storable time is reached, the clock stands.
    clock.set(UtcTime::MAX);
    clock.advance(1);
    assert_eq!((UtcTime::now(), UtcTime::now()), (UtcTime::MAX, UtcTime::MAX));
}

/// The schema compares them, and the server has a clock of its own.
#[test]
fn a_machine_whose_clock_is_behind_signs_in_and_sets_times_of_expiry() {
    let database = database();
    let real = UtcTime::now();
    let ann = database.write(|conn| a_user().insert(conn)).expect("a user");
    let clock = Clock::at(real.minus_seconds(1_200));
    let _entered = clock.enter();
    let soon = UtcTime::now().plus_seconds(600);
    let token = SessionToken::generate();
    let session = NewUserSession::builder()
        .user_id(ann.id)
        .token(&token)
        .idle_expires_at(soon)
        .expires_at(soon.plus_seconds(3_600))
        .build();
    let key = NewApiKey::builder()
        .user_id(ann.id)
        .name("a key")
        .key(&ApiKeySecret::generate())
        .key_prefix("zk")
        .expires_at(soon)
        .build();
    let news = NewNotification::builder()
        .title("News")
        .message("Here they are.")
        .type_(NotificationType::Info)
        .expires_at(soon)
        .build();
    database.write(|conn| session.insert(conn)).expect("a session");
    database.write(|conn| key.insert(conn)).expect("a key");
    database.write(|conn| news.send_to(conn, ann.id)).expect("a notification");
    database.write(|conn| news.send_to_all(conn)).expect("notifications");
}
