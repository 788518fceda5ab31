//! Why `pg_restore` could not load an archive, and whether that was for its owners, privileges or tablespaces.

use std::process::Output;

use crate::manager::server_programs::failure;

/// Failure of `pg_restore`.
pub(super) struct RefusedLoad {
    /// Its words, without values of rows and the text of commands.
    pub(super) said: String,
    /// Whether the load may succeed without the owners, privileges and tablespaces of the archive.
    pub(super) is_about_rights: bool,
}

impl RefusedLoad {
    /// Returns the failure of a program that has ended, if it has failed.
    pub(super) fn of(output: &Output) -> Option<Self> {
        let said = failure("pg_restore", output)?;
        let is_about_rights = is_about_rights(&String::from_utf8_lossy(&output.stderr));
        Some(Self { said, is_about_rights })
    }

    /// Returns what was said by this first, and then by a second try without owners, privileges and tablespaces.
    pub(super) fn with_second(self, second: Option<Self>) -> String {
        match second {
            Some(second) if second.said != self.said => format!(
                "{}\nWithout the owners, privileges and tablespaces of the backup, it failed too: {}",
                self.said, second.said
            ),
            _ => self.said,
        }
    }
}

/// Words of the client library and the server for the end of a connection: a second try would hide the reason.
const ENDED: [&str; 7] = [
    "server closed the connection",
    "no connection to the server",
    "connection to server",
    "could not receive data from server",
    "could not send data to server",
    "SSL ",
    "FATAL:",
];

/// Words of a server that speaks English.
const OF_RIGHTS: [&str; 4] = ["permission denied", "must be ", "must have ", "tablespace"];

fn is_about_rights(said: &str) -> bool {
    // The rest may quote the database, in which anything may be written.
    let message = said.lines().find(|line| line.contains(" error: ")).unwrap_or_default();
    if ENDED.iter().any(|words| message.contains(words)) {
        return false;
    }
    let is_missing_role = message.contains("role \"") && message.contains("does not exist");
    if is_missing_role || OF_RIGHTS.iter().any(|words| message.contains(words)) {
        return true;
    }
    // In any language.
    let mut commands = said.lines().filter_map(|line| line.split_once("Command was: "));
    commands.next().is_some_and(|(_, command)| {
        ["GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES "]
            .iter()
            .any(|start| command.starts_with(start))
            || command.starts_with("ALTER ") && command.contains(" OWNER TO ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_owners_privileges_and_tablespaces_cause_is_known_by_its_words_or_its_command() {
        for (message, command) in [
            (
                "could not execute query: ERROR:  role \"x\" does not exist",
                "ALTER TABLE a OWNER TO x;",
            ),
            (
                "could not execute query: ERROR:  must be owner of table a",
                "CREATE INDEX i ON a (b);",
            ),
            (
                "could not execute query: ERROR:  must be able to SET ROLE \"x\"",
                "ALTER TABLE a OWNER TO x;",
            ),
            (
                "could not execute query: ERROR:  permission denied for schema public",
                "CREATE TABLE a ();",
            ),
            ("could not set default_tablespace to \"x\": ERROR:  invalid value", ""),
            (
                "could not execute query: FEHLER:  Rolle »x« existiert nicht",
                "GRANT SELECT ON TABLE a TO x;",
            ),
            (
                "could not execute query: FEHLER:  Rolle »x« existiert nicht",
                "ALTER TABLE a OWNER TO x;",
            ),
        ] {
            let said = format!("pg_restore: error: {message}\nCommand was: {command}\n\n");
            assert!(is_about_rights(&said), "{said}");
        }
    }

    #[test]
    fn other_failures_are_not_taken_for_a_lack_of_rights() {
        for (message, command) in [
            (
                "could not execute query: server closed the connection unexpectedly",
                "GRANT SELECT ON a TO b;",
            ),
            (
                "could not execute query: FATAL:  terminating connection",
                "ALTER TABLE a OWNER TO x;",
            ),
            (
                "COPY failed for table \"a\": ERROR:  could not extend file \"base/1\": No space left on device",
                "",
            ),
            ("could not execute query: ERROR:  relation \"b\" does not exist", "CREATE VIEW a;"),
            (
                "could not execute query: ERROR:  canceling statement",
                "CREATE FUNCTION f() AS '\nGRANT\npermission denied\nrole \"x\" does not exist OWNER TO ';",
            ),
            (
                "COPY failed: ERROR:  a check\nDETAIL:  Failing row contains (permission denied).",
                "",
            ),
        ] {
            let said = format!("pg_restore: error: {message}\nCommand was: {command}\n\n");
            assert!(!is_about_rights(&said), "{said}");
        }
    }

    #[test]
    fn the_first_failure_is_told_before_another_one() {
        let refused = |said: &str| RefusedLoad { said: said.to_owned(), is_about_rights: true };
        assert_eq!(refused("one").with_second(None), "one");
        assert_eq!(refused("one").with_second(Some(refused("one"))), "one");
        let both = refused("one").with_second(Some(refused("other")));
        assert!(both.starts_with("one\n") && both.ends_with(": other"), "{both}");
    }
}
