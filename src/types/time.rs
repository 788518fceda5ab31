//! Time: an instant in UTC, stored in one fixed width, so that text order is time order.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::stored_text::to_sql_as_text;

/// An instant in UTC, to the microsecond (finer parts are cut off, so that what is read back equals
/// what was written).
///
/// There is no way to put a local time in: it is made from [`DateTime<Utc>`] or from
/// [`UtcTime::now`]. SQLite stores it as `YYYY-MM-DD HH:MM:SS.ffffff`, always 26 characters, and
/// refuses any other form; years 0 to 9999.
///
/// ```compile_fail
/// # use zenith_db::types::UtcTime;
/// let local = chrono::Local::now();
/// let stored = UtcTime::from(local);
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[diesel(sql_type = Timestamp)]
#[serde(from = "DateTime<Utc>", into = "DateTime<Utc>")]
pub struct UtcTime(DateTime<Utc>);

const STORED: &str = "%Y-%m-%d %H:%M:%S%.6f";

impl UtcTime {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        Utc::now().into()
    }

    /// The instant as chrono has it, for arithmetic and formatting.
    #[must_use]
    pub const fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for UtcTime {
    fn from(time: DateTime<Utc>) -> Self {
        // The cut fails only beyond the years 1678 to 2262, where the time has no finer part to us.
        Self(time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time))
    }
}

impl From<UtcTime> for DateTime<Utc> {
    fn from(time: UtcTime) -> Self {
        time.0
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(STORED).fmt(f)
    }
}

impl fmt::Debug for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}Z")
    }
}

/// Reads exactly the stored form.
impl FromStr for UtcTime {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NaiveDateTime::parse_from_str(text, STORED).map(|time| Self(time.and_utc()))
    }
}

impl<DB: Backend> FromSql<Timestamp, DB> for UtcTime
where
    NaiveDateTime: FromSql<Timestamp, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        NaiveDateTime::from_sql(value).map(|time| Self(time.and_utc()))
    }
}

to_sql_as_text!(UtcTime, Timestamp, |time| time.to_string());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_one_width_and_reads_back() {
        for text in ["0001-01-01 00:00:00.000000", "2026-11-23 08:00:00.100000"] {
            let time: UtcTime = text.parse().expect("the stored form");
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn parts_below_a_microsecond_are_cut_off() {
        let fine = DateTime::from_timestamp(1_700_000_000, 123_456_789).expect("a valid time");
        assert_eq!(UtcTime::from(fine).to_string(), "2023-11-14 22:13:20.123456");
    }
}
