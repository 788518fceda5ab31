//! Records of backups in `backup_jobs`: running while they run, and ended however they end.

use zenith_db::models::{BackupJob, NewBackupJob};
use zenith_db::types::BackupStatus;

use crate::support::Fixture;

const STATES: &str = "SELECT string_agg(status, ' ' ORDER BY id) FROM backup_jobs";

#[test]
fn a_backup_whose_process_has_ended_is_recorded_as_failed_by_the_next() {
    let fixture = Fixture::created();
    let abandoned = |path: &str| {
        let metadata = zenith_db::types::Json(serde_json::json!({ "temporary_file": path }));
        let job = NewBackupJob::builder().metadata(metadata).build();
        fixture.database().write(|connection| job.insert(connection)).expect("a record")
    };
    abandoned("/nowhere/.zenith-lost.partial");
    let other = NewBackupJob::builder().build();
    fixture.database().write(|connection| other.insert(connection)).expect("a record");
    let report = fixture.manager().backup().expect("a backup");
    assert_eq!(fixture.text(STATES), "failed failed completed");
    let reason = fixture.text("SELECT max(error_message) FROM backup_jobs");
    assert!(reason.contains("its process ended"), "{reason}");
    let last = fixture.manager().last_backup().expect("a record").expect("one");
    assert_eq!(last.job_id, report.job_id);
}

#[test]
fn a_backup_that_runs_is_left_alone_and_may_finish_although_it_was_thought_abandoned() {
    let fixture = Fixture::created();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(".zenith-running.partial");
    let file = std::fs::File::create(&path).expect("a file");
    file.lock().expect("a lock");
    let metadata = zenith_db::types::Json(serde_json::json!({
        "temporary_file": path.to_str().expect("UTF-8")
    }));
    let running = NewBackupJob::builder().metadata(metadata).build();
    let database = fixture.database();
    let running = database.write(|connection| running.insert(connection)).expect("a record");
    fixture.manager().backup().expect("a backup");
    assert_eq!(fixture.text(STATES), "running completed");
    drop(file);
    fixture.manager().backup().expect("a backup");
    assert_eq!(fixture.text(STATES), "failed completed completed");
    let finished = database.write(|connection| {
        let result = zenith_db::models::BackupResult::builder()
            .backup_path("/somewhere")
            .backup_size(1)
            .verification_status(zenith_db::types::VerificationStatus::Verified)
            .build();
        result.finish(connection, running.id)
    });
    let finished: BackupJob = finished.expect("a record");
    assert_eq!((finished.status, finished.error_message), (BackupStatus::Completed, None));
}
