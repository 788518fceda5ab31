//! Expressions of PostgreSQL, in a form in which those of a script equal what the server prints of them.

mod parser;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use tree::Expression;
