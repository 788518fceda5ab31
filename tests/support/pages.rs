//! Reading pages to their end, and the expected rows.

use proptest::prelude::*;
use zenith_db::Result;
use zenith_db::prelude::*;

use super::models::Models;

/// Returns the configuration of a property test: few cases, because each has its own database, and
/// no file of failing cases.
pub fn moderately() -> ProptestConfig {
    ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() }
}

/// Returns times in seconds, many of them equal, and the size of a page.
pub fn times_and_size() -> impl Strategy<Value = (Vec<u32>, u32)> {
    (prop::collection::vec(0..4_u32, 0..30), 1..10_u32)
}

/// Returns every row, page by page: each page except the last is full, and none except the first is
/// empty.
pub fn walk<T: Paged>(
    size: PageSize,
    mut page: impl FnMut(Option<Cursor<T>>) -> Page<T>,
) -> Vec<T> {
    walk_while_rows_move(size, |cursor| {
        let is_first = cursor.is_none();
        let page = page(cursor);
        assert!(is_first || !page.rows.is_empty(), "a page that was announced is empty");
        page
    })
}

/// Returns every row, page by page, where the rows of the next page may have been deleted when it
/// is read.
pub fn walk_while_rows_move<T: Paged>(
    size: PageSize,
    mut page: impl FnMut(Option<Cursor<T>>) -> Page<T>,
) -> Vec<T> {
    let full = usize::try_from(size.rows()).expect("a small size");
    let (mut rows, mut cursor) = (Vec::new(), None);
    // A cursor that does not move must fail the test, not hang it.
    for number in 0..500 {
        let Page { rows: some, next } = page(cursor);
        assert!(some.len() <= full && (next.is_none() || some.len() == full), "page {number}");
        rows.extend(some);
        if next.is_none() {
            return rows;
        }
        cursor = next;
    }
    panic!("the pages have no end");
}

/// Returns the rows of a kind of page, converted by `id`, read in pages of this size.
pub fn paged<T: Paged, I>(
    models: &Models,
    size: u32,
    page: impl Fn(&mut DbConnection, Option<Cursor<T>>, PageSize) -> Result<Page<T>>,
    id: impl Fn(&T) -> I,
) -> Vec<I> {
    let size = PageSize::of(size);
    let rows = walk(size, |cursor| models.run(|conn| page(conn, cursor, size)));
    rows.iter().map(id).collect()
}

/// Inserts this many rows in one transaction.
pub fn made<T>(
    models: &Models,
    rows: u32,
    one: impl Fn(&mut Writer<'_>, u32) -> Result<T>,
) -> Vec<T> {
    models.run(|conn| (0..rows).map(|number| one(conn, number)).collect())
}

pub fn reversed<T>(mut rows: Vec<T>) -> Vec<T> {
    rows.reverse();
    rows
}

/// Returns the ids of rows with these times, latest first, and newest first among equal times.
pub fn by_time<I: Ord + Copy>(ids: &[I], times: &[u32]) -> Vec<I> {
    let mut keys: Vec<_> = times.iter().zip(ids).collect();
    keys.sort();
    keys.into_iter().rev().map(|(_, id)| *id).collect()
}

/// Returns the ids that existed at the start.
pub fn of_those<I: PartialEq>(found: Vec<I>, there: &[I]) -> Vec<I> {
    found.into_iter().filter(|id| there.contains(id)).collect()
}
