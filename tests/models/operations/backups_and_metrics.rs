//! The record of backups, the values that are measured, and the schema's history.

use diesel::prelude::*;
use serde_json::json;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{backup_jobs, system_metrics};
use zenith_db::{Error, Result};

use crate::support::json_text;
use crate::support::models::Models;

fn at(time: &str) -> UtcTime {
    format!("2026-01-01 {time}").parse().expect("a time")
}

fn start(models: &Models, new: &NewBackupJob<'_>) -> BackupJob {
    models.run(|conn| new.insert(conn))
}

fn running() -> NewBackupJob<'static> {
    NewBackupJob::builder().build()
}

fn result() -> BackupResult<'static> {
    let new = BackupResult::builder().backup_path("/backups/1").backup_size(4096);
    new.verification_status(VerificationStatus::Verified).build()
}

fn find(models: &Models, id: BackupJobId) -> Option<BackupJob> {
    models.run(|conn| BackupJob::find(conn, id))
}

#[test]
fn a_backup_is_started_and_finished() {
    let models = Models::new();
    let before = UtcTime::now();
    let job = start(&models, &NewBackupJob { triggered_by: Some("cron"), ..running() });
    let expected = BackupJob {
        id: job.id,
        job_id: job.job_id,
        backup_type: BackupType::Full,
        status: BackupStatus::Running,
        started_at: job.started_at,
        completed_at: None,
        backup_path: None,
        backup_size: None,
        compression_ratio: None,
        verification_status: None,
        error_message: None,
        triggered_by: Some("cron".into()),
        retention_days: 30,
        metadata: json_text(json!({})),
    };
    assert_eq!(job, expected);
    assert!(before <= job.started_at && job.started_at <= UtcTime::now());
    let ratio = BackupResult { compression_ratio: Some(2.5), ..result() };
    let finished = models.run(|conn| ratio.finish(conn, job.id));
    let expected = BackupJob {
        status: BackupStatus::Completed,
        completed_at: finished.completed_at,
        backup_path: Some("/backups/1".into()),
        backup_size: Some(4096),
        compression_ratio: Some(2.5),
        verification_status: Some(VerificationStatus::Verified),
        ..expected
    };
    assert_eq!(finished, expected);
    assert!(finished.completed_at.is_some_and(|time| job.started_at <= time));
    assert_eq!(find(&models, job.id), Some(finished.clone()));
    assert_eq!(models.run(|conn| BackupJob::find_last_completed(conn)), Some(finished));
}

#[test]
fn a_backup_that_has_ended_is_recorded_whole() {
    let models = Models::new();
    let new = NewBackupJob {
        job_id: BackupJobPublicId::new(),
        backup_type: BackupType::Incremental,
        status: BackupStatus::Completed,
        started_at: at("10:00:00.000000"),
        completed_at: Some(at("10:00:00.000000")),
        backup_path: Some("/b"),
        backup_size: Some(0),
        compression_ratio: Some(0.5),
        verification_status: Some(VerificationStatus::Skipped),
        error_message: Some(""),
        triggered_by: None,
        retention_days: 1,
        metadata: json_text(json!([1])),
    };
    let made = start(&models, &new);
    assert_eq!(
        (made.job_id, made.backup_type, made.status),
        (new.job_id, new.backup_type, new.status)
    );
    assert_eq!((made.started_at, made.completed_at), (new.started_at, new.completed_at));
    assert_eq!((made.backup_path.as_deref(), made.backup_size), (Some("/b"), Some(0)));
    assert_eq!(made.compression_ratio, Some(0.5));
    assert_eq!(made.verification_status, Some(VerificationStatus::Skipped));
    assert_eq!((made.error_message.as_deref(), made.retention_days), (Some(""), 1));
    assert_eq!(made.metadata, new.metadata);
    assert_eq!(find(&models, made.id), Some(made));
}

#[test]
fn a_backup_fails_with_its_reason() {
    let models = Models::new();
    let job = start(&models, &running());
    let failed = models.run(|conn| BackupJob::fail(conn, job.id, "no space"));
    assert_eq!(
        (failed.status, failed.error_message.as_deref()),
        (BackupStatus::Failed, Some("no space"))
    );
    assert!(failed.completed_at.is_some_and(|time| job.started_at <= time));
    assert_eq!(find(&models, job.id), Some(failed));
    assert_eq!(models.run(|conn| BackupJob::find_last_completed(conn)), None);
}

#[test]
fn only_a_running_backup_ends() {
    let models = Models::new();
    for &status in BackupStatus::ALL {
        if status == BackupStatus::Running {
            continue;
        }
        let job = start(&models, &NewBackupJob { status, ..running() });
        let was = status.as_str();
        let error = models.fails(|conn| result().finish(conn, job.id));
        let Error::IllegalTransition { what, from, to } = error else { panic!("{error:?}") };
        assert_eq!((what, from, to), ("backup", was, "completed"));
        let error = models.fails(|conn| BackupJob::fail(conn, job.id, "no"));
        let Error::IllegalTransition { what, from, to } = error else { panic!("{error:?}") };
        assert_eq!((what, from, to), ("backup", was, "failed"));
        assert_eq!(find(&models, job.id), Some(job));
    }
    let not_found = |error| matches!(error, Error::NotFound { table: "backup_jobs", .. });
    let id = BackupJobId(4711);
    assert!(not_found(models.fails(|conn| result().finish(conn, id))));
    assert!(not_found(models.fails(|conn| BackupJob::fail(conn, id, "no"))));
    assert_eq!(find(&models, id), None);
}

#[test]
fn what_breaks_a_rule_does_not_end_a_backup() {
    let models = Models::new();
    let job = start(&models, &running());
    let finish = |bad: BackupResult<'static>| move |conn: &mut Writer<'_>| bad.finish(conn, job.id);
    for path in ["", "a\0", "x".repeat(4097).leak()] {
        let bad = BackupResult { backup_path: path, ..result() };
        models.violates(Rule::Length, backup_jobs::backup_path, finish(bad));
    }
    let bad = BackupResult { backup_size: -1, ..result() };
    models.violates(Rule::Count, backup_jobs::backup_size, finish(bad));
    for ratio in [0.0, -1.0, f64::INFINITY] {
        let bad = BackupResult { compression_ratio: Some(ratio), ..result() };
        models.violates(Rule::Range, backup_jobs::compression_ratio, finish(bad));
    }
    models.violates(Rule::Text, backup_jobs::error_message, |conn| {
        BackupJob::fail(conn, job.id, "a\0b")
    });
    assert_eq!(find(&models, job.id), Some(job));
    let bad = NewBackupJob { retention_days: 0, ..running() };
    models.violates(Rule::Range, backup_jobs::retention_days, |conn| bad.insert(conn));
    let once = running();
    start(&models, &once);
    models.violates(Rule::Duplicate, backup_jobs::job_id, |conn| once.insert(conn));
}

#[test]
fn a_ratio_that_is_no_number_is_not_recorded() {
    let models = Models::new();
    let id = start(&models, &running()).id;
    let bad = BackupResult { compression_ratio: Some(f64::NAN), ..result() };
    models.violates(Rule::Range, backup_jobs::compression_ratio, |conn| bad.finish(conn, id));
    let bad = NewBackupJob { compression_ratio: Some(f64::NAN), ..running() };
    models.violates(Rule::Range, backup_jobs::compression_ratio, |conn| bad.insert(conn));
}

/// The clock was set back meanwhile, or another machine's was ahead.
#[test]
fn a_backup_from_the_future_ends_when_it_began() {
    let models = Models::new();
    let started_at = UtcTime::MAX;
    let start = || start(&models, &NewBackupJob { started_at, ..running() }).id;
    let (first, second) = (start(), start());
    let finished = models.run(|conn| result().finish(conn, first));
    assert_eq!(finished.completed_at, Some(started_at));
    let failed = models.run(|conn| BackupJob::fail(conn, second, "no"));
    assert_eq!(failed.completed_at, Some(started_at));
}

#[test]
fn the_backups_come_page_by_page_the_newest_first_also_at_equal_times() {
    let models = Models::new();
    let jobs = ["12:00", "13:00", "12:00", "12:00", "11:00", "12:00"].map(|time| {
        let started_at = at(&format!("{time}:00.000000"));
        start(&models, &NewBackupJob { started_at, ..running() })
    });
    let mut expected: Vec<_> = jobs.iter().map(|job| (job.started_at, job.id)).collect();
    expected.sort_unstable();
    expected.reverse();
    for size in 1..8 {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = models.run(|conn| BackupJob::page(conn, before, PageSize::of(size)));
            found.extend(page.rows.iter().map(|job| (job.started_at, job.id)));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{size}");
    }
    // Of two that began at one time, the one that was recorded last is the newest.
    for number in [3, 2, 4] {
        models.run(|conn| result().finish(conn, jobs[number].id));
    }
    let last = models.run(|conn| BackupJob::find_last_completed(conn)).expect("a backup");
    assert_eq!(last.id, jobs[3].id);
}

fn value(metric_value: f64) -> NewSystemMetric<'static> {
    let new =
        NewSystemMetric::builder().metric_name(MetricName::new("load")).metric_value(metric_value);
    new.metric_type(MetricType::Gauge).timestamp(at("12:00:00.000000")).build()
}

fn series(models: &Models, component: Option<&str>) -> Vec<MetricBucket> {
    let day = (at("00:00:00.000000"), at("23:59:59.999999"));
    models.run(|conn| {
        SystemMetric::series(
            conn,
            MetricName::new("load"),
            component.map(Component::undeclared),
            day,
            3600,
        )
    })
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn any_number_of_values_is_inserted() {
    let models = Models::new();
    assert_eq!(models.run(|conn| SystemMetric::insert_all(conn, &[])), 0);
    assert_eq!(series(&models, None), []);
    let mut sent = 0;
    for count in [1, 63, 64, 65, 1000] {
        let values: Vec<_> = (0..count).map(|number| value(f64::from(number))).collect();
        let inserted = models.run(|conn| SystemMetric::insert_all(conn, &values));
        assert_eq!(inserted, values.len());
        sent += values.len() as u64;
        let bucket = series(&models, None).remove(0);
        // Values of one time are in the order in which they were given.
        assert_eq!((bucket.count, bucket.last), (sent, (values.len() - 1) as f64));
    }
}

#[test]
fn a_value_is_stored_with_every_field() {
    let models = Models::new();
    let full = NewSystemMetric {
        metric_name: MetricName::new("latency"),
        metric_value: -1.5e-300,
        metric_unit: Some("ms"),
        metric_type: MetricType::Timer,
        component: Some(Component::new("mail")),
        timestamp: at("12:00:00.000001"),
        tags: json_text(json!({"host": "a"})),
        metadata: json_text(json!([1])),
    };
    models.run(|conn| SystemMetric::insert_all(conn, &[full.clone(), value(1.0)]));
    // No model lists single values, and the plan of this query is not the crate's.
    let rows = models.database().read(|conn| -> Result<Vec<SystemMetric>> {
        let rows = system_metrics::table.order(system_metrics::id);
        Ok(dispatch!(conn, |conn| rows.select(SystemMetric::as_select()).load(conn))?)
    });
    let [first, second]: [SystemMetric; 2] =
        rows.expect("the values").try_into().expect("two values");
    let expected = SystemMetric {
        id: first.id,
        metric_name: "latency".into(),
        metric_value: -1.5e-300,
        metric_unit: Some("ms".into()),
        metric_type: MetricType::Timer,
        component: Some("mail".into()),
        timestamp: full.timestamp,
        tags: full.tags,
        metadata: full.metadata,
    };
    assert_eq!(first, expected);
    assert_eq!((second.component, second.metric_unit), (None, None));
}

#[test]
fn values_are_inserted_all_or_none() {
    let models = Models::new();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut values = vec![value(1.0); 1000];
        values[999] = value(bad);
        let column = system_metrics::metric_value;
        models.violates(Rule::Range, column, |conn| SystemMetric::insert_all(conn, &values));
        // What fails undoes its own work, though the caller goes on.
        models.run(|conn| Ok(SystemMetric::insert_all(conn, &values).is_err()));
    }
    let (rule, long) = (Rule::Length, "x".repeat(101));
    let bad =
        [value(1.0), NewSystemMetric { metric_name: MetricName::undeclared(&long), ..value(1.0) }];
    models.violates(rule, system_metrics::metric_name, |c| SystemMetric::insert_all(c, &bad));
    let bad =
        [value(1.0), NewSystemMetric { component: Some(Component::undeclared("")), ..value(1.0) }];
    models.violates(rule, system_metrics::component, |c| SystemMetric::insert_all(c, &bad));
    let bad = [value(1.0), NewSystemMetric { tags: json_text(json!([])), ..value(1.0) }];
    models.violates(Rule::Check, system_metrics::tags, |c| SystemMetric::insert_all(c, &bad));
    assert_eq!(series(&models, None), []);
}

#[test]
fn the_history_lists_every_migration_the_oldest_first() {
    let models = Models::new();
    let history = models.run(|conn| SchemaVersion::list(conn));
    let names: Vec<_> = history.iter().map(|row| row.description.as_deref()).collect();
    let first = format!("create operations, by zenith-db {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(names.first(), Some(&Some(first.as_str())));
    assert!(history.is_sorted_by(|a, b| a.version < b.version));
    assert_eq!(history[0].version, 20_261_123_000_001);
    assert!(history.len() >= 7);
    for row in history {
        assert!(row.checksum.is_some_and(|sum| sum.parse::<Sha256Hash>().is_ok()));
        assert!(row.applied_at <= UtcTime::now());
    }
}
