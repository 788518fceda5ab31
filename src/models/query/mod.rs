//! What the queries share: pages, optional filters, and finding out which reference is broken.

mod filter;
mod page;
mod reference;

pub(super) use filter::{When, contains_pattern};
pub(super) use page::Limit;
pub use page::{Page, PageSize};
pub(super) use reference::{Parent, named};
