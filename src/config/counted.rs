//! Numbers in messages.

use std::fmt::Display;

/// Returns a number with what is counted, in the form for one or for all other numbers: `counted(1, "row is", "rows are")`
/// is `1 row is`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(
    number: N,
    one: &str,
    others: &str,
) -> String {
    let form = if number == N::from(1) { one } else { others };
    format!("{number} {form}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_singular_and_everything_else_is_plural() {
        assert_eq!(counted(0_usize, "row", "rows"), "0 rows");
        assert_eq!(counted(1_i64, "row is", "rows are"), "1 row is");
        assert_eq!(counted(2_u64, "copy", "copies"), "2 copies");
    }
}
