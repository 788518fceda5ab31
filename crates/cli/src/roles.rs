//! The subcommand `roles`.

use zenith_db::manager::DatabaseManager;

use super::args::Args;
use super::exit::Exit;
use super::output::Output;

#[cfg(feature = "postgres")]
pub(super) fn run(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
    prefix: &str,
    apply: bool,
) -> anyhow::Result<Exit> {
    use zenith_db::internal::connection;
    use zenith_db::manager::RoleNames;

    use super::ask;
    use super::exit::UsageError;

    let names = RoleNames::with_prefix(prefix).map_err(|fault| UsageError(fault.to_string()))?;
    let plan = manager.plan_roles(&names)?;
    let mut value = serde_json::to_value(&plan)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("applied".into(), apply.into());
    }
    if !apply {
        output.script(&value, &plan.sql)?;
        return Ok(Exit::Done);
    }
    // A replica is refused before it is asked about. Rights may be changed where another role has created the tables.
    drop(connection::open(manager.config(), connection::Access::Govern)?);
    output.on_stderr(|out| write!(out, "{}", plan.sql))?;
    let database = zenith_db::internal::config::shown(manager.config().location());
    if !ask::confirm(args, &format!("Run this on {database}?"))? {
        anyhow::bail!("not confirmed; nothing was changed");
    }
    output.while_working("creating the roles", || manager.apply_roles(&plan))?;
    output.result(&value, |out, _| {
        let names: Vec<&str> = names.all().collect();
        writeln!(out, "created or brought up to date: {}", names.join(", "))
    })?;
    Ok(Exit::Done)
}

#[cfg(not(feature = "postgres"))]
pub(super) fn run(
    _: &Args,
    _: Output,
    _: &DatabaseManager,
    _: &str,
    _: bool,
) -> anyhow::Result<Exit> {
    let operation = "creating roles, which SQLite does not have,";
    Err(zenith_db::Error::WrongBackend { operation, needed: zenith_db::Backend::Postgres }.into())
}
