//! The subcommand `user`.

use std::io;

use secrecy::ExposeSecret;
use serde_json::json;
use zenith_db::manager::{DatabaseManager, PasswordReset};

use super::args::UserCommand;
use super::exit::Exit;
use super::output::Output;
use super::text::{Out, STRONG, field};
use super::{ask, delivery};

pub(super) fn run(
    output: Output,
    manager: &DatabaseManager,
    command: &UserCommand,
) -> anyhow::Result<Exit> {
    let UserCommand::ResetPassword { name, password_stdin, generate } = command;
    // Before the question.
    manager.ensure_account(name)?;
    let password = match (password_stdin, generate) {
        (true, _) => Some(ask::password_from_stdin("--password-stdin")?),
        (_, true) => None,
        _ => ask::password_from_terminal(&format!("New password of {name}: "))?,
    };
    if password.is_none() {
        delivery::ensure_possible()?;
    }
    let spinner = output.spinner("setting the password");
    let deliver = |username: &str, password: &_| {
        spinner.clear();
        output.deliver(&[], username, password)
    };
    let report = manager.reset_password(name, password.as_ref(), deliver)?;
    drop(spinner);
    let mut value = serde_json::to_value(&report)?;
    if let (Some(password), Some(object)) = (&report.generated_password, value.as_object_mut()) {
        object.insert("generated_password".into(), json!(password.expose_secret()));
    }
    output.result(&value, |out, _| render(out, &report))?;
    if !report.is_active {
        output.warning(&format!("{} may not sign in: the account is not active", report.username));
    }
    Ok(Exit::Done)
}

fn render(out: Out<'_>, report: &PasswordReset) -> io::Result<()> {
    let PasswordReset { username, sessions_revoked, .. } = report;
    writeln!(out, "{STRONG}set a new password for {username}{STRONG:#}")?;
    field(out, "sessions", format_args!("{sessions_revoked} revoked"))
}
