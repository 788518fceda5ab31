//! What `pg_dump` does by itself is not left to its environment.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Fixture, backups_in, run, stderr};

#[test]
fn every_character_is_in_a_backup_whatever_encoding_a_client_has() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    // Shift JIS has one code for a yen sign and a backslash, and none for an emoji.
    let title = "\u{a5}100, C:\u{a5}dir, \u{5C}";
    fixture.sql(&format!("UPDATE users SET full_name = '{title}'"));
    for encoding in ["SJIS", "LATIN1"] {
        run(fixture.zenith().arg("backup").env("PGCLIENTENCODING", encoding), 0);
        run(fixture.zenith().args(["restore", "--latest", "--yes"]), 0);
        assert_eq!(fixture.text("SELECT full_name FROM users"), title);
        fixture.sql("UPDATE users SET full_name = full_name || '\u{1F5C4}'");
        run(fixture.zenith().arg("backup").env("PGCLIENTENCODING", encoding), 0);
        fixture.sql(&format!("UPDATE users SET full_name = '{title}'"));
    }
}

/// A statement that waits for the snapshot, and for which `pg_dump` waits.
#[test]
fn a_backup_does_not_wait_for_ever_for_what_waits_for_it() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let programs = tempfile::tempdir().expect("a directory");
    let path = std::env::var("PATH").expect("a PATH");
    let url = fixture.address().1;
    let script = format!(
        "#!/bin/sh\nPATH='{path}'\npsql -qX '{url}' -c 'BEGIN' -c 'LOCK TABLE users' >/dev/null 2>&1 &\n\
         until [ \"$(psql -qXAt '{url}' -c \"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass\")\" = 1 ]; \
         do sleep 0.1; done\nexec pg_dump \"$@\"\n"
    );
    let dump = programs.path().join("pg_dump");
    std::fs::write(&dump, script).expect("a program");
    std::fs::set_permissions(&dump, PermissionsExt::from_mode(0o700)).expect("executable");
    let mut command = fixture.zenith();
    command.arg("backup").env("DATABASE_BUSY_TIMEOUT_MS", "300");
    command.env("PATH", format!("{}:{path}", programs.path().display()));
    let said = stderr(&run(&mut command, 1));
    assert!(said.contains("lock") && said.contains("DATABASE_BUSY_TIMEOUT_MS"), "{said}");
    assert_eq!(backups_in(&fixture.backups()), Vec::<String>::new());
    run(fixture.zenith().arg("backup"), 0);
}

#[test]
fn doing_without_a_backup_is_advised_where_that_is_possible_only() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    run(fixture.zenith().arg("backup"), 0);
    let without_programs = |words: &[&str]| {
        let said = stderr(&run(fixture.zenith().args(words).env("PATH", "/nonexistent"), 1));
        assert!(said.contains("is not on the PATH"), "{said}");
        said.contains("--no-backup")
    };
    assert!(without_programs(&["rollback", "--yes", "--steps", "1"]));
    assert!(!without_programs(&["backup"]));
    assert!(!without_programs(&["restore", "--drill"]));
    assert!(!without_programs(&["restore", "--latest", "--yes"]));
}
