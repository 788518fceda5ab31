//! What an orchestrator asks.

use axum::extract::State;
use axum::http::StatusCode;
use zenith_db::pool::PoolStatus;

use crate::error::ApiError;
use crate::extract::Json;
use crate::state::App;

/// Whether the process answers. It does not ask the database, whose fault no restart mends.
pub(crate) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Whether requests can be served, with the numbers of the connections.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<PoolStatus>, ApiError> {
    app.database.ready().await?;
    Ok(Json(app.database.blocking().pool_status()))
}
