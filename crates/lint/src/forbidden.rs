//! Statements that are not allowed in a migration.

use zenith_db::internal::migrations::Words;

/// Returns the name of the statement if it is not allowed in the transaction of a migration.
pub(super) fn forbidden(words: &Words) -> Option<String> {
    let verb = words.get(0).to_ascii_uppercase();
    let concurrently = ["CREATE", "DROP", "REINDEX"].contains(&verb.as_str());
    if concurrently && words.has("CONCURRENTLY") {
        return Some(format!("{verb} … CONCURRENTLY"));
    }
    let outside = words.is_any(0, &["PRAGMA", "VACUUM", "ATTACH", "DETACH"]);
    (outside || words.controls_transactions()).then_some(verb)
}
