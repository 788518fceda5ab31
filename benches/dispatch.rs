//! What it costs that one crate speaks to two databases: the same look-up with plain Diesel on an
//! SQLite connection, through `dispatch!`, and through Diesel's own multi-backend connection. Rounds
//! are interleaved and medians taken. Nothing is asserted: a figure is for people.
//!
//! `cargo bench --bench dispatch`; with `--features postgres` there is a second backend to choose from.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Backend;
use zenith_db::schema::permissions;
use zenith_db::types::PermissionId;
use zenith_db::{DbConnection, dispatch, migrations};

const ROUNDS: usize = 101;
const TIMES: u32 = 2_000;

fn main() -> Result<()> {
    let rows = "INSERT INTO permissions (name, resource, action)
        WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        SELECT 'name-' || i, 'resource-' || i, 'read' FROM n";
    let fresh = || -> Result<SqliteConnection> {
        let mut connection = SqliteConnection::establish(":memory:")?;
        for migration in migrations::all() {
            let script = migration.script(Backend::Sqlite).context("scripts for SQLite")?;
            connection.batch_execute(script.up)?;
        }
        connection.batch_execute(rows)?;
        Ok(connection)
    };
    let mut plain = fresh()?;
    let mut dispatched = DbConnection::Sqlite(fresh()?);
    let mut multi = DbConnection::Sqlite(fresh()?);
    let names: Vec<String> = (1..=TIMES).map(|n| format!("name-{}", n % 1000 + 1)).collect();

    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let [one, two, three] = &mut times;
        one.push(timed(&names, |name| Ok(by_name(name).get_result(&mut plain)?))?);
        two.push(timed(&names, |name| {
            Ok(dispatch!(&mut dispatched, |connection| by_name(name).get_result(connection))?)
        })?);
        three.push(timed(&names, |name| Ok(by_name(name).get_result(&mut multi)?))?);
    }
    let [plain, dispatched, multi] = times.map(median);
    println!("| look-up by a unique name | µs | ratio |\n| --- | ---: | ---: |");
    for (name, time) in [("plain", plain), ("dispatch!", dispatched), ("multi-backend", multi)] {
        println!("| {name} | {time:.2} | {:.3} |", time / plain);
    }
    Ok(())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn by_name(name: &str) -> _ {
    let columns: (permissions::id, permissions::resource) =
        (permissions::id, permissions::resource);
    permissions::table.select(columns).filter(permissions::name.eq(name))
}

fn timed(
    names: &[String],
    mut look_up: impl FnMut(&str) -> Result<(PermissionId, String)>,
) -> Result<Duration> {
    let begun = Instant::now();
    for name in names {
        let (id, resource) = look_up(name)?;
        ensure!(id.0 > 0 && resource.ends_with(name.trim_start_matches("name")));
    }
    Ok(begun.elapsed() / TIMES)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
