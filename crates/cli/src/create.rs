//! The subcommands `create` and `ensure`.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use zenith_db::internal::config::shown;
use zenith_db::manager::{
    Administrator, AdministratorOutcome, DatabaseManager, HealthReport, MissingPart, SetupReport,
};
use zenith_db::{Error, MigrationFault};

use super::args::Args;
use super::exit::Exit;
use super::output::Output;
use super::{adopt, ask, delivery, object, render, text};

pub(super) fn create(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<Exit> {
    let path = shown(manager.config().location());
    if args.setup.force && manager.exists()? {
        manager.ensure_can_recreate()?;
        let question = format!(
            "Delete all tables and rows in {path}, {}, and create the schema again?{}",
            text::backup_first(manager.config()),
            if manager.config().auto_backup() { "" } else { " The rows cannot be restored." },
        );
        if !ask::confirm(args, &question)? {
            anyhow::bail!("not confirmed; nothing was changed");
        }
    }
    let adopted = if args.setup.force { None } else { adopt::offer(args, output, manager)? };
    let (report, mut value) = initialize(args, output, manager, &["details", "administrator"])?;
    adopt::add_to(&mut value, adopted.as_ref())?;
    output.result(&value, |out, _| {
        adopt::render_first(out, adopted.as_ref())?;
        render::setup(out, &report)
    })?;
    Ok(health_exit(manager, &report.details.health))
}

/// Creates or updates the database. Returns the report, and its JSON with the generated password, which
/// is delivered before the commit; `path` is that of the administrator in the JSON object.
fn initialize(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    path: object::Path,
) -> anyhow::Result<(SetupReport, Value)> {
    let mut administrator = Administrator::default();
    if let Some(name) = &args.setup.admin_user {
        administrator.username.clone_from(name);
    }
    if let Some(email) = &args.setup.admin_email {
        administrator.email.clone_from(email);
    }
    if !args.setup.force {
        // Before the question.
        manager.ensure_can_initialize()?;
    }
    let needed = args.setup.force || !matches!(manager.has_administrator(), Ok(true));
    if needed {
        administrator.password = ask::password(args)?;
        if administrator.password.is_none() {
            delivery::ensure_possible()?;
        }
    }
    let spinner = output.spinner("creating");
    let deliver = |username: &str, password: &SecretString| {
        spinner.clear();
        output.deliver(path, username, password)
    };
    let report = if args.setup.force {
        manager.recreate_with(&administrator, deliver)
    } else {
        manager.initialize_with(&administrator, deliver)
    }?;
    drop(spinner);
    if report.details.administrator.outcome == AdministratorOutcome::Existed {
        warn_of_ignored_password(args, output);
    }
    let mut value = serde_json::to_value(&report)?;
    if let Some(password) = &report.details.administrator.generated_password
        && let Some(account) = value.pointer_mut("/details/administrator")
    {
        account["generated_password"] = password.expose_secret().into();
    }
    Ok((report, value))
}

fn warn_of_ignored_password(args: &Args, output: Output) {
    if args.setup.admin_password_stdin {
        output.warning(
            "--admin-password-stdin was ignored, because an active administrator exists; `zenith-db user \
             reset-password NAME` sets a new password",
        );
    }
}

/// Returns the exit code for the result of a health check.
pub(super) fn health_exit(manager: &DatabaseManager, report: &HealthReport) -> Exit {
    match (report.healthy, manager.exists()) {
        (true, _) => return Exit::Done,
        (false, Ok(false)) => return Exit::NoDatabase,
        (false, _) => {}
    }
    // What the other commands refuse is no database of this program, healthy or not. Of an application's database its
    // own part is checked.
    let of_application =
        |error: &Error| matches!(error, Error::Migration(MigrationFault::OfApplication { .. }));
    let refused = manager.ensure_ours_or_begun().err().filter(|error| !of_application(error));
    match refused.map(anyhow::Error::from) {
        Some(error) if Exit::of(&error) == Exit::Usage => Exit::Usage,
        _ => Exit::Unhealthy,
    }
}

/// Adds what is missing, then checks the database. If it cannot be read, the check reports why.
pub(super) fn ensure(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<Exit> {
    manager.recover()?;
    let adopted = adopt::offer(args, output, manager)?;
    let missing = match manager.missing_parts() {
        Err(error @ Error::Migration(MigrationFault::OfApplication { .. })) => {
            return Err(error.into());
        }
        // The health check says why.
        missing => missing.map_err(drop),
    };
    if missing.as_ref().is_ok_and(Vec::is_empty) {
        // Nothing is to be written, but the application will.
        manager.ensure_server_takes_writes()?;
    }
    let missing = missing.unwrap_or_default();
    for part in &missing {
        output.note(match part {
            MissingPart::Database => "the database does not exist or is empty: creating it",
            MissingPart::Migrations => "migrations are pending: applying them",
            MissingPart::History => {
                "schema_version differs from the migrations that ran: correcting it"
            }
            MissingPart::Seeds => "roles, permissions or settings are missing: inserting them",
            MissingPart::Administrator => "no active administrator exists: creating one",
        });
    }
    let (setup, setup_value) = if missing.is_empty() {
        warn_of_ignored_password(args, output);
        (None, Value::Null)
    } else {
        let path = &["setup", "details", "administrator"];
        let (report, value) = initialize(args, output, manager, path)?;
        (Some(report), value)
    };
    let (health, migrations) = match &setup {
        Some(SetupReport { details, .. }) => (details.health.clone(), &*details.migrations),
        None => (output.while_working("checking", || manager.health_check()), [].as_slice()),
    };
    let mut value = json!({ "setup": setup_value, "migrations": migrations, "health": health });
    adopt::add_to(&mut value, adopted.as_ref())?;
    output.result(&value, |out, _| {
        adopt::render_first(out, adopted.as_ref())?;
        match &setup {
            Some(report) => render::setup(out, report),
            None => render::short_health(out, &health),
        }
    })?;
    Ok(health_exit(manager, &health))
}
