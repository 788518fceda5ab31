//! What a stopped transfer left is gone on with if that is right, and refused if it is not.

use zenith_db::Error;
use zenith_db::internal::connection::write;
use zenith_db_transfer::{Result, TransferError, TransferPhase, TransferReport, transfer_between};

use crate::support::place::{BEGIN, Place, RESUME, stop_when, transfer};
use crate::support::text;

/// Both kinds of target, with a source that has been moved to each up to this many messages.
fn stopped(messages: i64) -> Vec<(Place, Place)> {
    let targets = [Some(Place::sqlite()), Place::postgres()];
    let pair = |target: Place| {
        let source = Place::filled(300);
        stop_when(&source, &target, |progress| {
            progress.table == "chat_history" && progress.rows >= messages
        });
        (source, target)
    };
    targets.into_iter().flatten().map(pair).collect()
}

fn fault(result: Result<TransferReport>) -> TransferError {
    match result {
        Err(error) if !matches!(error, TransferError::Database(_)) => error,
        other => panic!("{other:?}"),
    }
}

/// Whether the record of a transfer is there.
fn is_recorded(target: &Place) -> bool {
    target.catalogue().iter().any(|line| line.contains("zenith_transfer"))
}

fn resumed(source: &Place, target: &Place) -> TransferReport {
    let report = transfer(source, target, RESUME).expect("a transfer");
    assert_eq!(target.contents(), source.contents());
    assert!(!is_recorded(target));
    report
}

fn rows_of(report: &TransferReport, table: &str) -> i64 {
    report.tables.iter().find(|row| row.table == table).expect("the table").target.rows
}

#[test]
fn it_goes_on_only_if_asked_to() {
    for (source, target) in stopped(150) {
        let before = target.contents();
        let refused = fault(transfer(&source, &target, BEGIN));
        assert!(matches!(refused, TransferError::Interrupted { rows: 156 }), "{refused:?}");
        assert_eq!(target.contents(), before);
        let report = resumed(&source, &target);
        assert_eq!(report.resumed_rows, 156);
    }
}

#[test]
fn a_source_that_changed_meanwhile_is_moved_as_it_is_now() {
    for (source, target) in stopped(150) {
        source.sql(
            "UPDATE api_keys SET name = 'renamed' WHERE id = 1;
             DELETE FROM backup_jobs WHERE id = 2;
             INSERT INTO chat_history (id, chat_session_id, user_id, message_id, message_content,
                 message_type)
             VALUES (-7, 1, 1, '00000000-0000-7000-8000-00000000000b', 'before them', 'user'),
                 (9000, 1, 1, '00000000-0000-7000-8000-00000000000c', 'after them', 'user');
             INSERT INTO audit_log (seq, event_id, event_type, event_category, action, prev_hash,
                 entry_hash)
             VALUES (3, '00000000-0000-7000-8000-00000000000d', 't', 'c', 'a', printf('%064d', 2),
                 printf('%064d', 3))",
        );
        let report = resumed(&source, &target);
        assert_eq!(rows_of(&report, "chat_history"), 304);
        // The others were not copied again: the audit log, which cannot be.
        assert_eq!(report.resumed_rows, 2);
    }
}

#[test]
fn a_row_that_was_tampered_with_is_found_and_copied_again() {
    for (source, target) in stopped(150) {
        target.sql("UPDATE chat_history SET message_content = 'a lie' WHERE id = 100");
        resumed(&source, &target);
    }
}

#[test]
fn a_row_that_is_tampered_with_after_it_was_copied_is_found_by_the_proof() {
    for target in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let source = Place::filled(10);
        let mut once = Some("UPDATE api_keys SET name = 'a lie' WHERE id = 1");
        let result = transfer_between(
            &mut source.connect(),
            &mut target.connect(),
            &BEGIN,
            &mut |progress| {
                if progress.table == "roles" && progress.phase == TransferPhase::Copying {
                    once.take().into_iter().for_each(|statement| target.sql(statement));
                }
            },
        );
        let TransferError::Differs { tables } = fault(result) else { panic!() };
        assert!(tables.starts_with("api_keys has 2 rows, "), "{tables}");
        assert_eq!(tables.matches(" rows, ").count(), 2, "{tables}");
        assert!(is_recorded(&target));
        resumed(&source, &target);
    }
}

#[test]
fn a_stop_in_the_middle_of_the_proof_can_be_gone_on_from() {
    for target in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let (source, empty) = (Place::filled(10), target.catalogue());
        stop_when(&source, &target, |progress| {
            progress.phase == TransferPhase::Proving && progress.table == "roles"
        });
        assert!(is_recorded(&target));
        let report = resumed(&source, &target);
        assert_eq!(report.resumed_rows, report.rows - rows_of(&report, "schema_version"));
        assert_eq!(target.catalogue(), empty);
    }
}

#[test]
fn another_source_is_refused() {
    for (_, target) in stopped(150) {
        let before = target.contents();
        let other = Place::filled(0);
        let refused = fault(transfer(&other, &target, RESUME));
        assert!(matches!(refused, TransferError::OtherSource), "{refused:?}");
        assert_eq!(target.contents(), before);
    }
}

#[test]
fn another_audit_log_is_refused() {
    for (source, target) in stopped(150) {
        // As if an old backup had been put in its place, and used since.
        source.sql(
            "DROP TRIGGER audit_log_no_update;
             UPDATE audit_log SET description = 'another' WHERE seq = 1",
        );
        let refused = fault(transfer(&source, &target, RESUME));
        assert!(matches!(refused, TransferError::OtherAuditLog), "{refused:?}");
    }
}

#[test]
fn a_target_that_is_not_done_is_no_source() {
    for (_, unfinished) in stopped(150) {
        let target = Place::sqlite();
        let refused = fault(transfer(&unfinished, &target, BEGIN));
        assert!(matches!(refused, TransferError::UnfinishedSource), "{refused:?}");
        assert!(!is_recorded(&target));
    }
}

#[test]
fn a_target_with_rows_is_refused_with_what_it_has() {
    for target in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let source = Place::filled(0);
        target.sql("INSERT INTO permissions (name, resource, action) VALUES ('p', 'r', 'a')");
        for options in [BEGIN, RESUME] {
            let refused = fault(transfer(&source, &target, options));
            let TransferError::NotEmpty { found } = refused else { panic!("{refused:?}") };
            assert_eq!(found, "permissions (1 row)");
        }
        assert!(!is_recorded(&target));
    }
}

#[test]
fn other_migrations_are_refused() {
    let (source, target) = (Place::filled(0), Place::sqlite());
    target.sql(
        "DELETE FROM schema_version WHERE version = (SELECT max(version) FROM schema_version)",
    );
    let refused = fault(transfer(&source, &target, BEGIN));
    assert!(matches!(refused, TransferError::OtherMigrations { .. }), "{refused:?}");
    assert!(!is_recorded(&target));

    for source in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        source.sql("DROP TABLE schema_version");
        let refused = fault(transfer(&source, &target, BEGIN));
        let TransferError::OtherMigrations { of_source, .. } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(of_source, "none");
    }
}

#[test]
fn of_two_at_once_the_later_goes_on() {
    for target in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let source = Place::filled(300);
        let mut later = None;
        let result = transfer_between(
            &mut source.connect(),
            &mut target.connect(),
            &BEGIN,
            &mut |progress| {
                if progress.table == "chat_history" && progress.rows == 100 && later.is_none() {
                    later = Some(resumed(&source, &target));
                }
            },
        );
        assert!(matches!(fault(result), TransferError::TakenOver));
        assert_eq!(target.contents(), source.contents());
        assert!(later.is_some_and(|report| report.resumed_rows > 100));
    }
}

#[test]
fn while_another_is_at_work_it_is_told_of_the_loss_of_the_target() {
    for target in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let source = Place::filled(300);
        let mut begun = false;
        let result = transfer_between(
            &mut source.connect(),
            &mut target.connect(),
            &BEGIN,
            &mut |progress| {
                if progress.table == "chat_history" && !begun {
                    begun = true;
                    stop_when(&source, &target, |progress| progress.rows >= 50);
                }
            },
        );
        assert!(matches!(fault(result), TransferError::TakenOver));
        resumed(&source, &target);
    }
}

#[test]
fn a_broken_reference_of_the_source_is_named_and_can_be_mended() {
    for target in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let source = Place::filled(0);
        source.sql("UPDATE documents SET user_id = 77 WHERE id = 2");
        let refused = fault(transfer(&source, &target, BEGIN));
        let TransferError::BrokenReferences { first, .. } = refused else { panic!("{refused:?}") };
        assert!(
            ["documents_user_id_fkey", "documents row 2 has no users"].contains(&first.as_str()),
            "{first}"
        );
        source.sql("UPDATE documents SET user_id = 2 WHERE id = 2");
        resumed(&source, &target);
    }
}

#[test]
fn what_is_not_text_in_a_column_of_text_is_refused_and_named() {
    let (source, target) = (Place::filled(0), Place::sqlite());
    source.sql("UPDATE notifications SET message = CAST(x'C328' AS TEXT) WHERE id = 2");
    let refused = fault(transfer(&source, &target, BEGIN));
    let TransferError::Table { action, table, place, .. } = refused else { panic!() };
    assert_eq!((action, table), ("reading", "notifications"));
    assert_eq!(place, "the row after the key 1");
    source.sql("UPDATE notifications SET message = 'text' WHERE id = 2");
    resumed(&source, &target);
}

#[test]
fn what_the_other_database_refuses_is_named() {
    let Some(target) = Place::postgres() else { return };
    let source = Place::filled(0);
    // Lower case to SQLite, which knows ASCII only.
    source.sql("UPDATE users SET username = 'Änn' WHERE id = 2");
    let refused = fault(transfer(&source, &target, BEGIN));
    let TransferError::Table { action, table, place, source: cause } = refused else { panic!() };
    assert_eq!((action, table, place.as_str()), ("writing", "users", "the row with the key 2"));
    let violation = cause.violation().expect("a rule");
    assert_eq!(violation.constraint(), Some("users_username_canonical"));
    source.sql("UPDATE users SET username = 'änn' WHERE id = 2");
    // The row before it was kept, though it was in the same batch.
    let report = resumed(&source, &target);
    assert!(report.resumed_rows > 0, "{report:?}");
}

#[test]
fn the_connections_are_left_as_they_were() {
    let (source, target) = (Place::filled(0), Place::sqlite());
    let (mut from, mut to) = (source.connect(), target.connect());
    for _ in 0..2 {
        // The second time it is refused.
        let _ = transfer_between(&mut from, &mut to, &BEGIN, &mut |_| ());
        let pragma = |connection: &mut _, name: &str| match connection {
            zenith_db::DbConnection::Sqlite(connection) => {
                text(connection, &format!("SELECT {name} FROM pragma_{name}"))
            }
            #[cfg(feature = "postgres")]
            zenith_db::DbConnection::Postgres(_) => panic!("both are SQLite"),
        };
        assert_eq!(pragma(&mut from, "query_only"), "0");
        assert_eq!(pragma(&mut to, "foreign_keys"), "1");
        write(&mut from, |_| Ok::<_, Error>(())).expect("no transaction is open");
        write(&mut to, |_| Ok::<_, Error>(())).expect("no transaction is open");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_time_limit_of_the_connection_does_not_stop_it_and_is_there_afterwards() {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    let (Some(source), Some(target)) = (Place::postgres(), Place::postgres()) else { return };
    transfer(&Place::filled(0), &source, BEGIN).expect("a source");
    // One that takes longer than it may.
    target.sql(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(1.5); RETURN NEW; END';
         CREATE TRIGGER dawdle BEFORE INSERT ON roles EXECUTE FUNCTION dawdle()",
    );
    let (mut from, mut to) = (source.connect(), target.connect());
    let limit = "SET statement_timeout = '1s'; SET idle_in_transaction_session_timeout = '1s'";
    from.batch_execute(limit).expect("a limit");
    to.batch_execute(limit).expect("a limit");
    transfer_between(&mut from, &mut to, &BEGIN, &mut |_| ()).expect("a transfer");
    for connection in [&mut from, &mut to] {
        let zenith_db::DbConnection::Postgres(connection) = connection else { panic!() };
        for name in ["statement_timeout", "idle_in_transaction_session_timeout"] {
            let setting = format!("current_setting('{name}')");
            let setting = diesel::dsl::sql::<diesel::sql_types::Text>(&setting);
            assert_eq!(diesel::select(setting).get_result(connection), Ok("1s".to_owned()));
        }
    }
}

#[test]
fn one_snapshot_is_moved_whatever_is_written_meanwhile() {
    let sqlite = Place::filled(100);
    sqlite.sql("PRAGMA journal_mode = WAL");
    let server = Place::postgres();
    if let Some(server) = &server {
        transfer(&sqlite, server, BEGIN).expect("a source");
    }
    for source in [Some(sqlite), server].into_iter().flatten() {
        let (target, before) = (Place::sqlite(), source.contents());
        let mut once = Some("UPDATE users SET full_name = 'later' WHERE id = 1");
        let result =
            transfer_between(&mut source.connect(), &mut target.connect(), &BEGIN, &mut |_| {
                once.take().into_iter().for_each(|statement| source.sql(statement));
            });
        result.expect("a transfer");
        assert_eq!(target.contents(), before);
        assert_ne!(source.contents(), before);
    }
}
