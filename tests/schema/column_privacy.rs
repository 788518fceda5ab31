//! Every column is public, personal or secret, as `docs/columns.csv` says, and what is secret never
//! leaves the process.
//!
//! - public: says nothing about a person but that there is such a row;
//! - personal: about a person, or written by one;
//! - secret: lets whoever has it act as somebody, or is made to be kept from everybody.
//!
//! The file also names the view by which other users may see a column, such as `PublicUser`.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use serde::Serialize;
use zenith_db::prelude::*;

use crate::support::models::Models;
use crate::support::rows::lines;
use crate::support::text;
use crate::support::{Fixture, SqliteFixture};

const COLUMNS: &str = include_str!("../../docs/columns.csv");
const VIEWS: &str = include_str!("../support/views.sql");

/// Table, column, class and view of each column.
fn listed() -> impl Iterator<Item = [&'static str; 4]> {
    COLUMNS.lines().skip(1).map(|line| {
        let cells: Vec<_> = line.split(',').collect();
        cells.try_into().expect("four cells")
    })
}

/// Each column, as `table.column`, with its class.
fn classified() -> BTreeMap<String, &'static str> {
    let classes: BTreeMap<_, _> =
        listed().map(|[table, column, class, _]| (format!("{table}.{column}"), class)).collect();
    assert_eq!(classes.len(), COLUMNS.lines().count() - 1, "a column is listed twice");
    classes
}

fn unclassified(fixture: &Fixture) -> Vec<String> {
    let mut connection = fixture.raw();
    connection.batch_execute(VIEWS).expect("views");
    let mut classes = classified();
    // Only an adopted database has it, and no model reads it.
    classes.retain(|path, _| !path.starts_with("legacy_values."));
    let mut faults = lines(&mut connection, "SELECT path AS line FROM columns");
    faults.retain(|path| classes.remove(path.as_str()).is_none());
    faults.extend(classes.into_keys().map(|path| format!("{path} is not there")));
    faults
}

#[test]
fn every_column_is_public_personal_or_secret() {
    let fixture = SqliteFixture::created();
    assert_eq!(unclassified(&fixture), Vec::<String>::new());
    for (path, class) in classified() {
        assert!(["public", "personal", "secret"].contains(&class), "{path} is {class}");
    }
    fixture.sql("ALTER TABLE users ADD COLUMN shoe_size INTEGER");
    assert_eq!(unclassified(&fixture), ["users.shoe_size"]);
}

/// A row as it leaves the process, and as it may appear in a log.
fn shown<T: Serialize + std::fmt::Debug>(row: &T) -> [String; 2] {
    [serde_json::to_string(row).expect("JSON"), format!("{row:?}")]
}

/// Every type that reads a secret column or stands beside one, with a secret in each, as shown.
fn everything_shown(models: &Models) -> Vec<String> {
    let ann = models.ann();
    let later = UtcTime::now().plus_seconds(600);
    let hash = "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$b2xkZXI".parse().expect("a hash");
    let factor = TwoFactorSecret::new("two-factor-key".into());
    let codes = BackupCodes::from_hashes(&[Sha256Hash::of("a code")]);
    let session = NewUserSession::builder()
        .user_id(ann)
        .token(&SessionToken::from("a session's token"))
        .idle_expires_at(later)
        .expires_at(later)
        .build();
    let key = NewApiKey::builder()
        .user_id(ann)
        .name("key")
        .key(&ApiKeySecret::from("an API key"))
        .key_prefix("zk")
        .build();
    let setting = NewSystemSetting::builder()
        .key("SMTP_PASSWORD")
        .value("enc:v1:ciphertext")
        .is_secret(true)
        .build();
    let chat = NewChatSession::builder().user_id(ann).build();
    let record = NewPasswordRecord::builder().user_id(ann).password_hash(&hash).build();
    models.run(|conn| {
        UserCredentials::set_two_factor(conn, ann, Some((&factor, &codes)))?;
        let chat = chat.insert(conn)?.id;
        let token = ChatSession::share(conn, chat, None)?;
        let mut all = vec![
            format!("{token:?} {factor:?} {codes:?} {hash:?} {session:?} {key:?}"),
            format!("{record:?} {:?}", record.insert(conn)?),
            format!("{:?}", UserCredentials::find(conn, ann)?),
        ];
        all.extend(shown(&User::find(conn, ann)?));
        all.extend(shown(&session.insert(conn)?));
        all.extend(shown(&key.insert(conn)?));
        all.extend(shown(&ChatSession::find(conn, chat)?));
        all.extend(shown(&setting.insert(conn)?));
        all.push(format!(
            "{:?}",
            SystemSetting::get_secret(conn, SecretSetting::new("SMTP_PASSWORD"))?
                .expect("a secret")
        ));
        Ok(all)
    })
}

#[test]
fn no_secret_is_serialised_or_shown() {
    let models = Models::new();
    let all = everything_shown(&models);
    let mut connection = models.fixture().raw();
    let mut seen = 0;
    let secret = classified().into_iter().filter(|(_, class)| *class == "secret");
    // `import::credentials` looks for those of an adopted database.
    for (path, _) in secret.filter(|(path, _)| !path.starts_with("legacy_values.")) {
        let (table, column) = path.split_once('.').expect("a path");
        // The newest row has the secret that was put there; other settings are no secrets.
        let query = format!("SELECT {column} FROM {table} ORDER BY id DESC LIMIT 1");
        let secret = text(&mut connection, &query);
        assert!(secret.len() > 10, "{path} holds no secret to look for: {secret}");
        for shown in &all {
            assert!(!shown.contains(&secret), "{path} shows in {shown}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
    // The form of a setting holds plain text until it is inserted, and its row does not.
    assert!(all.iter().any(|shown| shown.contains("SMTP_PASSWORD")));
}

/// Names of the fields of a view as JSON.
fn fields(view: &impl Serialize) -> BTreeSet<String> {
    match serde_json::to_value(view).expect("JSON") {
        serde_json::Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
        other => panic!("no object: {other}"),
    }
}

#[test]
fn a_public_view_has_exactly_the_columns_that_are_listed_for_it() {
    let models = Models::new();
    let ann = models.ann();
    let views = models.run(|conn| {
        let user = User::find(conn, ann)?.expect("ann");
        let document = new_document(ann).insert(conn)?;
        let chat = NewChatSession::builder().user_id(ann).build().insert(conn)?;
        let message = NewChatMessage::builder().chat_session_id(chat.id).user_id(ann);
        let message = message.message_content("hello").message_type(MessageType::User);
        let message = message.build().insert(conn)?;
        Ok([
            ("users", "PublicUser", fields(&user.public())),
            ("documents", "PublicDocument", fields(&document.public())),
            ("chat_sessions", "PublicChatSession", fields(&chat.public())),
            ("chat_history", "PublicChatMessage", fields(&message.public())),
        ])
    });
    for (table, view, fields) in &views {
        let columns = listed().filter(|[.., of]| of == view).map(|[of, column, ..]| {
            assert_eq!(of, *table, "{view}");
            column.to_owned()
        });
        assert_eq!(*fields, columns.collect(), "{view}");
    }
    for [table, column, class, view] in listed().filter(|[.., view]| !view.is_empty()) {
        assert!(views.iter().any(|(_, name, _)| *name == view), "{view} of {table}.{column}");
        assert!(class != "secret" && column != "id", "{table}.{column} is in {view}");
    }
}

fn new_document(user: UserId) -> NewDocument<'static> {
    let new = NewDocument::builder().user_id(user).filename("a.pdf").original_filename("A.pdf");
    let new = new.file_path("/srv/a").file_size(3).file_hash(Sha256Hash::of("a"));
    new.mime_type("application/pdf").tags(["urgent"].iter().collect()).build()
}
