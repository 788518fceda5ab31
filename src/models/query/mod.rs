//! What the queries share: look-ups, pages, optional filters, and finding out which reference is
//! broken.

mod broken_reference;
mod expression;
mod filter;
mod not_found;
mod page;
mod prepared;

pub(super) use broken_reference::{Parent, explain_broken_reference};
pub(super) use expression::{find_one, not_before};
pub(super) use filter::{OneOf, OptionalFilter, contains_pattern};
pub(super) use not_found::{not_found, require_affected};
pub(super) use page::LiteralLimit;
pub use page::{Page, PageSize};
pub(super) use prepared::Prepare;
