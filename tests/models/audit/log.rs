//! Appending to the audit log: what is stored, whose name it bears, and that the entries follow each
//! other whatever fails or runs at once.

use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sqlite::Sqlite;
use serde_json::json;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{audit_log, users};
use zenith_db::{Error, Result};

use crate::support::json_text;
use crate::support::models::Models;

fn event() -> NewAuditEvent<'static> {
    let new = NewAuditEvent::builder()
        .event_type(EventType::LOGIN)
        .event_category(EventCategory::AUTHENTICATION);
    new.action("log in").build()
}

fn append(models: &Models, event: &NewAuditEvent<'_>) -> AuditEntry {
    models.run(|conn| event.append(conn))
}

/// Every entry, the oldest first.
fn log(models: &Models) -> Vec<AuditEntry> {
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let all = AuditFilter::default();
        let page = models.run(|conn| AuditEntry::page(conn, all, before, PageSize::of(500)));
        entries.extend(page.rows);
        before = page.next;
        if before.is_none() {
            entries.reverse();
            return entries;
        }
    }
}

/// Numbers from 1 without a gap, the first entry after zeros and each other one after the one before
/// it, and no two of one hash.
fn assert_chained(entries: &[AuditEntry]) {
    let mut previous = (0, Sha256Hash::ZERO);
    for entry in entries {
        assert_eq!((entry.seq - 1, entry.prev_hash), previous, "{entry:?}");
        previous = (entry.seq, entry.entry_hash);
    }
    let mut hashes: Vec<_> = entries.iter().map(|entry| entry.entry_hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), entries.len());
}

#[test]
fn the_first_entry_follows_zeros_and_each_next_one_the_entry_before_it() {
    let models = Models::new();
    let first = append(&models, &event());
    assert_eq!((first.seq, first.prev_hash), (1, Sha256Hash::ZERO));
    assert_eq!(first.prev_hash.to_string(), "0".repeat(64));
    let second = append(&models, &event());
    assert_eq!((second.seq, second.prev_hash), (2, first.entry_hash));
    // The same event at the same time, but for its id: the hash still differs.
    let third = append(&models, &NewAuditEvent { timestamp: second.timestamp, ..event() });
    assert_eq!((third.seq, third.prev_hash), (3, second.entry_hash));
    assert_eq!(log(&models), [first, second, third]);
    assert_chained(&log(&models));
}

#[test]
fn every_field_is_stored_and_read_back() {
    let models = Models::new();
    let ann = models.ann();
    let (request, response) = (json!({"a": [1, null, "ü"]}), json!("text"));
    let new = NewAuditEvent {
        event_id: "018f0000-0000-7000-8000-00000000abcd".parse().expect("a UUID"),
        user_id: Some(ann),
        actor_name: None,
        session_id: Some("session-1"),
        event_type: EventType::new("type"),
        event_category: EventCategory::new("category"),
        resource_type: Some("document"),
        resource_id: Some("17"),
        action: "action",
        description: Some("description"),
        ip_address: Some("2001:db8::1"),
        user_agent: Some("agent"),
        timestamp: "2020-02-29 23:59:59.999999".parse().expect("a time"),
        severity: Severity::Critical,
        success: false,
        error_message: Some("error"),
        request_data: Some(json_text(request.clone())),
        response_data: Some(json_text(response.clone())),
        metadata: json_text(json!([true])),
    };
    let made = append(&models, &new);
    let expected = AuditEntry {
        id: made.id,
        seq: 1,
        event_id: new.event_id,
        user_id: Some(ann),
        actor_name: Some("ann".into()),
        session_id: Some("session-1".into()),
        event_type: "type".into(),
        event_category: "category".into(),
        resource_type: Some("document".into()),
        resource_id: Some("17".into()),
        action: "action".into(),
        description: Some("description".into()),
        ip_address: Some("2001:db8::1".into()),
        user_agent: Some("agent".into()),
        timestamp: new.timestamp,
        severity: Severity::Critical,
        success: false,
        error_message: Some("error".into()),
        request_data: Some(json_text(request)),
        response_data: Some(json_text(response)),
        metadata: json_text(json!([true])),
        prev_hash: Sha256Hash::ZERO,
        entry_hash: made.entry_hash,
    };
    assert_eq!(made, expected);
    let found = models.run(|conn| AuditEntry::find_by_event_id(conn, new.event_id));
    assert_eq!(found, Some(expected));
    assert_eq!(
        models.run(|conn| AuditEntry::find_by_event_id(conn, AuditEntryPublicId::new())),
        None
    );
}

#[test]
fn what_is_not_told_is_null_or_its_default() {
    let models = Models::new();
    let before = UtcTime::now();
    let new = event();
    let made = append(&models, &new);
    assert!(before <= made.timestamp && made.timestamp <= UtcTime::now());
    assert_eq!(made.timestamp, new.timestamp);
    assert_eq!(
        (made.severity, made.success, made.metadata),
        (Severity::Info, true, json_text(json!({})))
    );
    assert_eq!((made.user_id, made.actor_name, made.session_id), (None, None, None));
    assert_eq!((made.resource_type, made.resource_id, made.description), (None, None, None));
    assert_eq!((made.ip_address, made.user_agent, made.error_message), (None, None, None));
    assert_eq!((made.request_data, made.response_data), (None, None));
}

#[test]
fn the_actor_keeps_the_name_that_the_user_had() {
    let models = Models::new();
    let ann = models.ann();
    let of_ann = |actor_name| NewAuditEvent { user_id: Some(ann), actor_name, ..event() };
    let before = append(&models, &of_ann(None));
    models.run(|conn| {
        let rename = diesel::update(users::table.find(ann)).set(users::username.eq("erased-2"));
        Ok(dispatch!(conn, |conn| rename.execute(conn))?)
    });
    // With a user, the name that the caller gives does not count.
    let after = append(&models, &of_ann(Some("admin")));
    assert_eq!(after.actor_name.as_deref(), Some("erased-2"));
    let names: Vec<_> = log(&models).into_iter().map(|entry| entry.actor_name).collect();
    assert_eq!(names, [Some("ann".into()), Some("erased-2".into())]);
    assert_eq!(log(&models)[0], before);

    let program = NewAuditEvent { actor_name: Some("backup"), ..event() };
    let entry = append(&models, &program);
    assert_eq!((entry.user_id, entry.actor_name.as_deref()), (None, Some("backup")));
}

#[test]
fn an_unknown_user_is_a_violation_and_nothing_is_written() {
    let models = Models::new();
    append(&models, &event());
    let of_nobody = NewAuditEvent { user_id: Some(UserId(4711)), ..event() };
    let append_it = |conn: &mut Writer<'_>| of_nobody.append(conn);
    models.violates(Rule::UnknownReference, audit_log::user_id, append_it);
    assert_eq!(log(&models).len(), 1);
    assert_eq!(append(&models, &event()).seq, 2);
}

#[test]
fn an_event_is_not_recorded_twice() {
    let models = Models::new();
    let once = event();
    let made = append(&models, &once);
    let error =
        models.fails(|conn| NewAuditEvent { event_id: once.event_id, ..event() }.append(conn));
    let violation = error.violation().unwrap_or_else(|| panic!("no violation: {error:?}"));
    assert_eq!(violation.table(), Some("audit_log"), "{violation}");
    assert_eq!(log(&models), [made]);
}

#[test]
fn an_event_that_is_recorded_already_is_a_duplicate() {
    let models = Models::new();
    let once = event();
    append(&models, &once);
    models.violates(Rule::Duplicate, audit_log::event_id, |conn| once.append(conn));
}

/// Tries a text of 1 character, of the most, of none, of one too many, and with a NUL in it. They are
/// characters, not bytes, that count.
fn bounded<C>(
    models: &Models,
    column: C,
    most: usize,
    with: for<'a> fn(&'a str) -> NewAuditEvent<'a>,
) where
    C: diesel::Column + QueryFragment<Sqlite> + Copy,
{
    let before = log(models).len();
    for fits in ["x", &"ä".repeat(most)] {
        append(models, &with(fits));
    }
    for bad in ["", &"x".repeat(most + 1), "a\0b", "\0"] {
        models.violates(Rule::Length, column, |conn| with(bad).append(conn));
    }
    assert_eq!(log(models).len(), before + 2);
}

#[test]
fn a_text_that_is_too_short_or_too_long_is_refused() {
    let models = Models::new();
    bounded(&models, audit_log::actor_name, 50, |x| NewAuditEvent {
        actor_name: Some(x),
        ..event()
    });
    bounded(&models, audit_log::session_id, 64, |x| NewAuditEvent {
        session_id: Some(x),
        ..event()
    });
    bounded(&models, audit_log::event_type, 50, |x| NewAuditEvent {
        event_type: EventType::undeclared(x),
        ..event()
    });
    bounded(&models, audit_log::event_category, 50, |x| NewAuditEvent {
        event_category: EventCategory::undeclared(x),
        ..event()
    });
    bounded(&models, audit_log::resource_type, 50, |x| NewAuditEvent {
        resource_type: Some(x),
        ..event()
    });
    bounded(&models, audit_log::resource_id, 100, |x| NewAuditEvent {
        resource_id: Some(x),
        ..event()
    });
    bounded(&models, audit_log::action, 100, |x| NewAuditEvent { action: x, ..event() });
    bounded(&models, audit_log::ip_address, 45, |x| NewAuditEvent {
        ip_address: Some(x),
        ..event()
    });
    assert_chained(&log(&models));
}

/// Tries no text, a long one, and one with a NUL in it.
fn unbounded<C>(models: &Models, column: C, with: for<'a> fn(&'a str) -> NewAuditEvent<'a>)
where
    C: diesel::Column + QueryFragment<Sqlite>,
{
    for fits in ["", &"ä".repeat(10_000)] {
        append(models, &with(fits));
    }
    models.violates(Rule::Text, column, |conn| with("a\0b").append(conn));
}

#[test]
fn a_text_of_any_length_has_no_nul_in_it() {
    let models = Models::new();
    unbounded(&models, audit_log::description, |x| NewAuditEvent {
        description: Some(x),
        ..event()
    });
    unbounded(&models, audit_log::user_agent, |x| NewAuditEvent { user_agent: Some(x), ..event() });
    unbounded(&models, audit_log::error_message, |x| NewAuditEvent {
        error_message: Some(x),
        ..event()
    });
    // JSON writes it as six characters.
    let data = json_text(json!({"a\0b": "\0"}));
    let new = NewAuditEvent { request_data: Some(data.clone()), ..event() };
    assert_eq!(append(&models, &new).request_data, Some(data));
    assert_eq!(log(&models).len(), 7);
    assert_chained(&log(&models));
}

#[test]
fn a_transaction_that_is_rolled_back_leaves_no_gap() {
    let models = Models::new();
    let first = append(&models, &event());
    let error = models.fails(|conn| {
        let gone = event().append(conn)?;
        assert_eq!((gone.seq, gone.prev_hash), (2, first.entry_hash));
        assert_eq!(event().append(conn)?.seq, 3);
        Err::<(), _>(Error::Internal("changed my mind".into()))
    });
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
    assert_eq!(log(&models), std::slice::from_ref(&first));
    let second = append(&models, &event());
    assert_eq!((second.seq, second.prev_hash), (2, first.entry_hash));
}

#[test]
fn what_fails_inside_a_transaction_is_undone_alone() {
    let models = Models::new();
    let kept = models.run(|conn| {
        let first = event().append(conn)?;
        let undone: Result<()> = conn.write(|conn| {
            event().append(conn)?;
            Err(Error::Internal("changed my mind".into()))
        });
        assert!(undone.is_err());
        assert!(NewAuditEvent { action: "", ..event() }.append(conn).is_err());
        assert!(NewAuditEvent { user_id: Some(UserId(4711)), ..event() }.append(conn).is_err());
        Ok([first, event().append(conn)?])
    });
    assert_eq!(log(&models), kept);
    assert_chained(&kept);
}

#[test]
fn entries_that_are_appended_at_once_follow_each_other() {
    let models = Models::new();
    let database = models.database();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    database.write(|conn| event().append(conn)).expect("an entry");
                }
            });
        }
    });
    let entries = log(&models);
    assert_eq!(entries.len(), 800);
    assert!(entries.iter().map(|entry| entry.seq).eq(1..=800));
    assert_chained(&entries);
}
