//! Failed sign-ins: they are counted, and lock the account for a while.

use diesel::dsl::not;
use diesel::prelude::*;
use zenith_db::models::{Setting, SystemSetting};
use zenith_db::schema::users;
use zenith_db::types::{UserId, UtcTime};
use zenith_db::{Result, Writer, dispatch};

/// Counts a failed sign-in, unless the account is locked. It is locked when there are as many as `MAX_LOGIN_ATTEMPTS`.
pub(crate) fn record_failure(conn: &mut Writer<'_>, user: UserId) -> Result<()> {
    let now = UtcTime::now();
    let limit = SystemSetting::get(conn, Setting::MAX_LOGIN_ATTEMPTS)?;
    let minutes = SystemSetting::get(conn, Setting::LOCKOUT_DURATION)?;
    let more = users::failed_login_attempts.eq(users::failed_login_attempts + 1);
    let failures: Option<i32> = dispatch!(conn, |conn| diesel::update(users::table.find(user))
        .filter(users::locked_until.is_null().or(users::locked_until.le(now)))
        .set(more)
        .returning(users::failed_login_attempts)
        .get_result(conn)
        .optional())?;
    if failures.is_some_and(|failures| i64::from(failures) >= i64::from(limit)) {
        let locked = (
            users::locked_until.eq(now.plus_seconds(60 * minutes)),
            users::failed_login_attempts.eq(0),
        );
        dispatch!(conn, |conn| diesel::update(users::table.find(user)).set(locked).execute(conn))?;
    }
    Ok(())
}

/// Records a successful sign-in, and forgets the failed ones before it. Returns `false` and records nothing if the account
/// is locked or inactive, or has a second factor, for which this service has no form.
pub(crate) fn record_success(conn: &mut Writer<'_>, user: UserId) -> Result<bool> {
    let now = UtcTime::now();
    let signed_in = (
        users::last_login.eq(now),
        users::failed_login_attempts.eq(0),
        users::locked_until.eq(None::<UtcTime>),
    );
    let updated = dispatch!(conn, |conn| diesel::update(users::table.find(user))
        .filter(users::is_active.and(not(users::two_factor_enabled)))
        .filter(users::locked_until.is_null().or(users::locked_until.le(now)))
        .set(signed_in)
        .execute(conn))?;
    Ok(updated == 1)
}
