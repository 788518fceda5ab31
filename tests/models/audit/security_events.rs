//! Incidents: reporting them, the open ones by severity, and resolving each of them once.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::security_events;

use crate::support::json_text;
use crate::support::models::Models;

fn incident(severity: Severity) -> NewSecurityEvent<'static> {
    NewSecurityEvent::builder().event_type(EventType::BRUTE_FORCE).severity(severity).build()
}

fn report(models: &Models, new: &NewSecurityEvent<'_>) -> SecurityEvent {
    models.run(|conn| new.insert(conn))
}

fn at(time: &str) -> UtcTime {
    time.parse().expect("a time")
}

fn open(models: &Models, severity: Severity, size: u32) -> Vec<SecurityEventId> {
    let (mut ids, mut before): (Vec<_>, Option<Cursor<_>>) = (Vec::new(), None);
    loop {
        let size = PageSize::of(size);
        let page = models.run(|conn| SecurityEvent::page_of_open(conn, severity, before, size));
        assert!(page.rows.iter().all(|event| !event.resolved && event.severity == severity));
        ids.extend(page.rows.iter().map(|event| event.id));
        before = page.next;
        if before.is_none() {
            return ids;
        }
    }
}

#[test]
fn an_incident_is_reported_and_found_with_every_field() {
    let models = Models::new();
    let ann = models.ann();
    let new = NewSecurityEvent {
        event_id: SecurityEventPublicId::new(),
        user_id: Some(ann),
        event_type: EventType::BRUTE_FORCE,
        event_subtype: Some("password"),
        severity: Severity::Critical,
        source_ip: Some("192.0.2.1"),
        user_agent: Some("agent"),
        timestamp: at("2020-01-02 03:04:05.678901"),
        details: Some(json_text(json!({"attempts": 17}))),
    };
    let made = report(&models, &new);
    let expected = SecurityEvent {
        id: made.id,
        event_id: new.event_id,
        user_id: Some(ann),
        event_type: "brute_force".into(),
        event_subtype: Some("password".into()),
        severity: Severity::Critical,
        source_ip: Some("192.0.2.1".into()),
        user_agent: Some("agent".into()),
        timestamp: new.timestamp,
        details: Some(json_text(json!({"attempts": 17}))),
        resolved: false,
        resolved_at: None,
        resolved_by: None,
        investigation_notes: None,
    };
    assert_eq!(made, expected);
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, made.id)), Some(expected));
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, SecurityEventId(4711))), None);

    let least = report(&models, &incident(Severity::Debug));
    assert_eq!((least.user_id, least.event_subtype, least.source_ip), (None, None, None));
    assert_eq!((least.user_agent, least.details), (None, None));
}

#[test]
fn what_breaks_a_rule_is_not_reported() {
    let models = Models::new();
    let once = incident(Severity::Error);
    report(&models, &once);
    let again = NewSecurityEvent { event_id: once.event_id, ..incident(Severity::Error) };
    models.violates(Rule::Duplicate, security_events::event_id, |conn| again.insert(conn));
    let of_nobody = NewSecurityEvent { user_id: Some(UserId(4711)), ..incident(Severity::Error) };
    models
        .violates(Rule::UnknownReference, security_events::user_id, |conn| of_nobody.insert(conn));
    for bad in ["", &"x".repeat(51), "a\0b"] {
        let new = NewSecurityEvent {
            event_type: EventType::undeclared(bad),
            ..incident(Severity::Error)
        };
        models.violates(Rule::Length, security_events::event_type, |conn| new.insert(conn));
        let new = NewSecurityEvent { event_subtype: Some(bad), ..incident(Severity::Error) };
        models.violates(Rule::Length, security_events::event_subtype, |conn| new.insert(conn));
    }
    for bad in ["", &"x".repeat(46)] {
        let new = NewSecurityEvent { source_ip: Some(bad), ..incident(Severity::Error) };
        models.violates(Rule::Length, security_events::source_ip, |conn| new.insert(conn));
    }
    let new = NewSecurityEvent { user_agent: Some("\0"), ..incident(Severity::Error) };
    models.violates(Rule::Text, security_events::user_agent, |conn| new.insert(conn));
    assert_eq!(open(&models, Severity::Error, 50).len(), 1);
}

#[test]
fn the_open_ones_of_a_severity_come_page_by_page_the_newest_first() {
    let models = Models::new();
    let admin = models.user("admin");
    let times = ["12:00", "13:00", "12:00", "12:00", "11:00", "13:00", "12:00"];
    let mut expected = Vec::new();
    for time in times {
        let timestamp = at(&format!("2026-01-01 {time}:00.000000"));
        let add = |severity| report(&models, &NewSecurityEvent { timestamp, ..incident(severity) });
        add(Severity::Warning);
        let event = add(Severity::Error);
        expected.push((event.timestamp, event.id));
        let closed = add(Severity::Error).id;
        models.run(|conn| SecurityEvent::resolve(conn, closed, admin, "nothing"));
    }
    expected.sort_unstable();
    expected.reverse();
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    for size in [1, 2, 3, 6, 7, 8] {
        assert_eq!(open(&models, Severity::Error, size), expected, "{size}");
    }
    assert_eq!(open(&models, Severity::Warning, 50).len(), 7);
    assert_eq!(open(&models, Severity::Critical, 50), []);
}

#[test]
fn an_incident_at_the_end_of_time_is_on_the_first_page() {
    let models = Models::new();
    let ends = [UtcTime::MIN, UtcTime::MAX];
    let [first, last] =
        ends.map(|timestamp| NewSecurityEvent { timestamp, ..incident(Severity::Info) });
    let (first, last) = (report(&models, &first).id, report(&models, &last).id);
    assert_eq!(open(&models, Severity::Info, 1), [last, first]);
}

#[test]
fn an_incident_is_resolved_with_notes_and_is_open_no_longer() {
    let models = Models::new();
    let (admin, ann) = (models.user("admin"), models.ann());
    let event =
        report(&models, &NewSecurityEvent { user_id: Some(ann), ..incident(Severity::Error) });
    let other = report(&models, &incident(Severity::Error));
    let before = UtcTime::now();
    let resolved =
        models.run(|conn| SecurityEvent::resolve(conn, event.id, admin, "a false alarm"));
    let time = resolved.resolved_at.expect("a time");
    assert!(before <= time && time <= UtcTime::now());
    let expected = SecurityEvent {
        resolved: true,
        resolved_at: Some(time),
        resolved_by: Some(admin),
        investigation_notes: Some("a false alarm".into()),
        ..event.clone()
    };
    assert_eq!(resolved, expected);
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, event.id)), Some(expected));
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, other.id)), Some(other.clone()));
    assert_eq!(open(&models, Severity::Error, 50), [other.id]);
}

#[test]
fn an_incident_is_not_resolved_twice() {
    let models = Models::new();
    let (admin, ann) = (models.user("admin"), models.ann());
    let id = report(&models, &incident(Severity::Error)).id;
    let first = models.run(|conn| SecurityEvent::resolve(conn, id, admin, "first"));
    let error = models.fails(|conn| SecurityEvent::resolve(conn, id, ann, "second"));
    let expected = matches!(
        error,
        Error::IllegalTransition { what: "security event", from: "resolved", to: "resolved" }
    );
    assert!(expected, "{error:?}");
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, id)), Some(first));
}

#[test]
fn of_eight_who_resolve_at_once_one_succeeds() {
    let models = Models::new();
    let admin = models.user("admin");
    let id = report(&models, &incident(Severity::Error)).id;
    let database = models.database();
    let resolve = |notes: String| {
        move || database.write(|conn| SecurityEvent::resolve(conn, id, admin, &notes))
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|thread| scope.spawn(resolve(thread.to_string()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let (resolved, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let winner = resolved.into_iter().next().expect("one succeeds").expect("it is a success");
    assert_eq!(refused.len(), 7);
    for error in refused.into_iter().filter_map(Result::err) {
        assert!(matches!(error, Error::IllegalTransition { .. }), "{error:?}");
    }
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, id)), Some(winner));
}

#[test]
fn an_incident_that_is_not_there_is_not_found() {
    let models = Models::new();
    let admin = models.user("admin");
    for by in [admin, UserId(4711)] {
        let error =
            models.fails(|conn| SecurityEvent::resolve(conn, SecurityEventId(4711), by, "notes"));
        assert!(matches!(error, Error::NotFound { table: "security_events", .. }), "{error:?}");
    }
}

#[test]
fn who_resolves_is_a_user_and_what_they_find_is_text() {
    let models = Models::new();
    let event = report(&models, &incident(Severity::Error));
    let unknown = Rule::UnknownReference;
    models.violates(unknown, security_events::resolved_by, |conn| {
        SecurityEvent::resolve(conn, event.id, UserId(4711), "notes")
    });
    let admin = models.user("admin");
    models.violates(Rule::Text, security_events::investigation_notes, |conn| {
        SecurityEvent::resolve(conn, event.id, admin, "a\0b")
    });
    assert_eq!(models.run(|conn| SecurityEvent::find(conn, event.id)), Some(event.clone()));
    let resolved = models.run(|conn| SecurityEvent::resolve(conn, event.id, admin, ""));
    assert_eq!(resolved.investigation_notes.as_deref(), Some(""));
}

#[test]
fn a_time_is_read_back_as_it_was_given() {
    let models = Models::new();
    for seconds in [1_700_000_000, 20_000_000_000, -20_000_000_000] {
        let fine = chrono::DateTime::from_timestamp(seconds, 123_456_789).expect("a time");
        let new = NewSecurityEvent { timestamp: fine.into(), ..incident(Severity::Info) };
        assert_eq!(report(&models, &new).timestamp, new.timestamp);
    }
}

/// The machine that reported it had its clock ahead of the one where it is resolved.
#[test]
fn an_incident_from_the_future_is_resolved_when_it_was_reported() {
    let models = Models::new();
    let admin = models.user("admin");
    for timestamp in [at("2999-12-31 23:59:59.999999"), UtcTime::MAX] {
        let id = report(&models, &NewSecurityEvent { timestamp, ..incident(Severity::Error) }).id;
        let resolved = models.run(|conn| SecurityEvent::resolve(conn, id, admin, "notes"));
        assert_eq!(resolved.resolved_at, Some(timestamp));
    }
}
