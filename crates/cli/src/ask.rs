//! Questions on the terminal: confirmations and passwords.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use zenith_db::manager::check_password;

use super::args::Args;
use super::exit::UsageError;

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
        bail!(UsageError(format!("{question} There is no terminal to confirm on; add --yes")));
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Reads the administrator's password from standard input if `--admin-password-stdin` is set, else
/// from the environment, else from the terminal. Returns `None` if there is no terminal: the
/// library then generates a password.
pub(super) fn password(args: &Args) -> anyhow::Result<Option<SecretString>> {
    if args.setup.admin_password_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        let password = line.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            bail!(UsageError("--admin-password-stdin: standard input is empty".into()));
        }
        return Ok(Some(password.into()));
    }
    match std::env::var("ZENITH_ADMIN_PASSWORD") {
        Ok(password) => return Ok(Some(password.into())),
        Err(std::env::VarError::NotUnicode(_)) => {
            bail!(UsageError("ZENITH_ADMIN_PASSWORD is not valid UTF-8".into()))
        }
        Err(std::env::VarError::NotPresent) => {}
    }
    if !can_ask() {
        return Ok(None);
    }
    loop {
        let first = SecretString::from(rpassword::prompt_password("Administrator's password: ")?);
        if let Err(error) = check_password(&first) {
            writeln!(io::stderr(), "{error}")?;
            continue;
        }
        let second = SecretString::from(rpassword::prompt_password("Repeat the password: ")?);
        if first.expose_secret() == second.expose_secret() {
            return Ok(Some(first));
        }
        writeln!(io::stderr(), "The passwords differ. Try again.")?;
    }
}
