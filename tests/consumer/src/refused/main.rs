//! What must not compile. Each `//~` names the error that the compiler must give on that very line,
//! and the test `compile_fail` fails if it gives another, none, or one anywhere else.

mod calls;
mod columns;

fn main() {}
