//! Signing up and signing in.

use std::sync::mpsc::channel;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use zenith_db::models::{Setting, SystemSetting, User};
use zenith_db::testing::{Clock, PASSWORD};
use zenith_db::types::UtcTime;
use zenith_db::{Database, Writer};

use super::service::Service;

fn form(username: &str, password: &str) -> Value {
    json!({ "username": username, "email": "ann@example.org", "password": password })
}

#[tokio::test]
async fn a_user_signs_up_and_in() {
    let service = Service::start();
    let account = service.post("/sign-up", "", &form(" Ann", PASSWORD)).await;
    assert_eq!((account.status, &account.body["username"]), (StatusCode::CREATED, &json!("ann")));
    let token = service.sign_in("ANN", PASSWORD).await.expect("a token");
    assert_eq!(service.get("/documents", &token).await.status, StatusCode::OK);
    assert_eq!(service.get("/documents", "made up").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_with_a_fault_is_refused_with_the_reason() {
    let service = Service::start();
    assert_eq!(
        service.post("/sign-up", "", &form("ann", PASSWORD)).await.status,
        StatusCode::CREATED
    );
    for (form, status, reason) in [
        (form("ann", PASSWORD), StatusCode::CONFLICT, "is already taken"),
        (form("", PASSWORD), StatusCode::UNPROCESSABLE_ENTITY, "a username has 1 to 50 characters"),
        (
            form("bob", "short"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "it must have at least 12 characters",
        ),
    ] {
        let refused = service.post("/sign-up", "", &form).await;
        assert_eq!(refused.status, status);
        let shown = refused.body["error"].as_str().expect("a reason");
        assert!(shown.contains(reason), "{shown}");
    }
}

/// Waits until so many failures are counted, which the answer does not wait for.
async fn counted(service: &Service, user: &User, failures: i32) {
    let count = async {
        loop {
            let id = user.id;
            let found = service.app.database.read(move |conn| User::find(conn, id)).await;
            if found.expect("a read").expect("a user").failed_login_attempts == failures {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), count).await.expect("the count");
}

#[tokio::test]
async fn a_wrong_password_is_answered_before_it_is_counted() {
    let service = Service::start();
    let (ann, _) = service.user().await;
    let (go, may_go) = channel();
    let (began, has_begun) = channel();
    let database = Database::clone(service.database());
    // An SQLite database is busy meanwhile.
    let writing = std::thread::spawn(move || {
        database.write_alone(|_| {
            began.send(()).expect("it waits");
            may_go.recv().expect("the signal");
            Ok(())
        })
    });
    has_begun.recv().expect("it has begun");
    for name in [ann.username.as_str(), "nobody"] {
        let refused = service.sign_in(name, "a wrong password").await;
        assert_eq!(refused, Err(StatusCode::UNAUTHORIZED), "{name}");
    }
    go.send(()).expect("it waits");
    writing.join().expect("no panic").expect("a write");
    counted(&service, &ann, 1).await;
}

#[tokio::test]
async fn too_many_who_wait_for_their_password_to_be_hashed_are_refused_with_503() {
    let service = Service::start();
    let calls = (0..10_000).map(|_| {
        // It ends when the other end is dropped.
        let (go, may_go) = channel::<()>();
        let app = service.app.clone();
        (go, tokio::spawn(async move { app.hash(move || may_go.recv()).await }))
    });
    let calls: Vec<_> = calls.collect();
    for _ in 0..100_000 {
        if calls.last().is_some_and(|(_, call)| call.is_finished()) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let refused = calls.iter().filter(|(_, call)| call.is_finished()).count();
    assert!((1..calls.len()).contains(&refused), "{refused}");
    let refused = service.post("/sign-in", "", &form("nobody", PASSWORD)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key(RETRY_AFTER));
    drop(calls);
}

#[tokio::test]
async fn wrong_passwords_lock_the_account_for_a_while() {
    let clock = Clock::stopped();
    let _entered = clock.enter();
    let service = Service::start();
    let (ann, _) = service.user().await;
    service
        .database()
        .write(|conn| SystemSetting::set(conn, Setting::MAX_LOGIN_ATTEMPTS, 2, None))
        .expect("the setting");
    let wrong = Err(StatusCode::UNAUTHORIZED);
    assert_eq!(service.sign_in("nobody", PASSWORD).await, wrong);

    // A successful sign-in between two failed ones forgets the first.
    for _ in 0..2 {
        assert_eq!(service.sign_in(&ann.username, "a wrong password").await, wrong);
        counted(&service, &ann, 1).await;
        service.sign_in(&ann.username, PASSWORD).await.expect("a token");
    }

    // The second one locks, and the count begins anew.
    for failures in [1, 0] {
        assert_eq!(service.sign_in(&ann.username, "a wrong password").await, wrong);
        counted(&service, &ann, failures).await;
    }
    assert_eq!(service.sign_in(&ann.username, PASSWORD).await, wrong);
    let found = service.database().read(|conn| User::find(conn, ann.id)).expect("a read");
    assert!(found.and_then(|ann| ann.locked_until).is_some_and(|until| until > UtcTime::now()));
    clock.advance(30 * 60);
    service.sign_in(&ann.username, PASSWORD).await.expect("a token");
}

#[tokio::test]
async fn a_session_lives_as_long_as_it_is_used() {
    let clock = Clock::stopped();
    let _entered = clock.enter();
    let service = Service::start();
    let (_, token) = service.user().await;
    for _ in 0..2 {
        clock.advance(23 * 3_600);
        assert_eq!(service.get("/documents", &token).await.status, StatusCode::OK);
    }
    clock.advance(25 * 3_600);
    assert_eq!(service.get("/documents", &token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_only_reads_is_served_although_the_use_of_the_session_cannot_be_recorded() {
    let clock = Clock::stopped();
    let _entered = clock.enter();
    let service = Service::start();
    let (_, token) = service.user().await;
    // It says for how long a session lives.
    let drop_settings =
        |conn: &mut Writer<'_>| Ok(conn.batch_execute("DROP TABLE system_settings")?);
    service.database().write(drop_settings).expect("no settings");
    clock.advance(3_600);
    assert_eq!(service.get("/documents", &token).await.status, StatusCode::OK);
}
