//! The beginning, the end, and what an orchestrator asks in between.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use chat_service::{MIGRATIONS, prepare, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use zenith_db::Config;
use zenith_db::manager::{DatabaseManager, RollbackTarget};

use super::service::Service;

#[tokio::test]
async fn a_closed_service_is_alive_and_refuses_with_503() {
    let service = Service::start();
    let (_, token) = service.user().await;
    assert_eq!(service.get("/live", "").await.status, StatusCode::NO_CONTENT);
    let ready = service.get("/ready", "").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert!(ready.body["max_connections"].as_u64().is_some_and(|connections| connections > 0));

    service.app.database.close().await.expect("closed");
    assert_eq!(service.get("/live", "").await.status, StatusCode::NO_CONTENT);
    for path in ["/ready", "/documents"] {
        let refused = service.get(path, &token).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(refused.headers.contains_key(RETRY_AFTER), "{path}");
    }
}

#[tokio::test]
async fn the_service_ends_when_it_is_told_to_and_closes_the_database() {
    let service = Service::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let running = tokio::spawn(serve(listener, service.app.clone(), stopped));

    let mut client = TcpStream::connect(address).await.expect("a connection");
    let request = b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.expect("a request");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    stop.send(()).expect("a service");
    running.await.expect("a task").expect("the end");
    assert_eq!(service.get("/ready", "").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn the_service_does_not_begin_without_a_database() {
    let service = Service::start();
    prepare(service.database().manager()).expect("a finished database");

    let nowhere = Config::for_path(std::env::temp_dir().join("chat-service-nowhere/zenith.db"));
    let manager = DatabaseManager::with_own(nowhere.expect("a path"), MIGRATIONS);
    let error = prepare(&manager.expect("a manager")).expect_err("there is no database");
    assert!(error.to_string().contains("chat-service-db create"), "{error}");
}

#[test]
fn the_service_applies_what_is_pending() {
    let service = Service::start();
    let manager = service.database().manager();
    manager.rollback(&RollbackTarget::Steps(1)).expect("without the bookmarks");
    assert_eq!(manager.missing_parts().expect("a check").len(), 1);
    prepare(manager).expect("up to date");
    prepare(manager).expect("up to date already");
}
