//! Shared parts of the queries: look-ups by a unique key, pages, optional filters, the insertion of
//! many rows, and the identification of broken references.

mod broken_reference;
mod cursor;
mod expression;
mod filter;
mod not_found;
mod page;
mod prepared;
mod retained;
mod rows;

pub(super) use broken_reference::{Parent, explain_broken_reference};
pub(super) use cursor::paged;
pub(in crate::models) use cursor::sealed::List;
pub use cursor::{Cursor, NotCursor, Paged};
pub(super) use expression::{find_one, not_before};
pub(super) use filter::{OneOf, OptionalFilter, contains_pattern};
pub(super) use not_found::{not_found, require_affected};
pub(super) use page::LiteralLimit;
pub use page::{Page, PageSize};
pub(super) use prepared::Prepare;
pub(crate) use retained::Retained;
pub(in crate::models) use retained::retained;
pub(super) use rows::insert_rows;
