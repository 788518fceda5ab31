//! Questions on the terminal: confirmations and passwords.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use zenith_db::manager::check_password;

use super::args::Args;
use super::escape::escaped;
use super::exit::UsageError;
use super::secret;
use super::signals::TerminalInUse;

/// Returns whether questions can be asked: standard input and standard error are a terminal.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for confirmation of something destructive; `--yes` gives it. Without a terminal, and
/// without `--yes`, that is an error.
pub(super) fn confirm(args: &Args, question: &str) -> anyhow::Result<bool> {
    if args.output.yes {
        return Ok(true);
    }
    if !can_ask() {
        bail!(UsageError(format!(
            "there is no terminal to ask on; add --yes to answer yes to: {question}"
        )));
    }
    write!(io::stderr(), "{} [y/N] ", escaped(question))?;
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer)? == 0 {
        // After Ctrl-D the cursor is still behind the question.
        writeln!(io::stderr())?;
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Reads the administrator's password from standard input if `--admin-password-stdin` is set, else
/// from the environment, else from the terminal. Returns `None` if there is no terminal: the
/// library then generates a password.
pub(super) fn password(args: &Args) -> anyhow::Result<Option<SecretString>> {
    if args.setup.admin_password_stdin {
        return password_from_stdin("--admin-password-stdin").map(Some);
    }
    match std::env::var("ZENITH_ADMIN_PASSWORD") {
        Ok(password) => return Ok(Some(password.into())),
        Err(std::env::VarError::NotUnicode(_)) => {
            bail!(UsageError("ZENITH_ADMIN_PASSWORD is not valid UTF-8".into()))
        }
        Err(std::env::VarError::NotPresent) => {}
    }
    password_from_terminal("Administrator's password: ")
}

/// Reads a password from standard input, which must be one line.
pub(super) fn password_from_stdin(flag: &str) -> anyhow::Result<SecretString> {
    let stdin = io::stdin();
    let (mut bytes, mut input) = (Vec::new(), secret::limited(stdin.lock()));
    let read = if stdin.is_terminal() {
        input.read_until(b'\n', &mut bytes)
    } else {
        input.read_to_end(&mut bytes)
    };
    read.context("cannot read the password")?;
    secret::line_in(&bytes)
        .map_err(|reason| UsageError(format!("{flag}: standard input {reason}")).into())
}

/// Asks for a new password, twice. Returns `None` if there is no terminal.
pub(super) fn password_from_terminal(prompt: &str) -> anyhow::Result<Option<SecretString>> {
    if !can_ask() {
        return Ok(None);
    }
    loop {
        let first = hidden(prompt)?;
        if let Err(error) = check_password(&first) {
            writeln!(io::stderr(), "{error}")?;
            continue;
        }
        let second = hidden("Repeat the password: ")?;
        if first.expose_secret() == second.expose_secret() {
            return Ok(Some(first));
        }
        writeln!(io::stderr(), "The passwords differ. Try again.")?;
    }
}

/// Reads a line that the terminal does not show.
fn hidden(prompt: &str) -> anyhow::Result<SecretString> {
    let _in_use = TerminalInUse::new();
    match rpassword::prompt_password(escaped(prompt)) {
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            writeln!(io::stderr())?;
            bail!("no password was given; nothing was changed")
        }
        read => Ok(read?.into()),
    }
}
