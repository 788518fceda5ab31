//! Messages to users: to one, to a role, to all; unread, read, expired and purged.

use diesel::prelude::*;
use serde_json::json;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::notifications;

use crate::support::json_text;
use crate::support::models::Models;

fn message(title: &str) -> NewNotification<'_> {
    let new = NewNotification::builder().title(title).message("text");
    new.type_(NotificationType::Info).build()
}

fn send(models: &Models, user: UserId, new: &NewNotification<'_>) -> Notification {
    models.run(|conn| new.send_to(conn, user))
}

/// A time that messages which are sent now can expire at.
fn future(time: &str) -> UtcTime {
    format!("2999-01-01 {time}").parse().expect("a time")
}

/// The user's messages, the newest first, read by pages of three.
fn page(models: &Models, user: UserId, unread_only: bool, now: UtcTime) -> Vec<Notification> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let size = PageSize::of(3);
        let page = models
            .run(|conn| Notification::page_for_user(conn, user, unread_only, now, before, size));
        found.extend(page.rows);
        before = page.next;
        if before.is_none() {
            return found;
        }
    }
}

fn titles(models: &Models, user: UserId, unread_only: bool, now: UtcTime) -> Vec<String> {
    page(models, user, unread_only, now).into_iter().map(|message| message.title).collect()
}

fn unread(models: &Models, user: UserId, now: UtcTime) -> i64 {
    models.run(|conn| Notification::count_unread(conn, user, now))
}

fn now() -> UtcTime {
    UtcTime::now()
}

#[test]
fn a_message_to_one_user_has_every_field() {
    let models = Models::new();
    let ann = models.ann();
    let new = NewNotification {
        title: "title",
        message: "",
        type_: NotificationType::Warning,
        category: "billing",
        priority: 10,
        action_url: Some("/invoices/1"),
        action_label: Some("look"),
        expires_at: Some(future("00:00:00.000001")),
        metadata: json_text(json!({"invoice": 1})),
    };
    let made = send(&models, ann, &new);
    let expected = Notification {
        id: made.id,
        notification_id: made.notification_id,
        user_id: ann,
        title: "title".into(),
        message: String::new(),
        type_: NotificationType::Warning,
        category: "billing".into(),
        priority: 10,
        is_read: false,
        read_at: None,
        action_url: Some("/invoices/1".into()),
        action_label: Some("look".into()),
        expires_at: new.expires_at,
        created_at: made.created_at,
        updated_at: made.updated_at,
        metadata: json_text(json!({"invoice": 1})),
    };
    assert_eq!(made, expected);
    assert_eq!(page(&models, ann, false, now()), [made]);
    assert_eq!(page(&models, models.user("admin"), false, now()), []);

    let least = send(&models, ann, &message("least"));
    assert_eq!((least.category.as_str(), least.priority), ("general", 1));
    assert_eq!((least.action_url, least.action_label, least.expires_at), (None, None, None));
}

#[test]
fn what_breaks_a_rule_is_not_sent() {
    let models = Models::new();
    let ann = models.ann();
    let send = |new: NewNotification<'static>| {
        move |conn: &mut Writer<'_>| new.send_to(conn, ann).map(drop)
    };
    let unknown = Rule::UnknownReference;
    models
        .violates(unknown, notifications::user_id, |conn| message("x").send_to(conn, UserId(4711)));
    models.violates(Rule::Length, notifications::title, send(message("")));
    models.violates(Rule::Length, notifications::title, send(message("x".repeat(201).leak())));
    models.violates(Rule::Length, notifications::title, send(message("\0")));
    let text = NewNotification { message: "a\0", ..message("x") };
    models.violates(Rule::Text, notifications::message, send(text));
    let nowhere = NewNotification { action_url: Some(""), ..message("x") };
    models.violates(Rule::Length, notifications::action_url, send(nowhere));
    let category = NewNotification { category: "", ..message("x") };
    models.violates(Rule::Length, notifications::category, send(category));
    for priority in [-1, 11] {
        let urgent = NewNotification { priority, ..message("x") };
        models.violates(Rule::Range, notifications::priority, send(urgent));
    }
    let gone = NewNotification { expires_at: Some(UtcTime::MIN), ..message("x") };
    let error = models.fails(send(gone));
    let violation = error.violation().expect("a violation");
    assert_eq!(violation.rule(), Rule::Order);
    assert_eq!(violation.constraint(), Some("notifications_expiry_order"));
    assert_eq!(page(&models, ann, false, now()), []);
}

#[test]
fn a_message_to_a_role_reaches_its_active_users_only() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let (bob, cem) = (models.add_user("bob"), models.add_user("cem"));
    models.run(|conn| User::set_active(conn, cem, false, None));
    let role = models.role("user");
    assert_eq!(models.run(|conn| message("m").send_to_role(conn, role)), 2);
    for (user, expected) in [(ann, 1), (bob, 1), (cem, 0), (admin, 0)] {
        assert_eq!(page(&models, user, false, now()).len(), expected, "{user}");
    }
    let sent = [ann, bob].map(|user| page(&models, user, false, now()).remove(0).notification_id);
    assert_ne!(sent[0], sent[1]);
}

#[test]
fn a_message_to_a_role_that_nobody_has_reaches_nobody() {
    let models = Models::new();
    for role in [models.role("read_only"), RoleId(4711)] {
        assert_eq!(models.run(|conn| message("m").send_to_role(conn, role)), 0);
    }
    let ann = models.ann();
    models.run(|conn| User::set_active(conn, ann, false, None));
    let role = models.role("user");
    assert_eq!(models.run(|conn| message("m").send_to_role(conn, role)), 0);
    assert_eq!(page(&models, ann, false, now()), []);
}

#[test]
fn a_message_to_all_reaches_every_active_user_once() {
    let models = Models::new();
    let mut users = vec![models.user("admin"), models.ann()];
    users.extend((0..128).map(|number| models.add_user(&format!("user{number}"))));
    let inactive = models.add_user("inactive");
    models.run(|conn| User::set_active(conn, inactive, false, None));
    assert_eq!(models.run(|conn| message("m").send_to_all(conn)), 130);
    for user in users {
        assert_eq!(titles(&models, user, true, now()), ["m"], "{user}");
    }
    assert_eq!(page(&models, inactive, false, now()), []);
}

#[test]
fn a_message_to_all_reaches_nobody_if_a_value_is_bad() {
    let models = Models::new();
    let mut users = vec![models.user("admin"), models.ann()];
    users.extend((0..64).map(|number| models.add_user(&format!("user{number}"))));
    let bad = NewNotification { priority: 11, ..message("m") };
    // The failure is the message's alone: what else the transaction does is kept.
    models.run(|conn| {
        message("kept").send_to(conn, users[0])?;
        assert!(bad.send_to_all(conn).is_err());
        Ok(())
    });
    models.violates(Rule::Range, notifications::priority, |conn| bad.send_to_all(conn));
    let role = models.role("user");
    models.violates(Rule::Range, notifications::priority, |conn| bad.send_to_role(conn, role));
    assert_eq!(titles(&models, users[0], false, now()), ["kept"]);
    for user in &users[1..] {
        assert_eq!(page(&models, *user, false, now()), [], "{user}");
    }
}

#[test]
fn a_message_is_there_until_it_expires() {
    let models = Models::new();
    let ann = models.ann();
    let expires_at = Some(future("12:00:00.000000"));
    send(&models, ann, &NewNotification { expires_at, ..message("short") });
    send(&models, ann, &message("for ever"));
    for (time, expected) in [
        ("11:59:59.999999", &["for ever", "short"][..]),
        ("12:00:00.000000", &["for ever"]),
        ("12:00:00.000001", &["for ever"]),
    ] {
        for unread_only in [true, false] {
            assert_eq!(titles(&models, ann, unread_only, future(time)), expected, "{time}");
        }
        let count = unread(&models, ann, future(time));
        assert_eq!(usize::try_from(count).expect("a count"), expected.len(), "{time}");
    }
    assert_eq!(titles(&models, ann, true, UtcTime::MAX), ["for ever"]);
}

#[test]
fn the_messages_come_page_by_page_the_newest_first_and_only_the_unread_if_asked() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let names: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    let sent: Vec<_> = names.iter().map(|name| send(&models, ann, &message(name))).collect();
    send(&models, admin, &message("of admin"));
    for message in sent.iter().step_by(2) {
        assert!(models.run(|conn| Notification::mark_read(conn, ann, message.id)));
    }
    let all = ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"];
    assert_eq!(titles(&models, ann, false, now()), all);
    assert_eq!(titles(&models, ann, true, now()), ["9", "7", "5", "3", "1"]);
    assert_eq!((unread(&models, ann, now()), unread(&models, admin, now())), (5, 1));
    assert_eq!(unread(&models, UserId(4711), now()), 0);
}

#[test]
fn a_message_is_read_once_and_by_its_receiver() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let (first, second) = (send(&models, ann, &message("1")), send(&models, ann, &message("2")));
    let mark = |user, id| models.run(|conn| Notification::mark_read(conn, user, id));
    assert!(!mark(admin, first.id));
    assert!(!mark(ann, NotificationId(4711)));
    assert_eq!(page(&models, ann, false, now()), [second.clone(), first.clone()]);

    assert!(mark(ann, first.id));
    let read = page(&models, ann, false, now()).remove(1);
    let time = read.read_at.expect("a time");
    assert!(first.created_at <= time && time <= now());
    let expected = Notification {
        is_read: true,
        read_at: Some(time),
        updated_at: read.updated_at,
        ..first.clone()
    };
    assert_eq!(read, expected);
    assert!(!mark(ann, first.id));
    assert_eq!(page(&models, ann, false, now()), [second, read]);
}

#[test]
fn every_message_is_read_at_once_and_those_of_others_are_not() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let read = send(&models, ann, &message("read")).id;
    models.run(|conn| Notification::mark_read(conn, ann, read));
    let first_read = page(&models, ann, false, now()).remove(0);
    for title in ["a", "b", "c"] {
        send(&models, ann, &message(title));
    }
    send(&models, admin, &message("of admin"));
    assert_eq!(models.run(|conn| Notification::mark_all_read(conn, ann)), 3);
    assert_eq!(models.run(|conn| Notification::mark_all_read(conn, ann)), 0);
    assert_eq!((unread(&models, ann, now()), unread(&models, admin, now())), (0, 1));
    let messages = page(&models, ann, false, now());
    assert!(messages.iter().all(|message| message.is_read && message.read_at.is_some()));
    assert_eq!(messages[3], first_read, "what was read before is not read again");
}

/// The machine that sent it had its clock ahead of the one where it is read.
#[test]
fn a_message_from_the_future_is_read_when_it_was_sent() {
    let models = Models::new();
    let ann = models.ann();
    let sent = future("00:00:00.000000");
    let from_future = |title| {
        let id = send(&models, ann, &message(title)).id;
        // No model sets the time of sending: the database does.
        let delay = diesel::update(notifications::table.find(id));
        let delay = delay.set(notifications::created_at.eq(sent));
        models.run(|conn| Ok(dispatch!(conn, |conn| delay.execute(conn))?));
        id
    };
    let first = from_future("first");
    assert!(models.run(|conn| Notification::mark_read(conn, ann, first)));
    from_future("second");
    send(&models, ann, &message("of now"));
    assert_eq!(models.run(|conn| Notification::mark_all_read(conn, ann)), 2);
    let times: Vec<_> =
        page(&models, ann, false, now()).into_iter().map(|message| message.read_at).collect();
    assert_eq!(times[1..], [Some(sent), Some(sent)]);
    assert!(times[0].is_some_and(|time| time <= now()));
}

#[test]
fn what_expired_before_a_time_is_purged() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    for (user, expires_at) in [
        (ann, Some(future("11:59:59.999999"))),
        (admin, Some(future("11:00:00.000000"))),
        (ann, Some(future("12:00:00.000000"))),
        (ann, None),
    ] {
        let title = expires_at.map_or("never".to_owned(), |time| time.to_string());
        send(&models, user, &NewNotification { expires_at, ..message(&title) });
    }
    let size = PageSize::default();
    let purge = |time| models.run(|conn| Notification::purge_expired(conn, future(time), size));
    assert_eq!(purge("11:00:00.000000"), 0);
    assert_eq!(purge("12:00:00.000000"), 2);
    assert_eq!(purge("12:00:00.000000"), 0);
    assert_eq!(titles(&models, ann, false, now()), ["never", "2999-01-01 12:00:00.000000"]);
    assert_eq!(page(&models, admin, false, now()), []);
    assert_eq!(models.run(|conn| Notification::purge_expired(conn, UtcTime::MAX, size)), 1);
}
