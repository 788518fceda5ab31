//! The numbers of a pool, for the recorder of the crate `metrics`.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use super::Database;

impl Database {
    /// Tells the recorder that the application has installed for the crate [`metrics`] what
    /// [`Database::pool_status`] returns. Call it before each export, or every few seconds. Exists with the feature
    /// `metrics`.
    ///
    /// | name | kind | meaning |
    /// | --- | --- | --- |
    /// | `zenith_db_connections`, by `state`: `idle`, `in_use` | gauge | open connections |
    /// | `zenith_db_connections_max` | gauge | `DATABASE_MAX_CONNECTIONS` |
    /// | `zenith_db_waits` | counter | calls that found no connection free |
    /// | `zenith_db_replica_fallbacks` | counter | reads that used the primary, because the replica was not available or no connection to it was free |
    ///
    /// Calls of the database record by themselves, and never text of a query or a value:
    ///
    /// | name | kind | meaning |
    /// | --- | --- | --- |
    /// | `zenith_db_wait_seconds`, by `for`: `writer` (SQLite's), `connection` (any other), `async_read`, `async_write` (its turn in an [`AsyncDatabase`](crate::AsyncDatabase)) | histogram | time that a call waited, if it had to |
    /// | `zenith_db_commit_writes` | histogram | writes that one commit has made durable, on SQLite |
    ///
    /// The names are for one database: a program with several should report one of them.
    pub fn report_metrics(&self) {
        describe_gauge!("zenith_db_connections", "open connections to the database");
        describe_gauge!("zenith_db_connections_max", "most connections to the database");
        describe_counter!("zenith_db_waits", "calls that found no connection free");
        describe_counter!(
            "zenith_db_replica_fallbacks",
            "reads that used the primary in place of the replica"
        );
        describe_histogram!("zenith_db_wait_seconds", Unit::Seconds, "time that a call waited");
        describe_histogram!("zenith_db_commit_writes", "writes in one commit");
        let status = self.pool_status();
        gauge!("zenith_db_connections", "state" => "idle").set(status.idle);
        gauge!("zenith_db_connections", "state" => "in_use").set(status.in_use);
        gauge!("zenith_db_connections_max").set(status.max_connections);
        counter!("zenith_db_waits").absolute(status.waits);
        counter!("zenith_db_replica_fallbacks").absolute(status.replica_fallbacks);
    }
}
