//! Signing up and signing in.

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zenith_db::models::{
    NewUser, NewUserSession, Role, Setting, SystemRole, SystemSetting, User, UserCredentials,
};
use zenith_db::types::{
    EmailAddress, NotVerified, PasswordHash, SessionToken, UserId, UserPublicId, Username, UtcTime,
};
use zenith_db::{Error, Result, Writer, manager};

use crate::error::ApiError;
use crate::extract::Json;
use crate::lockout;
use crate::state::App;

/// Seconds after which a session ends even if it is used: 30 days.
const LONGEST_SESSION: u32 = 30 * 24 * 60 * 60;

#[derive(Deserialize)]
pub(crate) struct SignUp {
    username: Username,
    email: EmailAddress,
    password: SecretString,
}

#[derive(Serialize)]
pub(crate) struct Account {
    id: UserPublicId,
    username: String,
}

pub(crate) async fn sign_up(
    State(app): State<App>,
    Json(SignUp { username, email, password }): Json<SignUp>,
) -> Result<(StatusCode, Json<Account>), ApiError> {
    manager::check_password(&password)?;
    let hash = app.hash(move || PasswordHash::hash(&password)).await?.map_err(Error::from)?;
    let user = app
        .database
        .write(move |conn| {
            let role = Role::find_by_name(conn, SystemRole::User.name())?
                .ok_or(Error::NotSeeded { missing: "the role user" })?;
            let user = NewUser::builder()
                .username(username)
                .email(email)
                .password_hash(hash)
                .role_id(role.id);
            user.build().insert(conn)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(Account { id: user.uuid, username: user.username })))
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    username: String,
    password: SecretString,
}

#[derive(Serialize)]
pub(crate) struct Token {
    token: String,
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    Json(SignIn { username, password }): Json<SignIn>,
) -> Result<Json<Token>, ApiError> {
    let found = app
        .database
        .read_primary(move |conn| {
            let user = User::find_by_username(conn, &username)?;
            user.map_or(Ok(None), |user| UserCredentials::find(conn, user.id))
        })
        .await?;
    let Some(credentials) = found else {
        // As slow as a wrong password, so that the time does not tell which names exist.
        app.hash(move || PasswordHash::hash(&password)).await?.map_err(Error::from)?;
        return Err(ApiError::Unauthenticated);
    };
    let user = credentials.id;
    match app.hash(move || credentials.password_hash.verify(&password)).await? {
        Ok(()) => {
            let token = app.database.try_write(move |conn| begin_session(conn, user)).await?;
            Ok(Json(Token { token: token.expose().to_owned() }))
        }
        Err(NotVerified::WrongPassword) => {
            // Not waited for: a later answer than for an unknown name would tell that this one exists.
            tokio::spawn(count_failure(app, user));
            Err(ApiError::Unauthenticated)
        }
        Err(fault) => Err(ApiError::internal(fault)),
    }
}

async fn count_failure(app: App, user: UserId) {
    // A write that succeeds: one that ends in an error would not count it.
    let counted = app.database.write(move |conn| lockout::record_failure(conn, user)).await;
    if let Err(error) = counted {
        tracing::warn!(%error, "a failed sign-in was not counted");
    }
}

fn begin_session(conn: &mut Writer<'_>, user: UserId) -> Result<SessionToken, ApiError> {
    if !lockout::record_success(conn, user)? {
        return Err(ApiError::Unauthenticated);
    }
    let (token, now) = (SessionToken::generate(), UtcTime::now());
    let idle = 60 * SystemSetting::get(conn, Setting::SESSION_TIMEOUT)?;
    NewUserSession::builder()
        .user_id(user)
        .token(&token)
        .idle_expires_at(now.plus_seconds(idle.min(LONGEST_SESSION)))
        .expires_at(now.plus_seconds(LONGEST_SESSION))
        .build()
        .insert(conn)?;
    Ok(token)
}
