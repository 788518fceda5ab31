//! What `pg_dump` and `pg_restore` learn: the secrets that they need, and no others, where nobody else reads them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::own_server::{ENCODED_PASSWORD, PASSWORD, Server};
use crate::support::{bare_zenith, files_in, run, skipped, stderr};

/// Writes what it got to files beside it, and runs the program of its name.
const NOTING: &str = r#"#!/bin/sh
printf '%s\n' "$@" >>"$0.arguments"
/usr/bin/env >>"$0.environment"
if [ -n "$PGSERVICEFILE" ]; then
    cat "$PGSERVICEFILE" >>"$0.service"
    stat -c '%a' "$PGSERVICEFILE" "${PGSERVICEFILE%/*}" >>"$0.modes"
fi
PATH=${PATH#*:} exec "${0##*/}" "$@"
"#;

/// The programs, in front of the real ones.
struct Noting(TempDir);

impl Noting {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for program in ["pg_dump", "pg_restore"] {
            let path = directory.path().join(program);
            std::fs::write(&path, NOTING).expect("a program");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("executable");
        }
        Self(directory)
    }

    fn path(&self) -> String {
        format!("{}:{}", self.0.path().display(), std::env::var("PATH").expect("a PATH"))
    }

    fn noted(&self, program: &str, what: &str) -> String {
        std::fs::read_to_string(self.0.path().join(format!("{program}.{what}"))).unwrap_or_default()
    }
}

/// Creates `NAME.crt` and `NAME.key` in the directory.
fn certificate(directory: &Path, name: &str, protection: &[&str]) -> Option<()> {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=zenith", "-days", "2"]);
    command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
    let Ok(output) = command.args(protection).current_dir(directory).output() else {
        skipped("openssl is not here");
        return None;
    };
    assert!(output.status.success(), "{}", stderr(&output));
    Some(())
}

/// Without the passphrase, the programs could not connect.
#[test]
fn they_get_the_secrets_of_the_url_and_nobody_else_does() {
    let Some(server) = Server::start() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let passphrase = ["-passout", "pass:topsecret: =1"];
    let made = certificate(directory.path(), "server", &["-nodes"])
        .and_then(|()| certificate(directory.path(), "client", &passphrase));
    if made.is_none() {
        return;
    }
    let file = |name: &str| directory.path().join(name);
    server.encrypt(&file("server.crt"), &file("server.key"));
    let encoded = |name: &str| file(name).to_str().expect("UTF-8").replace('/', "%2F");
    let url = format!(
        "postgres://zenith:{ENCODED_PASSWORD}@127.0.0.1:{}/zenith?sslmode=require&sslcert={}&sslkey={}\
         &sslpassword=%74opsecret%3A%20%3D1",
        server.port,
        encoded("client.crt"),
        encoded("client.key")
    );
    let programs = Noting::new();
    let backups = file("backups");
    let zenith = |arguments: &[&str]| {
        let mut command = bare_zenith(directory.path());
        command.args(arguments).env("DATABASE_URL", &url).env("DATABASE_BACKUP_DIR", &backups);
        command.env("ZENITH_ADMIN_PASSWORD", "correct horse battery").env("API_KEY", "of another");
        command.env("PATH", programs.path()).env("PGTZ", "UTC");
        command
    };
    for arguments in [["create", "--quiet"].as_slice(), &["backup"], &["restore", "--drill"]] {
        run(&mut zenith(arguments), 0);
    }
    for program in ["pg_dump", "pg_restore"] {
        let arguments = programs.noted(program, "arguments");
        assert!(arguments.contains("--dbname=postgres://zenith@127.0.0.1:"), "{arguments}");
        let environment = programs.noted(program, "environment");
        for secret in ["topsecret", PASSWORD, ENCODED_PASSWORD, "horse", "of another"] {
            assert!(!arguments.contains(secret), "{program}: {arguments}");
            let others = environment.lines().filter(|line| !line.starts_with("PGPASSWORD="));
            assert!(
                others.into_iter().all(|line| !line.contains(secret)),
                "{program}: {environment}"
            );
        }
        for kept in [&format!("PGPASSWORD={PASSWORD}"), "PGTZ=UTC", "PATH="] {
            assert!(environment.lines().any(|line| line.starts_with(kept)), "{environment}");
        }
        for other in ["DATABASE_URL", "ZENITH_ADMIN_PASSWORD", "API_KEY"] {
            assert!(!environment.contains(other), "{environment}");
        }
        assert!(programs.noted(program, "service").contains("sslpassword=topsecret: =1\n"));
        assert_eq!(programs.noted(program, "modes").lines().next(), Some("600"));
        assert_eq!(programs.noted(program, "modes").lines().nth(1), Some("700"));
    }
    // A program that only reads the archive gets no password.
    let environment = programs.noted("pg_restore", "environment");
    let count = |start: &str| environment.lines().filter(|line| line.starts_with(start)).count();
    assert!(count("PGPASSWORD=") < count("PATH="), "{environment}");
    // The backup and its manifest are all that is left.
    assert_eq!(files_in(&backups).len(), 2, "{:?}", files_in(&backups));

    // A connection has one service, and this one has the user's.
    std::fs::write(file("services"), "[own]\nconnect_timeout=10\n").expect("a file");
    let mut with_service = zenith(&["backup"]);
    with_service.env("PGSERVICE", "own").env("PGSERVICEFILE", file("services"));
    let said = stderr(&run(&mut with_service, 2));
    assert!(said.contains("sslpassword to the file of that service"), "{said}");
    assert!(!said.contains("topsecret"), "{said}");
}
