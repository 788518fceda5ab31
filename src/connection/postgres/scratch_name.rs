//! Names of databases beside another one.

use sha2::{Digest, Sha256};

/// Longest name of a database, in bytes (`NAMEDATALEN - 1`).
const LONGEST: usize = 63;

/// Returns the name of a temporary database beside another.
pub(super) fn random_name(database: &str, purpose: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let random = random.get(..8).unwrap_or_default();
    beside(database, &format!("_{purpose}_{random}{}", proof(database, random)))
}

/// Whether a name is that of a temporary database beside another. It proves itself from the moment when the database is
/// created, as a comment would not: those who are killed between the two would leave it for ever.
pub(super) fn is_temporary(name: &str, database: &str) -> bool {
    let end = name.rsplit_once('_').map(|(_, end)| end);
    let parts = end.filter(|end| end.len() == 16).and_then(|end| end.split_at_checked(8));
    parts.is_some_and(|(random, last)| last == proof(database, random))
}

/// Eight digits that nobody gives to another database's name by chance.
fn proof(database: &str, random: &str) -> String {
    let text = format!("temporary database of zenith-db\0{database}\0{random}");
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// Returns the name of a database with a suffix; a long name is shortened.
pub(super) fn beside(database: &str, suffix: &str) -> String {
    let longest = LONGEST - suffix.len();
    let is_end = |end: &usize| database.is_char_boundary(*end);
    let end = (0..=longest.min(database.len())).rev().find(is_end).unwrap_or_default();
    format!("{}{suffix}", database.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_proves_whose_it_is_and_no_other_does() {
        let long = "é".repeat(40);
        for database in ["zenith", "a_b", long.as_str()] {
            let name = random_name(database, "restoring");
            assert!(name.len() <= LONGEST && is_temporary(&name, database), "{name}");
            assert!(!is_temporary(&name, "other"), "{name}");
            let changed = name.replace(|digit: char| digit.is_ascii_digit(), "f");
            assert!(!is_temporary(&changed.replace('a', "b"), database), "{changed}");
        }
        for other in
            ["", "_", "zenith", "zenith_restoring_", "zenith_0123456789abcdef", "é_éééééééé"]
        {
            assert!(!is_temporary(other, "zenith"), "{other}");
        }
    }
}
