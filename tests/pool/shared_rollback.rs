//! A write of a group that fails is undone alone; if the transaction fails, all are told, and nothing is changed.

use std::error::Error as _;
use std::sync::Arc;

use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection, TransactionManager};
use zenith_db::{DbConnection, Error, Result, SharedCommit, Writer};

use super::together::{Work, is_ok, is_shared, together};
use super::writes::{insert, names, open, panic_quietly};
use crate::support::SqliteFixture;

fn refuse(conn: &mut Writer<'_>) -> Result<()> {
    insert(conn, "lost")?;
    Err(Error::Internal("on purpose".into()))
}

/// Breaks a foreign key, which only the commit notices.
fn breaks_at_the_commit(conn: &mut Writer<'_>) -> Result<()> {
    Ok(conn.batch_execute(
        "PRAGMA defer_foreign_keys = ON;
         INSERT INTO role_permissions (role_id, permission_id) VALUES (999, 1)",
    )?)
}

#[test]
fn a_write_that_fails_or_panics_undoes_its_own_work_and_no_more() {
    let panics: Work = |conn| {
        insert(conn, "lost")?;
        panic_quietly()
    };
    let violates: Work = |conn| {
        insert(conn, "lost")?;
        Ok(conn.batch_execute("INSERT INTO system_metrics (metric_name) VALUES (NULL)")?)
    };
    let leaves_open: Work = |conn| {
        insert(conn, "c")?;
        Ok(conn.batch_execute("SAVEPOINT left_open")?)
    };
    for limit in ["1", "4"] {
        for bad in [refuse as Work, panics, violates] {
            let fixture = SqliteFixture::created();
            let database = open(&fixture, limit);
            let writes: [Work; 5] = [
                |conn| insert(conn, "a"),
                bad,
                |conn| insert(conn, "b"),
                bad,
                |conn| insert(conn, "c"),
            ];
            let results = together(&database, &writes);
            assert_eq!(
                results.iter().map(is_ok).collect::<Vec<_>>(),
                [true, false, true, false, true]
            );
            assert!(!results.iter().any(is_shared), "{results:?}");
            assert_eq!(names(&fixture), "a b c");
        }
    }
    // A savepoint that is left open ends with the write's own.
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "4");
    let results =
        together(&database, &[|conn| insert(conn, "a"), leaves_open, |conn| insert(conn, "b")]);
    assert!(results.iter().all(is_ok), "{results:?}");
    assert_eq!(names(&fixture), "a b c");
}

#[test]
fn the_first_and_the_last_may_fail_too() {
    for writes in [
        [refuse as Work, |conn| insert(conn, "a"), |conn| insert(conn, "b")],
        [|conn| insert(conn, "a"), |conn| insert(conn, "b"), refuse],
    ] {
        let fixture = SqliteFixture::created();
        let database = open(&fixture, "2");
        let results = together(&database, &writes);
        assert_eq!(results.iter().filter(|result| is_ok(result)).count(), 2, "{results:?}");
        assert_eq!(names(&fixture), "a b");
    }
}

#[test]
fn a_commit_of_its_own_is_refused_and_harms_nobody() {
    let commits: Work = |conn| {
        insert(conn, "lost")?;
        let refused = conn.batch_execute("COMMIT").expect_err("refused");
        assert!(refused.to_string().contains("FOREIGN KEY"), "{refused}");
        Err(refused.into())
    };
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let results =
        together(&database, &[|conn| insert(conn, "a"), commits, |conn| insert(conn, "b")]);
    assert_eq!(results.iter().map(is_ok).collect::<Vec<_>>(), [true, false, true], "{results:?}");
    assert_eq!(names(&fixture), "a b");
}

#[test]
fn what_the_first_one_has_committed_itself_is_its_own_error() {
    let commits: Work = |conn| {
        insert(conn, "its own")?;
        Ok(conn.batch_execute("COMMIT")?)
    };
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let results = together(&database, &[commits, |conn| insert(conn, "a")]);
    assert!(matches!(results[0], Ok(Err(_))) && !is_shared(&results[0]), "{results:?}");
    assert!(is_ok(&results[1]), "{results:?}");
    assert_eq!(names(&fixture), "a its own");
}

#[test]
fn who_ends_its_own_savepoint_fails_all() {
    let commits: Work = |conn| {
        insert(conn, "lost")?;
        <DbConnection as TransactionManager<DbConnection>>::commit_transaction(conn)?;
        Err(Error::Internal("on purpose".into()))
    };
    let rolls_back: Work = |conn| {
        <DbConnection as TransactionManager<DbConnection>>::rollback_transaction(conn)?;
        insert(conn, "lost")
    };
    let begins_anew: Work = |conn| {
        Ok(conn.batch_execute(
            "ROLLBACK; BEGIN; SAVEPOINT diesel_savepoint_1;
             INSERT INTO system_metrics (metric_name, metric_value, metric_type) VALUES ('lost', 1, 'gauge')",
        )?)
    };
    for bad in [commits, rolls_back, begins_anew] {
        let fixture = SqliteFixture::created();
        let database = open(&fixture, "2");
        let results =
            together(&database, &[|conn| insert(conn, "x"), bad, |conn| insert(conn, "y")]);
        assert!(is_shared(&results[0]), "{results:?}");
        assert!(matches!(results[1], Ok(Err(_))), "{results:?}");
        let kept = if is_ok(&results[2]) { "y" } else { "NULL" };
        assert_eq!(names(&fixture), kept, "{results:?}");
        database.write(|conn| insert(conn, "z")).expect("the next write");
    }
}

#[test]
fn whoever_is_told_of_a_failure_has_written_nothing_although_another_has_committed() {
    let commits: Work = |conn| Ok(conn.batch_execute("PRAGMA defer_foreign_keys = OFF; COMMIT")?);
    let commits_and_begins: Work =
        |conn| Ok(conn.batch_execute("PRAGMA defer_foreign_keys = OFF; COMMIT; BEGIN IMMEDIATE")?);
    for bad in [commits, commits_and_begins] {
        let fixture = SqliteFixture::created();
        let database = open(&fixture, "2");
        let works: [Work; 3] = [|conn| insert(conn, "x"), bad, |conn| insert(conn, "y")];
        let results = together(&database, &works);
        assert!(matches!(results[1], Ok(Err(_))), "{results:?}");
        let told = |place: usize, name| if is_ok(&results[place]) { name } else { "" };
        let wanted = format!("{} {}", told(0, "x"), told(2, "y"));
        assert_eq!(names(&fixture), wanted.trim(), "{results:?}");
        database.write(|conn| insert(conn, "z")).expect("the next write");
    }
}

#[test]
fn who_releases_its_own_savepoint_rolls_back_nobody_elses_writes() {
    let fails: Work = |conn| {
        insert(conn, "undone")?;
        Err(Error::Internal("on purpose".into()))
    };
    // Diesel leaves the savepoint of the nested write, of the name that the savepoint of the next write has.
    let fails_inside: Work = |conn| {
        insert(conn, "x")?;
        let nested = conn.write(|_| Err::<(), _>(Error::Internal("on purpose".into())));
        assert!(nested.is_err());
        Ok(())
    };
    let releases: Work = |conn| {
        Ok(conn.batch_execute("RELEASE diesel_savepoint_1; ROLLBACK TO diesel_savepoint_1")?)
    };
    let releases_quietly: Work = |conn| {
        let rolled_back = "RELEASE diesel_savepoint_1; ROLLBACK TO diesel_savepoint_1";
        assert!(conn.batch_execute(rolled_back).is_err(), "there is no older one");
        Ok(())
    };
    for bad in [releases, releases_quietly] {
        for others in [[fails, |conn| insert(conn, "y")], [fails_inside, |conn| insert(conn, "y")]]
        {
            let fixture = SqliteFixture::created();
            let database = open(&fixture, "2");
            let [first, second] = others;
            let works = [first, fails, second, bad, |conn| insert(conn, "z")];
            let results = together(&database, &works);
            let wanted = ["x", "", "y", "", "z"];
            let kept = names(&fixture);
            for (result, name) in results.iter().zip(wanted).filter(|(_, name)| !name.is_empty()) {
                let is_kept = kept.split(' ').any(|kept| kept == name);
                assert_eq!(is_ok(result), is_kept, "{name}: {kept}, {results:?}");
            }
            database.write(|conn| insert(conn, "next")).expect("the next write");
        }
    }
}

#[test]
fn who_fails_alone_while_another_waits_gets_its_own_error() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let results = together(&database, &[breaks_at_the_commit, |conn| insert(conn, "a")]);
    assert!(matches!(results[0], Ok(Err(Error::Violation(_)))), "{results:?}");
    assert!(is_ok(&results[1]), "{results:?}");
}

#[test]
fn the_hint_of_a_shared_failure_is_that_of_its_cause() {
    let cause = || diesel::result::Error::RollbackTransaction;
    let alone = Error::DiskFull(cause()).hint();
    let shared = Error::from(SharedCommit::Failed(Arc::new(Error::DiskFull(cause()))));
    assert!(alone.is_some());
    assert_eq!(shared.hint(), alone);
}

#[test]
fn who_ends_the_transaction_fails_all_and_the_next_write_works() {
    let rolls_back: Work = |conn| Ok(conn.batch_execute("ROLLBACK")?);
    let raises: Work = |conn| {
        insert(conn, "lost")?;
        Ok(conn.batch_execute("INSERT INTO system_metrics (metric_name, metric_value, metric_type) VALUES ('raise', 1, 'gauge')")?)
    };
    let swallows: Work = |conn| {
        let _ = insert(conn, "raise");
        Ok(())
    };
    for bad in [rolls_back, raises, swallows] {
        let fixture = SqliteFixture::created();
        fixture.sql(
            "CREATE TRIGGER ends BEFORE INSERT ON system_metrics WHEN NEW.metric_name = 'raise'
             BEGIN SELECT RAISE(ROLLBACK, 'the end'); END",
        );
        let database = open(&fixture, "4");
        let results = together(
            &database,
            &[|conn| insert(conn, "x"), |conn| insert(conn, "y"), bad, |conn| insert(conn, "kept")],
        );
        assert!(is_shared(&results[0]) && is_shared(&results[1]), "{results:?}");
        // Its own error says why.
        assert!(matches!(results[2], Ok(Err(_))) && !is_shared(&results[2]), "{results:?}");
        // The next one has a transaction of its own.
        assert!(is_ok(&results[3]), "{results:?}");
        assert_eq!(names(&fixture), "kept");
    }
}

#[test]
fn a_commit_that_fails_is_told_to_all_with_its_cause_and_changes_nothing() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "4");
    let results = together(
        &database,
        &[|conn| insert(conn, "x"), breaks_at_the_commit, |conn| insert(conn, "y")],
    );
    // Nobody joins whoever has deferred.
    let (last, shared) = results.split_last().expect("a result");
    assert!(is_ok(last), "{last:?}");
    for result in shared {
        let Ok(Err(Error::SharedCommit(shared))) = result else { panic!("{result:?}") };
        assert!(matches!(shared, SharedCommit::Failed(_)));
        let cause = shared.source().expect("a cause");
        assert!(cause.to_string().contains("exist"), "{cause}");
    }
    assert_eq!(names(&fixture), "y");
    // What was deferred for one is not for the next.
    let breaks: Work = |conn| {
        let broken = "INSERT INTO role_permissions (role_id, permission_id) VALUES (999, 1)";
        assert!(conn.batch_execute(broken).is_err(), "the foreign key is not enforced at once");
        Ok(())
    };
    let defers: Work = |conn| Ok(conn.batch_execute("PRAGMA defer_foreign_keys = ON")?);
    let results = together(&database, &[defers, breaks, defers, breaks]);
    assert!(results.iter().all(is_ok), "{results:?}");
}

#[test]
fn who_breaks_its_own_transaction_and_says_that_all_is_well_fails_alone() {
    let breaks: Work = |conn| {
        let nested = conn.write(|conn| {
            <DbConnection as TransactionManager<DbConnection>>::commit_transaction(conn)?;
            insert(conn, "lost")
        });
        assert!(matches!(nested, Err(Error::Query(_))), "{nested:?}");
        Ok(())
    };
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let results = together(&database, &[breaks, |conn| insert(conn, "a")]);
    assert!(matches!(results[0], Ok(Err(Error::Query(_)))), "{results:?}");
    assert!(is_ok(&results[1]), "{results:?}");
    assert_eq!(names(&fixture), "a");
}

#[test]
fn whose_commit_panics_after_it_was_done_says_that_nobody_knows() {
    let panics_after_the_commit: Work = |conn| {
        conn.set_instrumentation(|event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::FinishQuery { query, .. } = event
                && query.to_string().contains("COMMIT")
            {
                panic_quietly();
            }
        });
        insert(conn, "a")
    };
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let results = together(&database, &[panics_after_the_commit, |conn| insert(conn, "b")]);
    let Ok(Err(unknown @ Error::CommitUnknown(_))) = &results[0] else { panic!("{results:?}") };
    assert!(!unknown.is_retryable());
    assert!(results[1].is_err(), "it has committed for both: {results:?}");
    assert_eq!(names(&fixture), "a b");
    database.write(|conn| insert(conn, "c")).expect("the next write");
}
