//! The hosts of a URL that names several.

use percent_encoding::percent_decode_str;

use super::server_url::ServerUrl;

impl ServerUrl {
    /// Returns a URL for each host that the URL names, in the order in which libpq tries them, with its port; none if it
    /// names at most one.
    #[must_use]
    pub(crate) fn each_host(&self) -> Vec<Self> {
        let text = self.expose();
        let before_query = text.split('?').next().unwrap_or_default();
        let authority = before_query.split('/').nth(2).unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for host in authority.split(',').filter(|_| !authority.is_empty()) {
            // An IPv6 address has colons, and brackets around it.
            let (address, port) = match host.split_once(']') {
                Some((address, port)) => (address.trim_start_matches('['), port.strip_prefix(':')),
                None => {
                    host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)))
                }
            };
            hosts.push(decoded(address));
            ports.push(port.unwrap_or_default().to_owned());
        }
        // libpq takes a parameter instead of what precedes it.
        let given = |key| self.last_value(key).map(|list| split(&list));
        hosts = given("host").unwrap_or(hosts);
        ports = given("port").unwrap_or(ports);
        let addresses = given("hostaddr").unwrap_or_default();
        let count = hosts.len().max(addresses.len());
        if count < 2 {
            return Vec::new();
        }
        let with = |url: Self, key, values: &[String], at: usize| match values.get(at) {
            Some(value) => url.with(key, value),
            None => url,
        };
        let each = (0..count).map(|at| {
            let url = with(self.clone(), "host", &hosts, at);
            let url = with(url, "hostaddr", &addresses, at);
            // One port is that of all hosts.
            let port = if ports.len() == 1 { 0 } else { at };
            with(url, "port", &ports, port)
        });
        each.collect()
    }

    /// Whether libpq connects to a replica if one of the hosts is one, as the parameter `target_session_attrs` or
    /// `PGTARGETSESSIONATTRS` says.
    #[must_use]
    pub(crate) fn prefers_standby(&self) -> bool {
        let given = self.last_value("target_session_attrs");
        let given = given.or_else(|| std::env::var("PGTARGETSESSIONATTRS").ok());
        given.is_some_and(|wanted| wanted == "prefer-standby")
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_port() {
        for (url, expected) in [
            ("postgres://z@h:1/d?x=y", ""),
            ("postgres:///d?host=h&port=1", ""),
            ("postgres://z:p@a,b/d", "?host=a&port= ?host=b&port="),
            ("postgres://a:1,b/d", "?host=a&port=1 ?host=b&port="),
            ("postgres://[::1]:1,b:2/d", "?host=%3A%3A1&port=1 ?host=b&port=2"),
            ("postgres:///d?host=%2Fx,b&port=1,2", "&host=%2Fx&port=1 &host=b&port=2"),
            ("postgres://c/d?host=a,b&port=1", "&host=a&port=1 &host=b&port=1"),
            ("postgres:///d?hostaddr=1.1.1.1,2.2.2.2", "&hostaddr=1.1.1.1 &hostaddr=2.2.2.2"),
        ] {
            let parsed = ServerUrl::parse(url).expect(url);
            let each = parsed.each_host();
            let each: Vec<_> = each.iter().map(|one| one.expose().strip_prefix(url)).collect();
            assert_eq!(
                each.iter().map(|one| one.expect(url)).collect::<Vec<_>>().join(" "),
                expected,
                "{url}"
            );
        }
    }
}
