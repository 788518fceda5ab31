//! The service of one test, and requests to it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use axum::http::{Method, Request, StatusCode};
use chat_service::{App, MIGRATIONS, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use zenith_db::config::{Config, Key, Loader};
use zenith_db::manager::DatabaseManager;
use zenith_db::models::User;
use zenith_db::testing::{PASSWORD, Template, TestDatabase, a_user, use_fast_passwords};
use zenith_db::{AsyncDatabase, Database};

/// The service on a database of its own, which is removed when this is dropped.
pub(crate) struct Service {
    pub(crate) app: App,
    router: Router,
    database: TestDatabase,
}

/// Answer of the service: the status, the headers and the body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Returns the configuration of the database from which those of the tests are made. It is not opened.
fn config() -> Config {
    let server = std::env::var("ZENITH_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    match server.filter(|_| cfg!(feature = "postgres")) {
        Some(url) => Loader::new().flag(Key::Url, "url", url).load().expect("a URL"),
        None => Config::for_path("template.db").expect("a path"),
    }
}

impl Service {
    pub(crate) fn start() -> Self {
        use_fast_passwords();
        let manager = DatabaseManager::with_own(config(), MIGRATIONS).expect("a manager");
        let database = Template::of(&manager).and_then(|template| template.database());
        let database = database.expect("a database");
        let app = App::new(AsyncDatabase::new(Database::clone(&database)));
        Self { router: router(app.clone()), app, database }
    }

    /// Returns the database, to arrange what a test begins with.
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Inserts a user and signs in: the user and the token.
    pub(crate) async fn user(&self) -> (User, String) {
        let user = self.database.write(|conn| a_user().insert(conn)).expect("a user");
        let token = self.sign_in(&user.username, PASSWORD).await.expect("a token");
        (user, token)
    }

    /// Signs in, and returns the token, or the status of the answer.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<String, StatusCode> {
        let form = json!({ "username": name, "password": password });
        let answer = self.post("/sign-in", "", &form).await;
        answer.body["token"].as_str().map(str::to_owned).ok_or(answer.status)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::GET, path, token, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, token, Body::from(body.to_string())).await
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Body) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Opens a conversation with these messages, and returns its path and the ids of the messages.
    pub(crate) async fn conversation(&self, token: &str, texts: &[&str]) -> (String, Vec<Value>) {
        let opened = self.post("/conversations", token, &json!({ "title": "Plans" })).await;
        let id = opened.body["session_id"].as_str().expect("an id");
        let path = format!("/conversations/{id}/messages");
        let mut ids = Vec::new();
        for text in texts {
            let written = self.post(&path, token, &json!({ "text": text })).await;
            assert_eq!(written.status, StatusCode::CREATED);
            ids.push(written.body["message_id"].clone());
        }
        (path, ids)
    }

    /// Reads a list by pages of this size, and returns the field of each row, page by page.
    pub(crate) async fn pages(
        &self,
        path: &str,
        token: &str,
        size: u32,
        field: &str,
    ) -> Vec<Vec<Value>> {
        let mut pages = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.get(&format!("{path}?size={size}{next}"), token).await;
            assert_eq!(page.status, StatusCode::OK);
            let rows = page.body["rows"].as_array().expect("rows");
            pages.push(rows.iter().map(|row| row[field].clone()).collect());
            match page.body["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return pages,
            }
        }
    }
}
