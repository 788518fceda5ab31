//! [`ApiError`]: what a request is refused with.

use std::fmt;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use zenith_db::{Error, Rule, Violation};

/// Seconds after which a client may try again what was refused because the service is busy or closed.
const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request is refused.
#[derive(Debug)]
pub enum ApiError {
    /// There is no such user, the password is wrong, or the session is not valid: 401.
    Unauthenticated,
    /// The role of the user does not allow it: 403.
    Forbidden,
    /// What the path or the body names does not exist, or belongs to somebody else: 404.
    NotFound,
    /// The request is not what the route takes: the status and the reason.
    Rejected(StatusCode, String),
    /// Too many passwords wait to be hashed: 503.
    Busy,
    /// An error of the database.
    Database(Error),
    /// A defect, or a fault of the machine: 500.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Body of an answer that refuses.
#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
    /// Columns that the error is about, if they are known.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    fields: &'a [String],
}

impl ApiError {
    /// Returns the error for a fault that the client cannot mend.
    pub(crate) fn internal(fault: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(fault))
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// For the service's own queries.
impl From<diesel::result::Error> for ApiError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

macro_rules! rejections {
    ($($rejection:ident),+) => {$(
        impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> Self {
                Self::Rejected(rejection.status(), rejection.body_text())
            }
        }
    )+};
}

rejections!(JsonRejection, PathRejection, QueryRejection);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Unauthenticated => {
                let refusal = refuse(
                    StatusCode::UNAUTHORIZED,
                    "the name, the password or the session is not valid",
                );
                ([(WWW_AUTHENTICATE, "Bearer")], refusal).into_response()
            }
            Self::Forbidden => refuse(StatusCode::FORBIDDEN, "your role does not allow this"),
            Self::NotFound => refuse(StatusCode::NOT_FOUND, "not found"),
            Self::Rejected(status, reason) => refuse(status, &reason),
            Self::Busy => try_again(&"too many passwords wait to be hashed"),
            Self::Database(error) => refuse_for(error),
            Self::Internal(fault) => fail(fault.as_ref()),
        }
    }
}

/// Returns the answer for an error of the database.
fn refuse_for(error: Error) -> Response {
    match error {
        Error::Violation(violation) => refuse_violation(&violation),
        Error::NotFound { .. } => refuse(StatusCode::NOT_FOUND, "not found"),
        Error::Password(reason) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &reason),
        Error::CallRefused(_) | Error::PoolTimeout(_) => try_again(&error),
        error if error.is_retryable() => try_again(&error),
        error => fail(&error),
    }
}

/// Refuses what was not done because of others.
fn try_again(error: &dyn fmt::Display) -> Response {
    tracing::warn!(%error, "a request was refused");
    let refusal = refuse(StatusCode::SERVICE_UNAVAILABLE, "busy; try again later");
    ([(RETRY_AFTER, RETRY_AFTER_SECONDS)], refusal).into_response()
}

fn refuse_violation(violation: &Violation) -> Response {
    let status = match violation.rule() {
        Rule::Duplicate | Rule::StillReferenced => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let body = Refusal { error: violation.message(), fields: violation.columns() };
    (status, Json(body)).into_response()
}

fn refuse(status: StatusCode, reason: &str) -> Response {
    (status, Json(Refusal { error: reason, fields: &[] })).into_response()
}

/// Logs a fault that is not the client's, with its causes, and does not show it.
fn fail(fault: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error = fault, "a request failed");
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
}
