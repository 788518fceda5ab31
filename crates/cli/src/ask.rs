//! Questions to the person at the terminal: yes or no, and a password.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use zenith_db::manager::check_password;

use super::args::Args;
use super::exit::UsageError;

/// Whether there is somebody to ask.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks before something destructive. `--yes` answers it; without a terminal nobody can.
pub(super) fn confirm(args: &Args, question: &str) -> anyhow::Result<bool> {
    if args.output.yes {
        return Ok(true);
    }
    if !can_ask() {
        bail!(UsageError(format!("{question} There is no terminal to ask at: add --yes")));
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The administrator's password: from standard input, else the environment, else the terminal, else
/// none, and one is generated.
pub(super) fn password(args: &Args) -> anyhow::Result<Option<SecretString>> {
    if args.setup.admin_password_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        let password = line.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            bail!(UsageError("--admin-password-stdin: standard input has no password".into()));
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
        let second = SecretString::from(rpassword::prompt_password("The same again: ")?);
        if first.expose_secret() == second.expose_secret() {
            return Ok(Some(first));
        }
        writeln!(io::stderr(), "The two differ. Once more.")?;
    }
}
