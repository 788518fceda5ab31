//! To whom an object of a server has to belong to count as the program's.

use crate::connection::is_trusted;

/// Returns a condition: whether the role `owner` is the user, may do anything in the schema `n`, or owns its ledger. Others
/// can have made an object only because they may create in the schema, and it is theirs whatever its name.
pub(crate) fn is_ours(owner: &str) -> String {
    let trusted = is_trusted(owner);
    format!(
        "({trusted} OR {owner} = (SELECT ledger.relowner FROM pg_class AS ledger
            WHERE ledger.relnamespace = n.oid AND ledger.relname = '__diesel_schema_migrations'))"
    )
}
