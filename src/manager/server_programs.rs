//! Running the programs of PostgreSQL, `pg_dump` and `pg_restore`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{ChildStdout, Command, Output, Stdio};

use secrecy::{ExposeSecret, SecretString};

use crate::config::ServerUrl;
use crate::connection::StagingDir;
use crate::connection::internal::ChildProcess;
use crate::error::{Error, ProgramFault, Result};

/// Variables that a program inherits, and beginnings of them: no secret of the application is among them.
const INHERITED: [&str; 10] =
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TEMP", "TMP", "TZ", "SYSTEMROOT"];
const INHERITED_BEGINNINGS: [&str; 7] = ["LC_", "LD_", "DYLD_", "SSL_", "OPENSSL_", "KRB5", "GSS"];

/// Returns a command for a program, with a clean environment.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let is_inherited = |name: &str| {
        INHERITED.contains(&name)
            || INHERITED_BEGINNINGS.iter().any(|start| name.starts_with(start))
    };
    command.env_clear().envs(variables(is_inherited)).env("LC_ALL", "C");
    command
}

fn variables(are_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (OsString, OsString)> {
    let is_wanted = move |name: &OsStr| name.to_str().is_some_and(&are_wanted);
    std::env::vars_os().filter(move |(name, _)| is_wanted(name))
}

/// Secrets in a file for a program, which is removed when this is dropped.
pub(super) struct SecretFile {
    _directory: StagingDir,
}

/// Gives a program the database to connect to, and the variables of libpq. It does not ask for a password. The file of
/// secrets, if there is one, is in `directory`, and has to stay until the program has ended.
///
/// # Errors
/// [`Error::Refused`] if a secret of the URL cannot be given to a program; [`Error::Io`].
pub(super) fn connect(
    program: &mut Command,
    url: &ServerUrl,
    directory: &Path,
) -> Result<Option<SecretFile>> {
    let (bare, mut secrets) = url.without_secrets();
    program.arg("--no-password").arg(format!("--dbname={bare}"));
    program.envs(variables(|name| name.starts_with("PG")));
    if let Some(password) = secrets.remove("password") {
        // The environment, unlike the arguments, is readable only by processes of the same user.
        program.env("PGPASSWORD", password.expose_secret());
    }
    if secrets.is_empty() {
        return Ok(None);
    }
    if let Some(reason) = not_to_be_given(url, &secrets) {
        return Err(Error::Refused { database: url.to_string(), reason });
    }
    // For these, libpq has no variables.
    let directory = StagingDir::open(directory, "zenith", "connecting")?;
    let path = directory.file("service");
    write_private(&path, &service(&secrets)).map_err(Error::io("write", &path))?;
    program.env("PGSERVICEFILE", &path).env("PGSERVICE", SERVICE);
    Ok(Some(SecretFile { _directory: directory }))
}

const SERVICE: &str = "zenith-db";

/// Returns why a service file of ours cannot have these secrets: a connection has one service, and a value ends with
/// its line.
fn not_to_be_given(
    url: &ServerUrl,
    secrets: &BTreeMap<&'static str, SecretString>,
) -> Option<String> {
    let names = secrets.keys().copied().collect::<Vec<_>>().join(" and ");
    if url.has_parameter("service") || std::env::var_os("PGSERVICE").is_some() {
        return Some(format!(
            "pg_dump and pg_restore get {names} in a service file, and the connection has a service already; write \
             {names} to the file of that service (~/.pg_service.conf), and not to the URL"
        ));
    }
    let is_a_line = |secret: &SecretString| {
        let value = secret.expose_secret();
        !value.contains(char::is_control) && !value.ends_with(char::is_whitespace)
    };
    (!secrets.values().all(is_a_line)).then(|| {
        format!(
            "pg_dump and pg_restore get {names} in a service file, whose values have no control characters and do not \
             end with a space; change the secret"
        )
    })
}

fn service(secrets: &BTreeMap<&'static str, SecretString>) -> String {
    let lines = secrets.iter().map(|(name, value)| format!("{name}={}\n", value.expose_secret()));
    format!("[{SERVICE}]\n{}", lines.collect::<Vec<_>>().concat())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut private = OpenOptions::new();
    private.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    private.open(path)?.write_all(text.as_bytes())
}

/// Starts a program.
///
/// # Errors
/// [`Error::Program`] or [`Error::Io`].
pub(super) fn spawn(program: &'static str, command: &mut Command) -> Result<ChildProcess> {
    ChildProcess::spawn(command.stderr(Stdio::piped())).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => ProgramFault::Missing { program, is_dispensable: false }.into(),
        _ => Error::Io { action: "run", path: program.into(), source: cause },
    })
}

/// Runs a program while `read` takes what it writes to its standard output. If this process is killed, the program ends
/// when it writes again.
///
/// # Errors
/// [`Error::Program`] if the program failed; the error of `read`.
pub(super) fn read_output<T>(
    name: &'static str,
    command: &mut Command,
    read: impl FnOnce(ChildStdout) -> Result<T>,
) -> Result<T> {
    let mut child = spawn(name, command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let Some(output) = child.as_child_mut().stdout.take() else {
        return Err(Error::Internal(format!("{name} has no output")));
    };
    let ended = child.wait_feeding(|_| read(output));
    let (taken, ended) = ended.map_err(Error::io("wait for", name))?;
    match succeeded(name, &ended) {
        // Its output was closed before its end.
        Err(_) if taken.is_err() && ended.stderr.is_empty() => taken,
        failed => failed.and(taken),
    }
}

/// Returns an error if a program failed.
///
/// # Errors
/// [`Error::Program`], with what it wrote to standard error.
pub(super) fn succeeded(program: &'static str, output: &Output) -> Result<()> {
    let failed = |said| Err(ProgramFault::Failed { program, said }.into());
    failure(program, output).map_or(Ok(()), failed)
}

/// Returns what a program that failed wrote to standard error, without what may be secret.
pub(super) fn failure(program: &str, output: &Output) -> Option<String> {
    let said = || without_contents(program, &String::from_utf8_lossy(&output.stderr));
    (!output.status.success()).then(said)
}

/// Beginnings of the parts of an error in which contents of the database are: values of rows, of which a password hash is
/// one, and the bodies of functions.
const CONTENTS: [&str; 4] = ["DETAIL:", "CONTEXT:", "QUERY:", "Command was:"];

/// Whether a line of an error repeats one of the statement, as `LINE 1: SELECT …` does, or is the mark below that.
fn is_of_statement(line: &str) -> bool {
    let number = line.strip_prefix("LINE ").and_then(|rest| rest.split_once(": "));
    number.is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
        || line.trim() == "^"
}

/// Leaves out the parts of errors with contents of the database. They may have several lines, up to the next one of the
/// program.
fn without_contents(program: &str, said: &str) -> String {
    let mut is_left_out = false;
    let kept = said.lines().filter(|line| {
        let rest = line.strip_prefix(&format!("{program}: "));
        let part = rest.and_then(|rest| rest.strip_prefix("detail: ")).unwrap_or(line);
        is_left_out =
            CONTENTS.iter().any(|start| part.starts_with(start)) || is_left_out && rest.is_none();
        !is_left_out && !is_of_statement(part)
    });
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_program_has_no_row() {
        let said = "pg_restore: error: COPY failed for table \"users\": ERROR:  a check\nDETAIL:  Failing row \
            contains (1, ann,\n$argon2id$v=19$, x).\nCONTEXT:  COPY users, line 1: \"1\tann\"\npg_restore: warning: \
            errors ignored\n";
        let kept = "pg_restore: error: COPY failed for table \"users\": ERROR:  a check\npg_restore: warning: errors ignored";
        assert_eq!(without_contents("pg_restore", said), kept);
    }

    #[test]
    fn an_error_of_a_program_has_no_command() {
        let error = "pg_restore: error: could not execute query: ERROR:  syntax error";
        for command in ["Command was: ", "pg_restore: detail: Command was: ", "QUERY:  "] {
            let said = format!(
                "{error}\n{command}CREATE FUNCTION f() AS '\nBEGIN\n\nRETURN 1; END';\n\n\n"
            );
            assert_eq!(without_contents("pg_restore", &said), error);
        }
    }

    #[test]
    fn an_error_of_a_program_has_no_line_of_a_statement() {
        let error =
            "pg_restore: error: could not execute query: ERROR:  syntax error at or near \"x\"";
        let said = format!(
            "{error}\nLINE 12: INSERT INTO users VALUES ('$argon2id$v=19$' x);\n                 ^\nHINT:  a hint\n\
             pg_restore: error: LINE of another"
        );
        let kept = format!("{error}\nHINT:  a hint\npg_restore: error: LINE of another");
        assert_eq!(without_contents("pg_restore", &said), kept);
    }

    #[test]
    fn what_a_line_of_a_service_file_cannot_hold_is_refused_without_repeating_it() {
        for (url, is_refused) in [
            ("postgres://h/d?sslpassword=a%20b%3D%23%C3%A9", false),
            ("postgres://h/d?sslpassword=hunter%20", true),
            ("postgres://h/d?sslpassword=hunter%0Ahost%3Dx", true),
            ("postgres://h/d?service=own&sslpassword=hunter", true),
        ] {
            let url = ServerUrl::parse(url).expect("a URL");
            let reason = not_to_be_given(&url, &url.without_secrets().1);
            assert_eq!(reason.is_some(), is_refused, "{url}");
            assert!(reason.is_none_or(|reason| !reason.contains("hunter")));
        }
    }
}
