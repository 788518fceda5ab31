//! Who can read or change what is sent to a server.

use std::net::IpAddr;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use crate::backend::DbConnection;
use crate::config::Location;
use crate::error::Result;
use crate::manager::DatabaseManager;
use crate::manager::health::outcome::CheckOutcome;

/// A connection, as the server sees it.
#[derive(QueryableByName)]
struct Link {
    /// None if it is a socket of the file system.
    #[diesel(sql_type = Nullable<Text>)]
    client: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    server: Option<String>,
    #[diesel(sql_type = Bool)]
    has_tls: bool,
    /// Kerberos, by which both sides know each other.
    #[diesel(sql_type = Bool)]
    has_gss: bool,
}

const LINK: &str = "
    SELECT host(client_addr) AS client, host(inet_server_addr()) AS server, coalesce(tls.ssl, false) AS has_tls,
        coalesce(gss.encrypted, false) AS has_gss
    FROM pg_stat_activity LEFT JOIN pg_stat_ssl AS tls USING (pid) LEFT JOIN pg_stat_gssapi AS gss USING (pid)
    WHERE pid = pg_backend_pid()";

impl Link {
    fn is_on_one_machine(&self) -> bool {
        let address = |text: &str| text.parse().ok();
        let Some(client) = &self.client else { return true };
        self.client == self.server || address(client).is_some_and(|it: IpAddr| it.is_loopback())
    }

    fn check(&self, verifies: bool, is_pooled: bool) -> CheckOutcome {
        let cure = "add sslmode=verify-full, and sslrootcert, to the URL";
        // The server does not see who is connected to the pooler.
        let of = if is_pooled { "the pooler's connections" } else { "connections" };
        match (self.is_on_one_machine(), self.has_gss, self.has_tls, verifies || is_pooled) {
            (true, ..) if is_pooled => {
                CheckOutcome::Good("the pooler is on the machine of the server".into())
            }
            (true, ..) => CheckOutcome::Good("the server is on this machine".into()),
            (_, true, ..) => CheckOutcome::Good(format!("{of} are encrypted by GSSAPI")),
            (_, _, true, true) => CheckOutcome::Good(format!("{of} are encrypted")),
            (_, _, true, false) => CheckOutcome::Bad(format!(
                "{of} are encrypted, but anybody may pose as the server: {cure}"
            )),
            _ => CheckOutcome::Bad(format!("{of} to another machine are not encrypted: {cure}")),
        }
    }
}

/// Checks that nobody between here and the server can read or change what is sent.
pub(super) fn encryption(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let link: Link = diesel::sql_query(LINK).get_result(connection.postgres()?)?;
    let verifies = match manager.config.location() {
        Location::Postgres(url) => url.verifies_server(),
        Location::Sqlite(_) => true,
    };
    Ok(link.check(verifies, manager.config.server().transaction_pooler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_others_can_read_or_change_is_bad() {
        let here =
            [(None, None), (Some("127.0.0.9"), Some("127.0.0.1")), (Some("::1"), Some("::1"))];
        let same = (Some("192.0.2.7"), Some("192.0.2.7"));
        let other = (Some("192.0.2.7"), Some("192.0.2.8"));
        let check = |(client, server): (Option<&str>, Option<&str>), has_tls, has_gss, verifies| {
            let [client, server] = [client, server].map(|it| it.map(str::to_owned));
            let link = Link { client, server, has_tls, has_gss };
            matches!(link.check(verifies, false), CheckOutcome::Good(_))
        };
        assert!(here.iter().chain([&same]).all(|link| check(*link, false, false, false)));
        assert!(check(other, true, false, true) && check(other, false, true, false));
        assert!(!check(other, true, false, false) && !check(other, false, false, true));
    }
}
