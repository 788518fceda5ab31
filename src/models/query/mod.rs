//! What the queries share: look-ups, pages, optional filters, and finding out which reference is
//! broken.

mod expression;
mod filter;
mod page;
mod prepared;
mod reference;

pub(super) use expression::{find_one, not_before};
pub(super) use filter::{OneOf, When, contains_pattern};
pub(super) use page::Limit;
pub use page::{Page, PageSize};
pub(super) use prepared::Prepare;
pub(super) use reference::{Parent, named};
