//! The beginning and the end of the service.

use std::future::Future;

use anyhow::{Result, bail};
use tokio::net::TcpListener;
use zenith_db::manager::{DatabaseManager, MissingPart};

use crate::{App, router};

/// Applies pending migrations, after a backup, and inserts missing seeds.
///
/// # Errors
/// If there is no database, and those of [`DatabaseManager::migrate`].
pub fn prepare(manager: &DatabaseManager) -> Result<()> {
    let missing = manager.missing_parts()?;
    if missing.contains(&MissingPart::Database) {
        bail!("there is no database; `chat-service-db create` creates it, with an administrator");
    }
    // An administrator has to be given a password, which only the command can do.
    if missing.iter().any(|part| *part != MissingPart::Administrator) {
        manager.migrate()?;
        manager.seed()?;
        tracing::info!(?missing, "the database was brought up to date");
    }
    Ok(())
}

/// Serves until `stop`, then until the requests that have begun are answered, and closes the database.
///
/// # Errors
/// If the listener fails, or a call of the database does not end in time.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let database = app.database.clone();
    axum::serve(listener, router(app)).with_graceful_shutdown(stop).await?;
    database.close().await?;
    Ok(())
}
