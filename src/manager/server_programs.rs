//! Running the programs of PostgreSQL, `pg_dump` and `pg_restore`.

use std::io;
use std::process::{Command, Output, Stdio};

use secrecy::ExposeSecret;

use crate::config::ServerUrl;
use crate::connection::internal::ChildProcess;
use crate::error::{Error, ProgramFault, Result};

/// Gives a program the database to connect to. It does not ask for a password.
pub(super) fn connect(program: &mut Command, url: &ServerUrl) {
    let (bare, password) = url.without_password();
    program.arg("--no-password").arg(format!("--dbname={bare}"));
    if let Some(password) = password {
        // The environment, unlike the arguments, is readable only by processes of the same user.
        program.env("PGPASSWORD", password.expose_secret());
    }
}

/// Starts a program.
///
/// # Errors
/// [`Error::Program`] or [`Error::Io`].
pub(super) fn spawn(program: &'static str, command: &mut Command) -> Result<ChildProcess> {
    let command = command.stderr(Stdio::piped()).env("LC_ALL", "C");
    ChildProcess::spawn(command).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => ProgramFault::Missing { program }.into(),
        _ => Error::Io { action: "run", path: program.into(), source: cause },
    })
}

/// Waits for the end of a program.
///
/// # Errors
/// [`Error::Program`] if it failed.
pub(super) fn finish(program: &'static str, child: ChildProcess) -> Result<()> {
    let output = child.wait().map_err(Error::io("wait for", program))?;
    succeeded(program, &output)
}

/// Returns an error if a program failed.
///
/// # Errors
/// [`Error::Program`], with what it wrote to standard error.
pub(super) fn succeeded(program: &'static str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ProgramFault::Failed { program, said }.into())
}
