//! `create` and `ensure`.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zenith_db::Error;
use zenith_db::manager::{Administrator, DatabaseManager, HealthReport, SetupReport};

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
        let question = format!("Delete everything in {path}, {kept}, and set it up again?");
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

/// Sets the database up. Returns the report, and its JSON with the generated password in it: the
/// one time that is shown.
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

pub(super) fn ensure(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<Exit> {
    let adopted = adopt::offer(args, output, manager)?;
    let status = match manager.status() {
        Err(Error::NoDatabase { .. }) => None,
        // Damage is for the health check to describe.
        Ok(status) if status.table_count == 0 && status.applied_migrations.is_empty() => None,
        status => Some(status),
    };
    let Some(status) = status else {
        output.note("the database is missing or empty: creating it");
        let (report, setup) = initialize(args, output, manager)?;
        let health = &report.details.health;
        let value =
            json!({ "setup": setup, "migrations": report.details.migrations, "health": health });
        output.result(&value, |out, _| render::setup(out, &report))?;
        return Ok(health_exit(manager, health));
    };
    let mut steps = Vec::new();
    if status.is_ok_and(|status| !status.pending_migrations.is_empty()) {
        output.note("migrations are pending: applying them");
        steps = output.while_working("migrating", || manager.migrate())?.steps;
        manager.seed()?;
    }
    let report = output.while_working("checking", || manager.health_check());
    let mut value = json!({ "setup": null, "migrations": steps, "health": report });
    adopt::add_to(&mut value, adopted.as_ref())?;
    output.result(&value, |out, _| {
        adopt::render_first(out, adopted.as_ref())?;
        render::ensured(out, &steps, &report)
    })?;
    Ok(health_exit(manager, &report))
}
