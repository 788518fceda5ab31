//! The state of the system's components: failures in a row, the alert they are due, the next check.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::system_health;

use crate::support::json_text;
use crate::support::models::Models;

use HealthStatus::{Degraded, Healthy, Unhealthy, Unknown};

fn check(component: &str, status: HealthStatus) -> HealthObservation<'_> {
    HealthObservation::builder().component(Component::undeclared(component)).status(status).build()
}

fn record(models: &Models, check: &HealthObservation<'_>) -> RecordedHealth {
    models.run(|conn| check.record(conn))
}

fn mark(models: &Models, component: &str) -> bool {
    models.run(|conn| SystemHealth::mark_alert_sent(conn, Component::undeclared(component)))
}

fn at(time: &str) -> UtcTime {
    format!("2026-01-01 {time}").parse().expect("a time")
}

#[test]
fn a_check_is_recorded_with_every_field_and_the_next_one_takes_its_place() {
    let models = Models::new();
    let first = HealthObservation {
        component: Component::new("disk"),
        status: Unhealthy,
        last_check: at("10:00:00.000001"),
        check_interval_seconds: 60,
        max_failures: 2,
        metrics: json_text(json!({"free": 0})),
        error_details: Some("full"),
    };
    let made = record(&models, &first).health;
    let expected = SystemHealth {
        id: made.id,
        component: "disk".into(),
        status: Unhealthy,
        last_check: first.last_check,
        next_check: Some(at("10:01:00.000001")),
        check_interval_seconds: 60,
        metrics: json_text(json!({"free": 0})),
        error_details: Some("full".into()),
        consecutive_failures: 1,
        max_failures: 2,
        alert_sent: false,
        created_at: made.created_at,
    };
    assert_eq!(made, expected);
    let found = models.run(|conn| SystemHealth::find_by_component(conn, Component::new("disk")));
    assert_eq!(found, Some(expected));

    let second = HealthObservation { last_check: at("10:01:00.000000"), ..check("disk", Healthy) };
    let replaced = record(&models, &second).health;
    let expected = SystemHealth {
        status: Healthy,
        last_check: at("10:01:00.000000"),
        next_check: Some(at("10:06:00.000000")),
        check_interval_seconds: 300,
        metrics: json_text(json!({})),
        error_details: None,
        consecutive_failures: 0,
        max_failures: 3,
        ..made
    };
    assert_eq!(replaced, expected);
    let found = models.run(|conn| SystemHealth::find_by_component(conn, Component::new("disk")));
    assert_eq!(found, Some(expected));
    assert_eq!(
        models.run(|conn| SystemHealth::find_by_component(conn, Component::new("Disk"))),
        None
    );
}

/// Every order in which four checks can come out.
#[test]
fn failures_in_a_row_are_counted() {
    let models = Models::new();
    let all = HealthStatus::ALL;
    for number in 0..all.len().pow(4) {
        let component = format!("component {number}");
        let mut failures = 0;
        for place in 0..4 {
            let status = all[number / all.len().pow(place) % all.len()];
            failures = match status {
                Unhealthy => failures + 1,
                Unknown => failures,
                Healthy | Degraded => 0,
            };
            let recorded = record(&models, &check(&component, status));
            let health = &recorded.health;
            assert_eq!(
                (health.status, health.consecutive_failures),
                (status, failures),
                "{number}"
            );
            assert_eq!(recorded.alert_due, failures >= 3, "{number}");
            assert!(!health.alert_sent);
        }
    }
}

#[test]
fn an_alert_is_due_from_the_last_failure_allowed_until_somebody_has_been_told() {
    let models = Models::new();
    let fail = || record(&models, &check("mail", Unhealthy)).alert_due;
    assert_eq!([fail(), fail(), fail(), fail()], [false, false, true, true]);
    assert!(record(&models, &check("mail", Unknown)).alert_due);
    assert!(mark(&models, "mail"));
    assert!(!mark(&models, "mail"));
    assert_eq!([fail(), fail(), fail(), fail()], [false; 4]);
    assert!(record(&models, &check("mail", Unknown)).health.alert_sent);
    // It recovers, and may alert again.
    for well in [Healthy, Degraded] {
        let recovered = record(&models, &check("mail", well));
        assert!(!recovered.alert_due && !recovered.health.alert_sent);
        assert_eq!([fail(), fail(), fail()], [false, false, true]);
        assert!(mark(&models, "mail"));
        assert!(!fail());
    }
}

#[test]
fn the_last_check_says_after_how_many_failures_an_alert_is_due() {
    let models = Models::new();
    let fail = |max_failures| {
        let check = HealthObservation { max_failures, ..check("mail", Unhealthy) };
        let recorded = record(&models, &check);
        (recorded.health.max_failures, recorded.alert_due)
    };
    assert_eq!(
        [fail(5), fail(2), fail(4), fail(4)],
        [(5, false), (2, true), (4, false), (4, true)]
    );
    let first = HealthObservation { max_failures: 1, ..check("disk", Unhealthy) };
    assert!(record(&models, &first).alert_due);
}

#[test]
fn an_alert_that_is_marked_after_the_recovery_does_not_silence_the_next() {
    let models = Models::new();
    let fail = || record(&models, &check("mail", Unhealthy)).alert_due;
    assert_eq!([fail(), fail(), fail()], [false, false, true]);
    // The component recovers while the alert is being sent.
    record(&models, &check("mail", Healthy));
    mark(&models, "mail");
    assert_eq!([fail(), fail(), fail()], [false, false, true]);
}

#[test]
fn failures_that_are_recorded_at_once_are_all_counted() {
    let models = Models::new();
    let database = models.database();
    let due: usize = std::thread::scope(|scope| {
        let work = || {
            let record = || database.write(|conn| check("mail", Unhealthy).record(conn));
            let recorded = (0..25).map(|_| record().expect("a record"));
            recorded.filter(|recorded| recorded.alert_due).count()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(due, 198);
    let found = models.run(|conn| SystemHealth::find_by_component(conn, Component::new("mail")));
    assert_eq!(found.expect("a row").consecutive_failures, 200);
}

#[test]
fn of_eight_who_would_send_the_alert_one_does() {
    let models = Models::new();
    for _ in 0..3 {
        record(&models, &check("mail", Unhealthy));
    }
    let database = models.database();
    let sent: Vec<bool> = std::thread::scope(|scope| {
        let work =
            || database.write(|conn| SystemHealth::mark_alert_sent(conn, Component::new("mail")));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic").expect("a row")).collect()
    });
    assert_eq!(sent.into_iter().filter(|sent| *sent).count(), 1);
}

#[test]
fn a_component_that_is_not_there_is_not_found() {
    let models = Models::new();
    record(&models, &check("mail", Unhealthy));
    let error = models.fails(|conn| SystemHealth::mark_alert_sent(conn, Component::new("post")));
    assert!(matches!(error, Error::NotFound { table: "system_health", .. }), "{error:?}");
    assert_eq!(
        models.run(|conn| SystemHealth::find_by_component(conn, Component::new("post"))),
        None
    );
}

#[test]
fn what_breaks_a_rule_is_not_recorded_and_changes_nothing() {
    let models = Models::new();
    let before = record(&models, &check("mail", Unhealthy)).health;
    for component in ["", &"x".repeat(101), "a\0b"] {
        let bad = check(component, Healthy);
        models.violates(Rule::Length, system_health::component, |conn| bad.record(conn));
    }
    record(&models, &check(&"ü".repeat(100), Healthy));
    for seconds in [0, -1, i32::MIN] {
        let bad = HealthObservation { check_interval_seconds: seconds, ..check("mail", Healthy) };
        let column = system_health::check_interval_seconds;
        models.violates(Rule::Range, column, |conn| bad.record(conn));
        let bad = HealthObservation { max_failures: seconds, ..check("mail", Healthy) };
        models.violates(Rule::Range, system_health::max_failures, |conn| bad.record(conn));
    }
    let bad = HealthObservation { error_details: Some("\0"), ..check("mail", Healthy) };
    models.violates(Rule::Text, system_health::error_details, |conn| bad.record(conn));
    let found = models.run(|conn| SystemHealth::find_by_component(conn, Component::new("mail")));
    assert_eq!(found, Some(before));
}

#[test]
fn the_next_check_is_an_interval_later_and_not_beyond_the_end_of_time() {
    let models = Models::new();
    let next = |last_check, check_interval_seconds| {
        let check = HealthObservation { last_check, check_interval_seconds, ..check("x", Healthy) };
        record(&models, &check).health.next_check
    };
    assert_eq!(next(at("23:59:59.999999"), 1), "2026-01-02 00:00:00.999999".parse().ok());
    assert_eq!(next(at("00:00:00.000000"), i32::MAX), "2094-01-19 03:14:07.000000".parse().ok());
    assert_eq!(next(UtcTime::MAX, i32::MAX), Some(UtcTime::MAX));
}

#[test]
fn a_check_is_due_from_its_time_on_and_the_longest_waiting_comes_first() {
    let models = Models::new();
    for (component, time) in [
        ("b", "10:00:00.000000"),
        ("a", "10:00:00.000000"),
        ("early", "09:59:59.999999"),
        ("late", "10:00:00.000001"),
    ] {
        let last_check = at(time);
        let check_interval_seconds = 3600;
        record(
            &models,
            &HealthObservation { last_check, check_interval_seconds, ..check(component, Healthy) },
        );
    }
    let due = |now| {
        let due = models.run(|conn| SystemHealth::list_due(conn, now));
        due.into_iter().map(|health| health.component).collect::<Vec<_>>()
    };
    assert_eq!(due(at("10:59:59.999998")), [""; 0]);
    assert_eq!(due(at("10:59:59.999999")), ["early"]);
    // Two that are due at one time come in the order in which they were first recorded.
    assert_eq!(due(at("11:00:00.000000")), ["early", "b", "a"]);
    assert_eq!(due(UtcTime::MAX), ["early", "b", "a", "late"]);
    // Once checked it waits anew.
    record(
        &models,
        &HealthObservation { last_check: at("11:00:00.000000"), ..check("b", Unknown) },
    );
    assert_eq!(due(at("11:00:00.000001")), ["early", "a", "late"]);
}

#[test]
fn every_component_is_listed_by_name() {
    let models = Models::new();
    assert_eq!(models.run(|conn| SystemHealth::list(conn)), []);
    let made = ["mail", "disk", "Zeta"].map(|name| record(&models, &check(name, Healthy)).health);
    let [mail, disk, zeta] = made;
    let mut listed = models.run(|conn| SystemHealth::list(conn));
    // How capitals sort is the database's own affair.
    assert!(listed.iter().position(|h| *h == disk) < listed.iter().position(|h| *h == mail));
    listed.sort_by_key(|health| health.component.to_lowercase());
    assert_eq!(listed, [disk, mail, zeta]);
}
