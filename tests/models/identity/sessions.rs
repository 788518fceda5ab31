//! Sessions: opened, used, ended and cleared away.

use diesel::prelude::*;
use serde_json::json;
use zenith_db::Error;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{user_sessions, users};

use crate::support::json_text;
use crate::support::models::Models;

const NOBODY: UserId = UserId(4711);

/// A session that may idle for an hour and lasts a day, for a test to open or to spoil.
fn valid<'a>(user_id: UserId, token: &str) -> NewUserSession<'a> {
    let now = UtcTime::now();
    NewUserSession::builder()
        .user_id(user_id)
        .token(&token.into())
        .idle_expires_at(now.plus_seconds(3600))
        .expires_at(now.plus_seconds(86_400))
        .build()
}

fn open(models: &Models, user: UserId, token: &str) -> UserSession {
    models.run(|conn| valid(user, token).insert(conn))
}

fn live(models: &Models, token: &str, now: UtcTime) -> Option<UserSession> {
    models.run(|conn| UserSession::find_live(conn, &token.into(), now))
}

fn sessions(models: &Models, user: UserId) -> Vec<UserSession> {
    models.run(|conn| UserSession::page_for_user(conn, user, None, PageSize::default())).rows
}

/// A microsecond, the least step of time.
fn just_before(time: UtcTime) -> UtcTime {
    (time.as_datetime() - std::time::Duration::from_micros(1)).into()
}

#[test]
fn a_session_has_what_was_given_and_begins_now() {
    let models = Models::new();
    let ann = models.ann();
    let new = NewUserSession {
        ip_address: Some("2001:db8::1"),
        user_agent: Some("Brünhilde/1.0 🦀"),
        device_fingerprint: Some("device"),
        location_info: Some(json_text(json!({"city": "Köln"}))),
        ..valid(ann, "t")
    };
    let session = models.run(|conn| new.insert(conn));
    assert_eq!((&session.session_id, session.user_id), (&new.session_id, ann));
    assert_eq!(session.ip_address.as_deref(), new.ip_address);
    assert_eq!(session.user_agent.as_deref(), new.user_agent);
    assert_eq!(session.device_fingerprint.as_deref(), new.device_fingerprint);
    assert_eq!(session.location_info, new.location_info);
    assert_eq!(
        (session.idle_expires_at, session.expires_at),
        (new.idle_expires_at, new.expires_at)
    );
    assert_eq!(session.last_activity, session.created_at);
    assert_eq!((session.is_active, session.revoked_at), (true, None));
    assert_eq!(live(&models, "t", session.created_at), Some(session));
    let bare = open(&models, ann, "u");
    assert_eq!((bare.ip_address, bare.user_agent, bare.location_info), (None, None, None));
}

#[test]
fn a_session_lives_until_the_moment_it_ends() {
    let models = Models::new();
    let ann = models.ann();
    let idle = open(&models, ann, "idle");
    let both = NewUserSession { idle_expires_at: idle.expires_at, ..valid(ann, "whole") };
    let both = NewUserSession { expires_at: idle.expires_at, ..both };
    let whole = models.run(|conn| both.insert(conn));
    assert_eq!(whole.idle_expires_at, whole.expires_at);
    for (token, end) in [("idle", idle.idle_expires_at), ("whole", whole.expires_at)] {
        assert!(live(&models, token, just_before(end)).is_some(), "{token}");
        assert_eq!(live(&models, token, end), None, "{token}");
        assert_eq!(live(&models, token, UtcTime::MAX), None, "{token}");
    }
}

#[test]
fn only_the_exact_token_finds_a_session() {
    let models = Models::new();
    let session = open(&models, models.ann(), "token");
    let now = session.created_at;
    for token in ["", "Token", "token ", "toke"] {
        assert_eq!(live(&models, token, now), None, "{token:?}");
    }
    // Whoever has read the hash in the database cannot present it.
    assert_eq!(live(&models, &Sha256Hash::of("token").to_string(), now), None);
    assert_eq!(live(&models, "token", now), Some(session));
}

#[test]
fn a_session_is_refused_that_breaks_a_rule() {
    let models = Models::new();
    let ann = models.ann();
    let first = valid(ann, "t");
    models.run(|conn| first.insert(conn));
    let base = valid(ann, "u");
    let long = "x".repeat(256);
    let of = |length: usize| long.get(..length).expect("enough");
    let address = |ip_address| NewUserSession { ip_address: Some(ip_address), ..base.clone() };
    let device = |text| NewUserSession { device_fingerprint: Some(text), ..base.clone() };
    let agent = |text| NewUserSession { user_agent: Some(text), ..base.clone() };
    for text in ["", of(46), "::\0"] {
        models.violates(Rule::Length, user_sessions::ip_address, |conn| address(text).insert(conn));
    }
    for text in ["", of(256), "a\0"] {
        let column = user_sessions::device_fingerprint;
        models.violates(Rule::Length, column, |conn| device(text).insert(conn));
    }
    models.violates(Rule::Text, user_sessions::user_agent, |conn| agent("a\0b").insert(conn));
    let nobody = NewUserSession { user_id: NOBODY, ..base.clone() };
    let unknown = Rule::UnknownReference;
    models.violates(unknown, user_sessions::user_id, |conn| nobody.insert(conn));
    let same = NewUserSession { session_id: first.session_id, ..base.clone() };
    models.violates(Rule::Duplicate, user_sessions::session_id, |conn| same.insert(conn));
    let token = valid(ann, "t");
    models.violates(Rule::Duplicate, user_sessions::token_hash, |conn| token.insert(conn));

    let limits = NewUserSession {
        ip_address: Some(of(45)),
        device_fingerprint: Some(of(255)),
        user_agent: Some(""),
        ..base
    };
    assert_eq!(models.run(|conn| limits.insert(conn)).ip_address.as_deref(), Some(of(45)));
}

/// Sessions whose times are not in order.
fn out_of_order(user: UserId) -> [NewUserSession<'static>; 3] {
    let base = valid(user, "t");
    let past = UtcTime::now().minus_seconds(3600);
    [
        NewUserSession { idle_expires_at: past, ..base.clone() },
        NewUserSession { idle_expires_at: past, expires_at: past, ..base.clone() },
        NewUserSession { expires_at: just_before(base.idle_expires_at), ..base },
    ]
}

#[test]
fn the_times_of_a_session_are_in_order() {
    let models = Models::new();
    for new in out_of_order(models.ann()) {
        let error = models.fails(|conn| new.insert(conn));
        let violation = error.violation().expect("a violation");
        assert_eq!(violation.rule(), Rule::Order);
        assert_eq!(violation.constraint(), Some("user_sessions_expiry_order"));
    }
    assert_eq!(sessions(&models, models.ann()), []);
}

#[test]
fn times_out_of_order_say_which() {
    let models = Models::new();
    for new in out_of_order(models.ann()) {
        models.violates(Rule::Order, user_sessions::idle_expires_at, |conn| new.insert(conn));
        models.violates(Rule::Order, user_sessions::expires_at, |conn| new.insert(conn));
    }
}

#[test]
fn a_use_is_written_once_a_minute() {
    let models = Models::new();
    let session = open(&models, models.ann(), "t");
    let start = session.last_activity;
    let touch = |now: UtcTime| {
        let until = now.plus_seconds(1800);
        let is_due = sessions(&models, models.ann())[0].is_touch_due(now);
        let touched = models.run(|conn| UserSession::touch(conn, session.id, now, until));
        assert_eq!(is_due, touched, "told in advance");
        touched
    };
    assert!(!touch(start));
    assert!(!touch(start.plus_seconds(59)));
    assert!(!touch(just_before(start.plus_seconds(60))));
    assert_eq!(sessions(&models, models.ann()), std::slice::from_ref(&session));
    let minute = start.plus_seconds(60);
    assert!(touch(minute));
    let idle_expires_at = minute.plus_seconds(1800);
    let touched = UserSession { last_activity: minute, idle_expires_at, ..session.clone() };
    assert_eq!(sessions(&models, models.ann()), [touched]);
    assert!(!touch(minute.plus_seconds(59)));
    assert!(!touch(start), "time that goes back is no use");
    assert!(touch(minute.plus_seconds(60)));
}

#[test]
fn a_use_never_outlasts_the_session() {
    let models = Models::new();
    let session = open(&models, models.ann(), "t");
    let end = session.expires_at;
    let mut now = session.last_activity;
    for (until, expected) in [
        (just_before(end), just_before(end)),
        (end, end),
        (end.plus_seconds(1), end),
        (UtcTime::MAX, end),
    ] {
        now = now.plus_seconds(60);
        assert!(models.run(|conn| UserSession::touch(conn, session.id, now, until)));
        assert_eq!(sessions(&models, models.ann())[0].idle_expires_at, expected);
    }
}

#[test]
fn a_session_that_has_ended_is_not_used() {
    let models = Models::new();
    let session = open(&models, models.ann(), "t");
    let touch = |id, now| {
        let found = sessions(&models, models.ann()).into_iter().find(|session| session.id == id);
        let is_due = found.is_some_and(|session| session.is_touch_due(now));
        let touched = models.run(|conn| UserSession::touch(conn, id, now, UtcTime::MAX));
        assert_eq!(is_due, touched, "told in advance");
        touched
    };
    assert!(!touch(session.id, session.idle_expires_at));
    assert!(!touch(session.id, UtcTime::MAX));
    assert!(!touch(UserSessionId(4711), session.last_activity.plus_seconds(60)));
    models.run(|conn| UserSession::revoke(conn, session.id));
    assert!(!touch(session.id, session.last_activity.plus_seconds(60)));
    assert_eq!(sessions(&models, models.ann())[0].last_activity, session.last_activity);
    let late = open(&models, models.ann(), "late");
    assert!(touch(late.id, just_before(late.idle_expires_at)));
}

#[test]
fn a_use_cannot_end_a_session_before_it_began() {
    let models = Models::new();
    let session = open(&models, models.ann(), "t");
    let (now, past) = (session.created_at.plus_seconds(60), just_before(session.created_at));
    let error = models.fails(|conn| UserSession::touch(conn, session.id, now, past));
    assert_eq!(error.violation().map(Violation::rule), Some(Rule::Order));
    assert_eq!(sessions(&models, models.ann()), [session]);
}

#[test]
fn a_session_is_ended_once() {
    let models = Models::new();
    let session = open(&models, models.ann(), "t");
    let other = open(&models, models.ann(), "u");
    let before = UtcTime::now();
    models.run(|conn| UserSession::revoke(conn, session.id));
    assert_eq!(live(&models, "t", session.created_at), None);
    assert_eq!(live(&models, "u", session.created_at), Some(other.clone()));
    let ended = sessions(&models, models.ann());
    assert!(!ended[1].is_active && ended[1].revoked_at >= Some(before));
    models.run(|conn| UserSession::revoke(conn, session.id));
    assert_eq!(sessions(&models, models.ann()), ended);
    assert_eq!(ended[0], other);
    let missing = models.fails(|conn| UserSession::revoke(conn, UserSessionId(4711)));
    assert!(matches!(missing, Error::NotFound { table: "user_sessions", key } if key == "id 4711"));
}

#[test]
fn all_sessions_of_a_user_are_ended_but_the_one_that_asks() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let [a, b, c] = ["a", "b", "c"].map(|token| open(&models, ann, token).id);
    let others = open(&models, admin, "d");
    let all = |user, but| models.run(|conn| UserSession::revoke_all(conn, user, but));
    models.run(|conn| UserSession::revoke(conn, a));
    let first = sessions(&models, ann).pop();
    assert_eq!(all(NOBODY, None), 0);
    assert_eq!(all(ann, Some(c)), 1);
    assert_eq!(all(ann, Some(c)), 0);
    let active = || sessions(&models, ann).iter().map(|s| (s.id, s.is_active)).collect::<Vec<_>>();
    assert_eq!(active(), [(c, true), (b, false), (a, false)]);
    assert_eq!(sessions(&models, ann).pop(), first, "what had ended stays as it is");
    // The session of another saves none.
    assert_eq!(all(ann, Some(others.id)), 1);
    assert_eq!(sessions(&models, admin), [others]);
}

#[test]
fn sessions_come_page_by_page_the_last_used_first() {
    let models = Models::new();
    let ann = models.ann();
    let opened = ["a", "b", "c", "d", "e"].map(|token| open(&models, ann, token));
    let ids = opened.map(|session| session.id);
    open(&models, models.user("admin"), "other");
    let now = UtcTime::now().plus_seconds(120);
    // The second and the fourth at the same moment, so that the id decides; the first after all.
    for (id, now) in [(ids[1], now), (ids[3], now), (ids[0], now.plus_seconds(1))] {
        assert!(models.run(|conn| UserSession::touch(conn, id, now, now.plus_seconds(60))));
    }
    models.run(|conn| UserSession::revoke(conn, ids[3]));
    for size in [1, 2, 3, 5] {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let size = PageSize::of(size);
            let page = models.run(|conn| UserSession::page_for_user(conn, ann, before, size));
            found.extend(page.rows.iter().map(|session| session.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, [0, 3, 1, 4, 2].map(|at: usize| ids[at]), "{size} a page");
    }
    assert_eq!(sessions(&models, NOBODY), []);
}

#[test]
fn only_sessions_whose_time_is_over_are_cleared_away() {
    let models = Models::new();
    let ann = models.ann();
    let (kept, gone) = (open(&models, ann, "a"), open(&models, ann, "b"));
    models.run(|conn| UserSession::revoke(conn, gone.id));
    let purge =
        |before| models.run(|conn| UserSession::purge_expired(conn, before, PageSize::default()));
    assert_eq!(purge(UtcTime::now()), 0, "a revoked one stays until its time comes");
    assert_eq!(purge(kept.expires_at.min(gone.expires_at)), 0);
    let longer = NewUserSession { expires_at: UtcTime::MAX, ..valid(ann, "c") };
    let longer = models.run(|conn| longer.insert(conn));
    assert_eq!(purge(UtcTime::MAX), 2);
    assert_eq!(sessions(&models, ann), [longer]);
    assert_eq!(purge(UtcTime::MAX), 0);
}

#[test]
fn sessions_go_with_their_user() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    open(&models, ann, "t");
    let kept = open(&models, admin, "u");
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::delete(users::table.find(ann)).execute(conn))?;
        Ok(())
    });
    assert_eq!((sessions(&models, ann), sessions(&models, admin)), (vec![], vec![kept]));
}

#[test]
fn neither_a_session_nor_what_opens_it_shows_the_token() {
    let models = Models::new();
    let new = valid(models.ann(), "very-secret-token");
    let session = models.run(|conn| new.insert(conn));
    let again = models.fails(|conn| valid(session.user_id, "very-secret-token").insert(conn));
    let shown = [
        format!("{new:?}"),
        format!("{session:?}"),
        format!("{again} {again:?}"),
        serde_json::to_string(&session).expect("JSON"),
    ];
    let hash = Sha256Hash::of("very-secret-token").to_string();
    for text in shown {
        assert!(!text.contains("very-secret-token") && !text.contains(&hash), "{text}");
    }
    let fields = serde_json::to_value(&session).expect("JSON");
    assert!(fields.get("token_hash").is_none());
    assert_eq!(fields["session_id"], session.session_id.as_str());
}
