//! What `pg_restore` refuses, and what is tried again without owners and privileges.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::{IS_LATER, backed_up};
use crate::support::{Fixture, run, stderr};

/// Puts a program before `pg_restore` that fails with these words when it loads an archive, and otherwise runs that.
fn failing(first: &str, without_owners: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let program = format!(
        "#!/bin/sh
words=
case \"$*\" in
*--single-transaction*--no-owner*) words='{without_owners}' ;;
*--single-transaction*) words='{first}' ;;
esac
if [ -n \"$words\" ]; then
    cat >/dev/null
    echo \"pg_restore: error: $words\" >&2
    echo 'Command was: CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$' >&2
    echo 'SELECT hunter2 $$;' >&2
    exit 1
fi
PATH=${{PATH#*:}} exec pg_restore \"$@\"
"
    );
    let path = directory.path().join("pg_restore");
    std::fs::write(&path, program).expect("a program");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("executable");
    directory
}

/// Returns the words of a restore that fails.
fn refused(fixture: &Fixture, backup: &Path, programs: &TempDir) -> String {
    let path = std::env::var("PATH").expect("a PATH");
    let path = format!("{}:{path}", programs.path().display());
    let mut command = fixture.zenith();
    command.args(["restore", "--yes"]).arg(backup).env("PATH", path);
    let said = stderr(&run(&mut command, 1));
    assert!(!said.contains("hunter2") && !said.contains("Command was"), "{said}");
    assert_eq!(fixture.text(IS_LATER), "1");
    said
}

#[test]
fn only_owners_privileges_and_tablespaces_are_a_reason_to_load_without_them() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let backup = backed_up(&fixture);
    for words in [
        "could not execute query: server closed the connection unexpectedly",
        "COPY failed for table \"users\": ERROR:  could not extend file \"base/1/2\": No space left on device",
    ] {
        let said = refused(&fixture, &backup, &failing(words, ""));
        assert!(said.contains(words) && !said.contains("belong to the user"), "{said}");
    }
}

#[test]
fn if_loading_without_owners_fails_too_both_reasons_are_told() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let backup = backed_up(&fixture);
    let first = "could not execute query: ERROR:  role \"nobody\" does not exist";
    let second = "could not execute query: ERROR:  relation \"x\" does not exist";
    let said = refused(&fixture, &backup, &failing(first, second));
    assert!(said.find(first) < said.find(second) && said.contains(first), "{said}");
    let said = refused(&fixture, &backup, &failing(first, first));
    assert_eq!(said.matches(first).count(), 1, "{said}");
}
