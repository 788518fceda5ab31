//! What a test waits for until it has a database of its own: `zenith_db::testing`, as `cargo test` compiles it. Nothing
//! is asserted: a figure is for people.
//!
//! `cargo bench --profile dev --bench test_kit --features testing`, and with `,postgres` and `ZENITH_TEST_POSTGRES` on
//! that server too.

use std::time::{Duration, Instant};

use anyhow::Result;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::DatabaseManager;
use zenith_db::testing::{Template, a_user};

fn main() -> Result<()> {
    let file = Loader::new().flag(Key::Path, "bench", "zenith.db").load()?;
    report("SQLite", &DatabaseManager::new(file))?;
    if let Ok(url) = std::env::var("ZENITH_TEST_POSTGRES") {
        let server = Loader::new().flag(Key::Url, "bench", url).load()?;
        report("PostgreSQL", &DatabaseManager::new(server))?;
    }
    Ok(())
}

fn report(place: &str, manager: &DatabaseManager) -> Result<()> {
    let begun = Instant::now();
    let template = Template::of(manager)?;
    let made = begun.elapsed();
    let mut each = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        let database = template.database()?;
        let opened = begun.elapsed();
        database.write(|conn| a_user().insert(conn))?;
        let used = begun.elapsed();
        drop(database);
        each.push((opened, used, begun.elapsed()));
    }
    each.sort();
    let [opened, used, removed] =
        each.get(10).map_or([Duration::ZERO; 3], |(a, b, c)| [*a, *b, *c]);
    println!(
        "{place}: the template {made:.1?}; then a database {opened:.1?}, with a user {used:.1?}, and removed {removed:.1?} (medians of 21)"
    );
    Ok(())
}
