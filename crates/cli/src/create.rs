//! The subcommands `create` and `ensure`.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zenith_db::manager::{Administrator, DatabaseManager, HealthReport, MissingPart, SetupReport};

use super::args::Args;
use super::exit::Exit;
use super::output::Output;
use super::{adopt, ask, render};

pub(super) fn create(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<Exit> {
    let path = manager.config().location();
    if args.setup.force && manager.exists()? {
        let kept =
            if manager.config().auto_backup() { "after a backup" } else { "WITHOUT a backup" };
        let question =
            format!("Delete all tables and rows in {path}, {kept}, and create the schema again?");
        if !ask::confirm(args, &question)? {
            anyhow::bail!("nothing was changed");
        }
    }
    let adopted = if args.setup.force { None } else { adopt::offer(args, output, manager)? };
    let (report, mut value) = initialize(args, output, manager)?;
    adopt::add_to(&mut value, adopted.as_ref())?;
    output.result(&value, |out, _| {
        adopt::render_first(out, adopted.as_ref())?;
        render::setup(out, &report)
    })?;
    Ok(health_exit(manager, &report.details.health))
}

/// Creates or updates the database. Returns the report, and its JSON with the generated password,
/// which is shown this once.
fn initialize(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<(SetupReport, Value)> {
    let mut administrator = Administrator::default();
    if let Some(name) = &args.setup.admin_user {
        administrator.username.clone_from(name);
    }
    if let Some(email) = &args.setup.admin_email {
        administrator.email.clone_from(email);
    }
    let needed = args.setup.force || !matches!(manager.has_administrator(), Ok(true));
    if needed {
        administrator.password = ask::password(args)?;
    }
    let report = output.while_working("creating", || {
        if args.setup.force {
            manager.recreate(&administrator)
        } else {
            manager.initialize(&administrator)
        }
    })?;
    let mut value = serde_json::to_value(&report)?;
    if let Some(password) = &report.details.administrator.generated_password
        && let Some(account) = value.pointer_mut("/details/administrator")
    {
        account["generated_password"] = password.expose_secret().into();
    }
    Ok((report, value))
}

pub(super) fn health_exit(manager: &DatabaseManager, report: &HealthReport) -> Exit {
    match (report.healthy, manager.exists()) {
        (true, _) => Exit::Done,
        (false, Ok(false)) => Exit::NoDatabase,
        (false, _) => Exit::Unhealthy,
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
    let missing = manager.missing_parts().unwrap_or_default();
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
        (None, Value::Null)
    } else {
        let (report, value) = initialize(args, output, manager)?;
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
