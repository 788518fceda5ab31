//! Which tables of a server the user may read, with all of their rows.

/// Returns a condition: whether the user may read each row of the table with this id, in every column. Otherwise a query of
/// the table fails, for want of the right or because a policy hides rows from the user, and so does the transaction.
pub(crate) fn may_read(table: &str) -> String {
    format!("(has_table_privilege({table}, 'SELECT') AND {})", is_whole(table))
}

/// As [`may_read`], for a query that only counts the rows: a right on one column is enough.
pub(super) fn may_count(table: &str) -> String {
    format!("(has_any_column_privilege({table}, 'SELECT') AND {})", is_whole(table))
}

/// Returns a condition: whether no policy hides rows of the table with this id from the user.
fn is_whole(table: &str) -> String {
    format!("NOT row_security_active({table})")
}
