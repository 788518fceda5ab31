//! What an audit entry's hash is taken over: computed again, from the rows as they are stored, by an
//! implementation of the documented encoding that shares nothing with the crate's own.

use std::fmt::Write as _;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::{Error, Result};

use crate::support::json_text;
use crate::support::models::Models;
use crate::support::stored_tables::audit_log;

/// A row as it is stored: JSON, hashes and words as the text that is there.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
struct Stored {
    seq: i64,
    event_id: String,
    user_id: Option<i64>,
    actor_name: Option<String>,
    session_id: Option<String>,
    event_type: String,
    event_category: String,
    resource_type: Option<String>,
    resource_id: Option<String>,
    action: String,
    description: Option<String>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    timestamp: NaiveDateTime,
    severity: String,
    success: bool,
    error_message: Option<String>,
    request_data: Option<String>,
    response_data: Option<String>,
    metadata: String,
    prev_hash: String,
    entry_hash: String,
}

impl Stored {
    /// The columns that are hashed, in the order of the documentation.
    fn columns(&self) -> [Option<String>; 21] {
        let time = self.timestamp.format("%F %T%.6f").to_string();
        [
            Some(self.seq.to_string()),
            Some(self.event_id.clone()),
            self.user_id.map(|id| id.to_string()),
            self.actor_name.clone(),
            self.session_id.clone(),
            Some(self.event_type.clone()),
            Some(self.event_category.clone()),
            self.resource_type.clone(),
            self.resource_id.clone(),
            Some(self.action.clone()),
            self.description.clone(),
            self.ip_address.clone(),
            self.user_agent.clone(),
            Some(time),
            Some(self.severity.clone()),
            Some(u8::from(self.success).to_string()),
            self.error_message.clone(),
            self.request_data.clone(),
            self.response_data.clone(),
            Some(self.metadata.clone()),
            Some(self.prev_hash.clone()),
        ]
    }

    fn hash(&self) -> String {
        let mut bytes = b"zenith-audit-v1\0".to_vec();
        for column in self.columns() {
            let Some(text) = column else {
                bytes.push(0);
                continue;
            };
            bytes.push(1);
            let length = text.len() as u64;
            bytes.extend((0..8).rev().map(|byte| ((length >> (8 * byte)) & 0xff) as u8));
            bytes.extend_from_slice(text.as_bytes());
        }
        Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes everything");
            hex
        })
    }
}

/// The rows as they are stored, the oldest first. The whole log is read at once, which the crate
/// itself never does: its plan is not the crate's to answer for.
fn stored(models: &Models) -> Vec<Stored> {
    let read = |conn: &mut DbConnection| -> Result<_> {
        let rows = audit_log::table.order(audit_log::seq);
        Ok(dispatch!(conn, |conn| rows.select(Stored::as_select()).load(conn))?)
    };
    models.database().read(read).expect("the log")
}

/// The hash of each entry, recomputed; panics unless it is the stored one and the next one's
/// `prev_hash`.
fn recomputed(models: &Models) -> Vec<String> {
    let mut previous = "0".repeat(64);
    for entry in stored(models) {
        assert_eq!(entry.prev_hash, previous, "{entry:?}");
        assert_eq!(entry.hash(), entry.entry_hash, "{entry:?}");
        previous = entry.entry_hash;
    }
    stored(models).iter().map(Stored::hash).collect()
}

fn event() -> NewAuditEvent<'static> {
    NewAuditEvent::builder()
        .event_type(EventType::new("t"))
        .event_category(EventCategory::new("c"))
        .action("a")
        .build()
}

fn append(models: &Models, event: &NewAuditEvent<'_>) -> AuditEntry {
    models.run(|conn| event.append(conn))
}

fn full(user: UserId, request: Value) -> NewAuditEvent<'static> {
    NewAuditEvent {
        event_id: "018f2d5a-0000-7000-8000-0000000000aa".parse().expect("a UUID"),
        user_id: Some(user),
        actor_name: None,
        session_id: Some("018f2d5a-0000-7000-8000-0000000000bb"),
        event_type: EventType::LOGIN,
        event_category: EventCategory::AUTHENTICATION,
        resource_type: Some("user"),
        resource_id: Some("1"),
        action: "log in",
        description: Some("Anmeldung geglückt 🔑"),
        ip_address: Some("2001:db8::1"),
        user_agent: Some("curl/8"),
        timestamp: "2026-11-23 08:00:00.000001".parse().expect("a time"),
        severity: Severity::Warning,
        success: false,
        error_message: Some("naïve"),
        request_data: Some(json_text(request)),
        response_data: Some(json_text(json!("ok"))),
        metadata: json_text(json!({})),
    }
}

/// Computed from the module's documentation with Python's hashlib and struct, for entry 1 with every
/// column and entry 2 with every column NULL that may be.
const KNOWN: [&str; 2] = [
    "35f95c55ff715dea2a1cb8107b09cc58d5a7e9b821dd1505f525963b5381ddca",
    "a8b96f12e43b2758f208461bbbdfb2477611aa6e66cb03909ba11324ee55979f",
];

#[test]
fn two_known_entries_have_their_known_hashes() {
    let models = Models::new();
    let admin = models.user("admin");
    assert_eq!(admin, UserId(1), "the hashes are for this id");
    let first = full(admin, json!({"ü": u64::MAX, "a": [1, -2.5, null]}));
    let second = NewAuditEvent {
        event_id: "018f2d5a-0000-7000-8000-0000000000cc".parse().expect("a UUID"),
        timestamp: "0001-01-01 00:00:00.000000".parse().expect("a time"),
        ..event()
    };
    let made = [append(&models, &first), append(&models, &second)];
    assert_eq!(made.map(|entry| entry.entry_hash.to_string()), KNOWN);
    assert_eq!(recomputed(&models), KNOWN);
}

#[test]
fn the_hash_is_over_the_columns_as_they_are_stored() {
    let models = Models::new();
    let ann = models.ann();
    append(&models, &full(ann, json!({"nested": {"list": [[], {}, [[1]]]}})));
    append(&models, &event());
    let empty = Some("");
    append(
        &models,
        &NewAuditEvent { description: empty, user_agent: empty, error_message: empty, ..event() },
    );
    let texts = [
        "ÄÖÜ ß",
        "日本語",
        "🧑‍🚀",
        "e\u{301}",
        "\u{feff}\u{202e}",
        "'\"\\\n\t\u{1}",
        "x".repeat(50).leak(),
    ];
    for text in texts {
        let (actor_name, description) = (Some(text), Some(text));
        let metadata = json_text(json!({ text: text }));
        append(&models, &NewAuditEvent { actor_name, description, metadata, ..event() });
    }
    for data in [
        json!(null),
        json!(""),
        json!([]),
        json!(0.1 + 0.2),
        json!([1e300, 5e-324, f64::MAX, f64::MIN_POSITIVE, -0.0, 1.0, 1e16, 123_456_789.123]),
        json!([i64::MIN, i64::MAX, u64::MAX]),
        json!({"b": 1, "a": 2, "": {"\u{0}": "\u{7f}"}}),
    ] {
        let request_data = Some(json_text(data.clone()));
        append(&models, &NewAuditEvent { request_data, metadata: json_text(data), ..event() });
    }
    for severity in Severity::ALL {
        append(&models, &NewAuditEvent { severity: *severity, ..event() });
    }
    for timestamp in
        [UtcTime::MIN, UtcTime::MAX, "1969-12-31 23:59:59.999999".parse().expect("a time")]
    {
        append(&models, &NewAuditEvent { timestamp, ..event() });
    }
    assert_eq!(recomputed(&models).len(), 3 + 7 + 7 + 5 + 3);
}

/// What one column has taken from its neighbour, or lost by being empty, is seen.
#[test]
fn entries_that_differ_only_in_where_their_text_stands_have_different_hashes() {
    let alike = [
        NewAuditEvent {
            event_type: EventType::new("ab"),
            event_category: EventCategory::new("c"),
            ..event()
        },
        NewAuditEvent {
            event_type: EventType::new("a"),
            event_category: EventCategory::new("bc"),
            ..event()
        },
        NewAuditEvent { description: Some("x"), ..event() },
        NewAuditEvent { user_agent: Some("x"), ..event() },
        NewAuditEvent { description: Some(""), ..event() },
        NewAuditEvent { user_agent: Some(""), ..event() },
        NewAuditEvent { request_data: Some(json_text(json!({}))), ..event() },
        NewAuditEvent { response_data: Some(json_text(json!({}))), ..event() },
        NewAuditEvent { request_data: Some(json_text(json!(null))), ..event() },
        NewAuditEvent { actor_name: Some("1"), ..event() },
        NewAuditEvent { success: false, ..event() },
        event(),
    ];
    let (event_id, timestamp) = (AuditEntryPublicId::new(), UtcTime::now());
    // Each is the first entry of a log of its own: nothing but the columns above differs.
    let models = Models::new();
    let mut hashes = Vec::new();
    for event in alike {
        models.fails(|conn| {
            let made = NewAuditEvent { event_id, timestamp, ..event }.append(conn)?;
            assert_eq!((made.seq, made.prev_hash), (1, Sha256Hash::ZERO));
            hashes.push(made.entry_hash);
            Err::<(), _>(Error::Internal("the next one is the first again".into()))
        });
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 12);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

fn text(most: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[^\0]{{1,{most}}}")).expect("a pattern")
}

fn maybe(most: usize) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text(most))
}

#[test]
fn whatever_is_appended_has_the_documented_hash() {
    let models = Models::new();
    let users = [None, Some(models.ann()), Some(models.user("admin"))];
    let texts = (text(50), text(50), text(100), 0_usize..3, 0_usize..5, any::<bool>());
    let named = (maybe(50), maybe(64), maybe(50), maybe(100), maybe(300), maybe(45));
    let data = (proptest::option::of(any_json()), proptest::option::of(any_json()), any_json());
    let seconds = 0..4_000_000_000_u32;
    // The log is written to again and again; a failure is printed with what was appended.
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
    let appended = TestRunner::new(config).run(
        &(texts, named, data, seconds),
        |((kind, category, action, user, severity, success), named, data, seconds)| {
            let (actor, session, resource_type, resource_id, description, ip_address) = &named;
            let new = NewAuditEvent {
                user_id: users[user],
                actor_name: actor.as_deref(),
                session_id: session.as_deref(),
                event_type: EventType::undeclared(&kind),
                event_category: EventCategory::undeclared(&category),
                resource_type: resource_type.as_deref(),
                resource_id: resource_id.as_deref(),
                action: &action,
                description: description.as_deref(),
                ip_address: ip_address.as_deref(),
                timestamp: UtcTime::MIN.plus_seconds(seconds).plus_seconds(u32::MAX),
                severity: Severity::ALL[severity],
                success,
                request_data: data.0.map(json_text),
                response_data: data.1.map(json_text),
                metadata: json_text(data.2),
                ..event()
            };
            let made = append(&models, &new);
            let last = stored(&models).pop().expect("an entry");
            prop_assert_eq!(&last.event_id, &made.event_id.to_string());
            prop_assert_eq!(last.hash(), made.entry_hash.to_string());
            Ok(())
        },
    );
    appended.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(recomputed(&models).len(), 48);
}

#[test]
fn numbers_in_json_are_read_back_as_they_were_written() {
    let models = Models::new();
    for number in [0.1, 1.109_018_626_998_739_9, f64::MAX, 5e-324] {
        let new = NewAuditEvent { metadata: json_text(json!(number)), ..event() };
        assert_eq!(append(&models, &new).metadata, json_text(json!(number)));
    }
}
