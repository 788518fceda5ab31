//! Cursors: places between two rows of a list.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::types::UtcTime;

/// Row of a list that is read page by page. Other crates cannot implement this trait.
pub trait Paged: sealed::List {}

impl<T: sealed::List> Paged for T {}

pub(in crate::models) mod sealed {
    use super::Position;

    /// List in the order of its rows' positions.
    pub trait List {
        /// What orders the rows: a key, or a time and a key.
        type Position: Position;
        /// Table of the rows.
        const TABLE: &'static str;
        /// Returns the position of the row.
        fn position(&self) -> Self::Position;
    }
}

/// What orders the rows of a list.
pub trait Position: Copy + PartialEq {
    /// Writes the position as numbers.
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Reads what `write` has written.
    fn read(text: &str) -> Option<Self>;
}

/// Place after a row of a list of `T`, where the next page begins. Its text, in a link or an answer of a web service, is
/// made by `to_string` and read by `parse`; its form may change in any release, and it shows the row's key and, in a list
/// that is ordered by time, the time.
///
/// ```
/// use zenith_db::prelude::*;
///
/// fn resume(conn: &mut DbConnection, user: UserId, shown: &ChatSession) -> zenith_db::Result<()> {
///     let text = Cursor::after(shown).to_string();
///     let before: Option<Cursor<ChatSession>> = text.parse().ok();
///     let page = ChatSession::page_for_user(conn, user, false, before, PageSize::default())?;
///     assert!(text.parse::<Cursor<Document>>().is_err());
///     Ok(())
/// }
/// ```
///
/// Whoever changes the text reads from another place of the list, and nothing else: each call filters as without it. A
/// cursor says which table it is of, and not which list of that table. It stays valid when its row is deleted.
pub struct Cursor<T: Paged>(T::Position);

/// Text that is not a [`Cursor`] of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a cursor of {table}: take one from a page, or begin without one")]
pub struct NotCursor {
    /// Table of the rows.
    pub table: &'static str,
}

impl<T: Paged> Cursor<T> {
    /// Returns the place after a row, as if it were the last of a page.
    #[must_use]
    pub fn after(row: &T) -> Self {
        Self(row.position())
    }

    pub(in crate::models) const fn position(self) -> T::Position {
        self.0
    }
}

/// A key alone.
macro_rules! key_positions {
    ($($key:ty,)+) => {$(
        impl Position for $key {
            fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self, f)
            }

            fn read(text: &str) -> Option<Self> {
                // What `write` does not write is no cursor: "+1", "01".
                text.parse().ok().filter(|key: &Self| key.to_string() == text)
            }
        }
    )+};
}

key_positions! {
    i64,
    crate::types::ApiKeyId,
    crate::types::BackupJobId,
    crate::types::ChatMessageId,
    crate::types::ChatSessionId,
    crate::types::DocumentId,
    crate::types::NotificationId,
    crate::types::SecurityEventId,
    crate::types::StoredFileId,
    crate::types::UserId,
    crate::types::UserSessionId,
}

impl<K: Position> Position for (UtcTime, K) {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.0.as_datetime().timestamp_micros())?;
        self.1.write(f)
    }

    fn read(text: &str) -> Option<Self> {
        let (micros, key) = text.split_once('.')?;
        let micros = i64::read(micros)?;
        let time = UtcTime::from(chrono::DateTime::from_timestamp_micros(micros)?);
        // A time that cannot be stored has been moved to one that can.
        let is_same = time.as_datetime().timestamp_micros() == micros;
        K::read(key).filter(|_| is_same).map(|key| (time, key))
    }
}

impl<T: Paged> fmt::Display for Cursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", T::TABLE)?;
        self.0.write(f)
    }
}

impl<T: Paged> FromStr for Cursor<T> {
    type Err = NotCursor;

    fn from_str(text: &str) -> Result<Self, NotCursor> {
        let position = text.split_once('.').filter(|(table, _)| *table == T::TABLE);
        position
            .and_then(|(_, position)| T::Position::read(position))
            .map(Self)
            .ok_or(NotCursor { table: T::TABLE })
    }
}

impl<T: Paged> Serialize for Cursor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Paged> Deserialize<'de> for Cursor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

// Not derived: that would ask the same of `T`.

impl<T: Paged> Clone for Cursor<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Paged> Copy for Cursor<T> {}

impl<T: Paged> PartialEq for Cursor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Paged> Eq for Cursor<T> {}

impl<T: Paged> fmt::Debug for Cursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({self})")
    }
}

/// Says what orders the list of a row.
macro_rules! paged {
    ($row:ty, $table:literal, $position:ty, |$it:ident| $of:expr) => {
        impl $crate::models::query::List for $row {
            type Position = $position;
            const TABLE: &'static str = $table;

            fn position(&self) -> $position {
                let $it = self;
                $of
            }
        }
    };
}

pub(in crate::models) use paged;
