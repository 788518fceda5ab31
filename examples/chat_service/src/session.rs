//! Who asks: the session of a request, and what its user may do.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use zenith_db::DbConnection;
use zenith_db::models::{Right, Setting, SystemSetting, User, UserSession, is_allowed};
use zenith_db::types::{SessionToken, UserId, UtcTime};

use crate::error::ApiError;
use crate::state::App;

/// User of a request, by the token in its header `Authorization: Bearer`.
pub(crate) struct SignedIn(pub(crate) User);

impl FromRequestParts<App> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(parts).ok_or(ApiError::Unauthenticated)?;
        let now = UtcTime::now();
        // A replica might not have the sign-in of a moment ago.
        let found = app
            .database
            .read_primary(move |conn| UserSession::authenticate(conn, &token, now))
            .await?;
        let (session, user) = found.ok_or(ApiError::Unauthenticated)?;
        // Most requests need no connection for writing.
        if session.is_touch_due(now) {
            let touched = move |conn: &mut zenith_db::Writer<'_>| {
                let idle = 60 * SystemSetting::get(conn, Setting::SESSION_TIMEOUT)?;
                UserSession::touch(conn, session.id, now, now.plus_seconds(idle))
            };
            // Who only reads is not to fail because others write. The next request tries again.
            if let Err(error) = app.database.write(touched).await {
                tracing::warn!(%error, "the use of a session was not recorded");
            }
        }
        Ok(Self(user))
    }
}

fn bearer(parts: &Parts) -> Option<SessionToken> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim().into())
}

/// Refuses if the role of the user does not have the right.
pub(crate) fn require(
    conn: &mut DbConnection,
    user: UserId,
    right: Right<'_>,
) -> Result<(), ApiError> {
    if is_allowed(conn, user, right)? { Ok(()) } else { Err(ApiError::Forbidden) }
}
