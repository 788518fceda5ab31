//! A process that is killed leaves exactly the old or exactly the new database, and no lock.

use std::time::Instant;

use zenith_db::Backend;

use crate::support::Fixture;
use crate::support::shuttle::Shuttle;

/// How many times each is killed; `ZENITH_TEST_KILLS` says otherwise. On a server, each takes several times as long.
fn kills(fixture: &Fixture) -> u32 {
    let usual = if fixture.backend() == Backend::Sqlite { 200 } else { 60 };
    std::env::var("ZENITH_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// So many kills follow one run that is left in peace: how long it takes changes as the database is
/// moved to and fro.
const ROUND: u32 = 10;

fn killed(forth: bool) {
    let shuttle = Shuttle::new(Fixture::created());
    let rounds = kills(&shuttle.fixture).div_ceil(ROUND);
    let mut outcomes = [0, 0];
    for round in 0..rounds {
        let mut command = shuttle.ready(forth);
        let begun = Instant::now();
        assert!(command.status().expect("it runs").success());
        let run = begun.elapsed();
        for kill in 0..ROUND {
            let mut child = shuttle.ready(forth).spawn().expect("it starts");
            // Spread over a run and a little beyond; whatever the moment, the outcome is one of two.
            let share = f64::from(kill * rounds + round) / f64::from(ROUND * rounds);
            std::thread::sleep(run.mul_f64(1.2 * share));
            child.kill().expect("killed, or over");
            child.wait().expect("gone");
            let context = format!("round {round}, kill {kill}");
            #[cfg(feature = "postgres")]
            on_a_server::settle(&shuttle.fixture, &context);
            outcomes[usize::from(shuttle.is_newer(&context))] += 1;
        }
        println!("after {run:?} each: older {}, newer {}", outcomes[0], outcomes[1]);
    }
}

#[test]
fn a_migration_that_is_killed_leaves_the_old_or_the_new_database() {
    killed(true);
}

#[test]
fn a_rollback_that_is_killed_leaves_the_old_or_the_new_database() {
    killed(false);
}

#[cfg(feature = "postgres")]
mod on_a_server {
    use std::process::Stdio;
    use std::time::Duration;

    use diesel::connection::SimpleConnection;
    use zenith_db::Backend;
    use zenith_db::{Error, MigrationFault};

    use crate::support::shuttle::{Shuttle, older_version};
    use crate::support::{Fixture, stderr};

    /// What the server still does for a process that is gone, it does to the end; then nothing of
    /// that process is left.
    pub(super) fn settle(fixture: &Fixture, context: &str) {
        if fixture.backend() == Backend::Sqlite {
            return;
        }
        // Takes the lock, and so waits for whoever had it. There is nothing to do in either version.
        match fixture.manager().migrate_to(&older_version()) {
            Ok(report) => assert_eq!(report.steps, [], "{context}"),
            Err(Error::Migration(MigrationFault::LaterVersion { .. })) => {}
            Err(error) => panic!("{context}: {error}"),
        }
        let others = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        await_that(fixture, others, "0", context);
    }

    /// Asks until the answer is this one.
    fn await_that(fixture: &Fixture, query: &str, answer: &str, context: &str) {
        let asked = || {
            std::thread::sleep(Duration::from_millis(10));
            fixture.text(query)
        };
        assert!((0..3_000).any(|_| asked() == answer), "{context}: not {answer}: {query}");
    }

    /// Ends the migrator's session while it waits in the middle of a migration for this open
    /// transaction.
    fn cut_off(forth: bool, in_the_way: &str) {
        let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
        let shuttle = Shuttle::new(fixture);
        let mut command = shuttle.ready(forth);
        let mut other = shuttle.fixture.raw();
        other.batch_execute(&format!("BEGIN; {in_the_way}")).expect(in_the_way);
        let child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let waiting = "FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = 'zenith-db' AND wait_event_type = 'Lock'";
        let ask = format!("SELECT count(*) {waiting}");
        await_that(&shuttle.fixture, &ask, "1", "it waits");
        // Others read meanwhile, and do not write, not even where no migration has been.
        let mut writer = shuttle.fixture.raw();
        writer.batch_execute("SET lock_timeout = '200ms'; SELECT FROM roles").expect("read");
        writer.batch_execute("UPDATE roles SET description = 'x'").expect_err("kept out");
        drop(writer);
        shuttle.fixture.text(&format!("SELECT pg_terminate_backend(pid) {waiting}"));
        let output = child.wait_with_output().expect("it ends");
        other.batch_execute("ROLLBACK").expect("out of the way");
        drop(other);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = stderr(&output);
        let error = said.lines().find(|line| line.starts_with("error: ")).expect("an error");
        let words = "nothing was changed: the connection to the server was lost";
        assert!(error.contains(words) && error.contains("the database is unchanged"), "{said}");
        assert!(!said.contains("could not be recorded"), "{said}");
        let status = shuttle.fixture.manager().status().expect("a status");
        let failed = status.failed_migration.expect("a record");
        assert!(failed.error.contains(words), "{failed:?}");
        let backup = status.last_backup.expect("a record").path.display().to_string();
        assert!(error.contains(&backup), "{backup}: {said}");
        settle(&shuttle.fixture, "cut off");
        assert_eq!(shuttle.is_newer("cut off"), !forth);
    }

    #[test]
    fn a_migration_whose_session_the_server_ends_says_so_and_leaves_the_old_database() {
        // A table of the same name, of which nobody knows yet whether it will be there.
        cut_off(true, "CREATE TABLE notifications (id BIGINT)");
    }

    #[test]
    fn a_rollback_whose_session_the_server_ends_says_so_and_leaves_the_new_database() {
        // Who reads a table keeps it from being dropped.
        cut_off(false, "SELECT FROM notifications");
    }
}
