//! The service, with one handler more, which has a defect.

use anyhow::Result;
use axum::extract::State;
use axum::routing::get;
use chat_service::{ApiError, App, MIGRATIONS, router};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use zenith_db::manager::DatabaseManager;
use zenith_db::{AsyncDatabase, Config};

/// Prints the address, and serves until the input ends.
pub(crate) fn run(config: &Config) -> Result<()> {
    let manager = DatabaseManager::with_own(config.clone(), MIGRATIONS)?;
    let app = App::new(AsyncDatabase::new(manager.open_database()?));
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let defect = axum::Router::new().route("/defect", get(nest)).with_state(app.clone());
        let routes = router(app.clone()).merge(defect);
        let stop = async {
            // Whether it ends or fails, nobody is there any more.
            let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
        };
        axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
        Ok(app.database.close().await?)
    })
}

/// Writes in the closure of a write, which would wait for itself.
async fn nest(State(app): State<App>) -> Result<(), ApiError> {
    let database = app.database.blocking().clone();
    let nested = move |_: &mut zenith_db::Writer<'_>| database.write(|_| Ok(()));
    Ok(app.database.write(nested).await?)
}
