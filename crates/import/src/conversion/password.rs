//! Password hashes.

use super::outcome::{Outcome, text, text_cell};
use crate::cell::Cell;

/// Returns the hash as a PHC string, without the algorithm that the former application wrote before it.
pub(super) fn phc(hash: &str) -> &str {
    let hash = hash.trim();
    match hash.split_once(':') {
        Some(("argon2id" | "bcrypt", rest)) if rest.starts_with('$') => rest,
        _ => hash,
    }
}

/// Most memory, in KiB, that a hash may ask for: 1 GiB.
const MEMORY: u64 = 1 << 20;
/// Most memory times passes: 4 GiB, which takes some seconds.
const WORK: u64 = 4 << 20;
/// Most threads.
const THREADS: u64 = 16;
/// Highest cost of bcrypt: 65,536 rounds, which take some seconds.
const COST: u64 = 16;

/// Returns why a hash must not be checked: each sign-in would use all memory or block a processor.
pub(super) fn excess(hash: &str) -> Option<String> {
    let mut parts = phc(hash).split('$').skip(1);
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    match parts.next()? {
        "argon2id" => {
            let parameters = parts.find(|part| part.contains("m="))?;
            let value = |name: &str| {
                let found = parameters.split(',').find_map(|part| part.strip_prefix(name));
                found.map_or(0, number)
            };
            let (memory, passes, threads) = (value("m="), value("t="), value("p="));
            let is_excess = memory > MEMORY
                || memory.checked_mul(passes).is_none_or(|work| work > WORK)
                || threads > THREADS;
            is_excess.then(|| {
                format!(
                    "the password's hash asks for m={memory},t={passes},p={threads}, more than \
                     m={MEMORY}, m times t={WORK}, or p={THREADS}"
                )
            })
        }
        "2a" | "2b" | "2x" | "2y" => {
            let cost = number(parts.next()?);
            (cost > COST)
                .then(|| format!("the password's hash asks for cost {cost}, more than {COST}"))
        }
        _ => None,
    }
}

/// Returns the algorithm that the hash itself names: the former column has `bcrypt` by default.
pub(crate) fn algorithm(old: &Cell, hash: &Cell) -> Outcome {
    let hash = text(hash)?.map(|(text, _)| text).unwrap_or_default();
    let named = match phc(&hash).split('$').nth(1) {
        Some("argon2id") => "argon2id",
        Some("2a" | "2b" | "2x" | "2y") => "bcrypt",
        _ => return Err("the password's hash is neither Argon2id nor bcrypt".into()),
    };
    let reason = (old.as_text() != Some(named)).then_some("the algorithm that the hash names");
    Ok((text_cell(named), reason))
}
