//! The chat service: `CHAT_ADDRESS` is where it listens; docs/configuration.md of zenith-db lists the settings of the
//! database.

use anyhow::{Context, Result};
use chat_service::{App, MIGRATIONS, prepare, serve};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use zenith_db::manager::DatabaseManager;
use zenith_db::{AsyncDatabase, Config};

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().init();
    let manager = DatabaseManager::with_own(Config::from_env()?, MIGRATIONS)?;
    // Nobody waits yet: these calls may block.
    prepare(&manager)?;
    let app = App::new(AsyncDatabase::new(manager.open_database()?));

    let address = std::env::var("CHAT_ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address} (CHAT_ADDRESS)"))?;
    tracing::info!(%address, "serving");
    serve(listener, app, stop()?).await
}

/// Begins to listen for Ctrl-C and SIGTERM, and returns what ends when one of them comes.
#[cfg(unix)]
fn stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("stopping, because of SIGINT"),
            _ = terminate.recv() => tracing::info!("stopping, because of SIGTERM"),
        }
    })
}

/// Begins to listen for Ctrl-C, and returns what ends when it comes.
#[cfg(not(unix))]
fn stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
        tracing::info!("stopping");
    })
}
