//! Rules that every model obeys.

use std::fs;
use std::path::{Path, PathBuf};

use zenith_db::prelude::*;

use crate::support::models::{Models, bad_steps};
use crate::support::rows::lines;
use crate::support::{SqliteFixture, text};

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn at_root(path: &str) -> PathBuf {
    crate::support::repository().join(path)
}

/// Each public function of a source as it is called: `Type::name`, `.name(` or `name(`; where there
/// are two ways, both, with a bar between.
fn calls(source: &str) -> Vec<String> {
    let mut calls = Vec::new();
    let mut of_type = None;
    let lines: Vec<&str> = source.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("impl") {
            let rest = rest.trim_start();
            // Past the parameters of `impl<…>` and a trait.
            let rest =
                rest.strip_prefix('<').and_then(|r| r.split_once("> ")).map_or(rest, |r| r.1);
            let name = rest.rsplit(" for ").next().expect("a type");
            of_type = name.split(['<', ' ']).next();
        } else if *line == "}" {
            of_type = None;
        }
        let Some(rest) = line.trim_start().strip_prefix("pub fn ") else { continue };
        let name = rest.split(['(', '<']).next().expect("a name");
        let head = lines[number..].iter().take(3).copied().collect::<Vec<_>>().join(" ");
        let arguments = head.split_once('(').map_or("", |(_, rest)| rest.trim_start());
        let takes_self = arguments.starts_with("&self") || arguments.starts_with("self");
        match of_type {
            // Which type's method it is cannot be seen, but that the type is used can.
            Some(of_type) if takes_self => {
                calls.extend([of_type.to_owned(), format!(".{name}(|{of_type}::{name}")]);
            }
            Some(of_type) => calls.push(format!("{of_type}::{name}")),
            None => calls.push(format!("{name}(")),
        }
    }
    calls
}

fn untested(calls: &[String], tests: &str) -> Vec<String> {
    let missing = calls.iter().filter(|call| !call.split('|').any(|call| tests.contains(call)));
    missing.cloned().collect()
}

#[test]
fn every_public_function_of_a_model_is_called_by_a_test() {
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a source");
    // What stands in this file as an example is no test.
    let is_test = |path: &&PathBuf| !path.ends_with("models/lints.rs");
    let tests: String =
        sources(&at_root("tests/models")).iter().filter(is_test).map(read).collect();
    let models: String = sources(&at_root("src/models")).iter().map(read).collect();
    // Not for applications: `models::internal` shares these with other crates, whose tests call them.
    let internal = [
        "AuditRow",
        "canonical(",
        "invisible_in(",
        "SeededSetting",
        ".new_row(|SeededSetting::new_row",
        "seeded_settings(",
    ];
    let mut calls = calls(&models);
    calls.retain(|call| !internal.contains(&call.as_str()));
    assert!(calls.len() > 90, "{calls:?}");
    assert_eq!(untested(&calls, &tests), Vec::<String>::new());

    let made_up = "impl Role {\n    pub fn promote(\n        connection: &mut Writer<'_>,\n    ) {}\n}\n\
                   pub fn free() {}\nimpl NewRole<'_> {\n    pub fn nothing(&self) {}\n}";
    let expected = ["Role::promote", "free(", ".nothing(|NewRole::nothing"];
    assert_eq!(untested(&self::calls(made_up), &tests), expected);
}

#[test]
fn a_statement_without_an_index_is_noticed() {
    let fixture = SqliteFixture::created().fixture();
    let mut connection = fixture.raw();
    let mut bad = |statement: &str| bad_steps(&mut connection, statement).len();
    assert_eq!(bad("SELECT id FROM users WHERE full_name = ?"), 1);
    assert_eq!(bad("UPDATE users SET locale = ? WHERE full_name = ?"), 1);
    assert_eq!(bad("DELETE FROM documents WHERE filename = ?"), 1);
    assert_eq!(bad("SELECT id FROM users WHERE role_id = ? ORDER BY full_name"), 1);
    assert_eq!(bad("SELECT id FROM users WHERE role_id = ? ORDER BY id"), 0);
}

#[test]
#[should_panic(expected = "SCAN users")]
fn a_query_without_an_index_fails_its_test() {
    use diesel::prelude::*;
    use zenith_db::schema::users;
    let models = Models::on_sqlite();
    models.run(|conn| {
        let named = users::table.filter(users::full_name.eq("Ann")).select(users::id);
        Ok(zenith_db::dispatch!(conn, |conn| named.load::<UserId>(conn))?)
    });
}

/// Defaults that a form sets otherwise than the table, and why.
const OTHERWISE: &[(&str, &str)] = &[
    // A backup is recorded when it begins: nothing plans one.
    ("backup_jobs.status", "running"),
];

/// One row of every table that has a form, with nothing but what is required.
fn insert_the_least(models: &Models) {
    let ann = models.ann();
    let hash = Sha256Hash::of("content");
    let later = UtcTime::now().plus_seconds(600);
    let password = PasswordHash::hash(&"correct horse battery staple".into()).expect("a hash");
    models.run(|conn| {
        let role = NewRole::builder().name("least").build().insert(conn)?.id;
        let permission = NewPermission::builder().name("p").resource("r").action("a").build();
        let permission_id = permission.insert(conn)?.id;
        NewRolePermission::builder()
            .role_id(role)
            .permission_id(permission_id)
            .build()
            .grant(conn)?;
        let user = NewUser::builder().username("least".parse()?);
        let user = user.email("least@example.org".parse()?);
        user.password_hash(password.clone()).role_id(role).build().insert(conn)?;
        NewPasswordRecord::builder().user_id(ann).password_hash(&password).build().insert(conn)?;
        let session = NewUserSession::builder().user_id(ann).token(&"token".into());
        session.idle_expires_at(later).expires_at(later).build().insert(conn)?;
        let key = NewApiKey::builder().user_id(ann).name("n").key(&"key".into());
        key.key_prefix("zk").build().insert(conn)?;
        let new_chat = NewChatSession::builder().user_id(ann).build();
        let chat = new_chat.insert(conn)?.id;
        let message = NewChatMessage::builder().chat_session_id(chat).user_id(ann);
        message.message_content("hi").message_type(MessageType::User).build().insert(conn)?;
        let document = NewDocument::builder().user_id(ann).filename("f").original_filename("f");
        let document =
            document.file_path("/f").file_size(1).file_hash(hash).mime_type("text/plain");
        let new_document = document.build();
        let document = new_document.insert(conn)?.id;
        let chunk = NewDocumentChunk::builder().chunk_index(0).content("text").token_count(1);
        DocumentChunk::insert_all(conn, document, &[chunk.build()])?;
        let file = NewStoredFile::builder().storage_path("/f").original_filename("f").file_size(1);
        file.mime_type("text/plain").file_hash(hash).build().insert(conn)?;
        NewSystemSetting::builder().key("LEAST").build().insert(conn)?;
        UserPreference::set_undeclared::<String>(conn, ann, "least", "x")?;
        let event = NewAuditEvent::builder()
            .event_type(EventType::new("t"))
            .event_category(EventCategory::new("c"))
            .action("a");
        event.build().append(conn)?;
        let event = NewSecurityEvent::builder()
            .event_type(EventType::new("t"))
            .severity(Severity::Info)
            .build();
        event.insert(conn)?;
        let notification = NewNotification::builder().title("t").message("m");
        notification.type_(NotificationType::Info).build().send_to(conn, ann)?;
        let health = HealthObservation::builder()
            .component(Component::new("c"))
            .status(HealthStatus::Healthy);
        health.build().record(conn)?;
        NewBackupJob::builder().build().insert(conn)?;
        let metric = NewSystemMetric::builder().metric_name(MetricName::new("m")).metric_value(1.0);
        SystemMetric::insert_all(conn, &[metric.metric_type(MetricType::Gauge).build()])?;
        // The first ones have counted what was added to them.
        NewChatSession { session_id: ChatSessionPublicId::new(), ..new_chat }.insert(conn)?;
        NewDocument { document_id: DocumentPublicId::new(), ..new_document }.insert(conn)?;
        Ok(())
    });
}

#[test]
fn what_a_form_leaves_out_is_what_the_table_would_have_set() {
    let models = Models::new();
    insert_the_least(&models);
    let mut connection = models.fixture().raw();
    let defaults = models.fixture().either(
        "SELECT t.name || '.' || c.name || '=' || c.dflt_value AS line
         FROM main.sqlite_schema AS t, pragma_table_info(t.name) AS c
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'
             AND c.dflt_value IS NOT NULL AND c.dflt_value NOT LIKE 'strftime%'",
        "SELECT table_name || '.' || column_name || '=' || column_default AS line
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'
             AND column_default NOT LIKE '%CURRENT_TIMESTAMP%'",
    );
    let defaults = lines(&mut connection, defaults);
    assert!(defaults.len() > 50, "{defaults:?}");
    let mut differences = Vec::new();
    for default in defaults {
        let (path, expected) = default.split_once('=').expect("a default");
        let (table, column) = path.split_once('.').expect("a path");
        let newest = format!("SELECT {column} FROM {table} ORDER BY id DESC LIMIT 1");
        let found = text(&mut connection, &newest);
        if found != text(&mut connection, &format!("SELECT {expected}")) {
            differences.push((path.to_owned(), found));
        }
    }
    let expected: Vec<(String, String)> =
        OTHERWISE.iter().map(|(path, value)| ((*path).into(), (*value).into())).collect();
    assert_eq!(differences, expected);
}
