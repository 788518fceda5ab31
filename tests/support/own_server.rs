//! PostgreSQL servers that a test starts and stops itself, for cases that the shared server cannot
//! provide: being down, being a replica, requiring a password.
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use zenith_db::Config;
use zenith_db::config::{Key, Loader};

use super::skipped;

/// Password of the user `zenith` of a [`Server`].
pub const PASSWORD: &str = "pass word/1";
/// The password of [`PASSWORD`] as part of a URL.
pub const ENCODED_PASSWORD: &str = "pass%20word%2F1";

/// Server of a test. Connections over its socket need no password, those over TCP do.
pub struct Server {
    directory: TempDir,
    programs: PathBuf,
    pub port: u16,
}

impl Server {
    /// Starts a server with a database `zenith`, or prints a notice if PostgreSQL's programs are
    /// not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server as [`Server::start`] does, created with these arguments of initdb besides.
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            skipped("the programs of a PostgreSQL server (initdb) are not here");
            return None;
        };
        let directory = directory();
        let secret = directory.path().join("password");
        std::fs::write(&secret, PASSWORD).expect("a file");
        make_readable(&secret);
        let server = Self { directory, programs, port: free_port() };
        let data = server.data();
        server.run(
            "initdb",
            &["-D", &data, "-U", "zenith", "--no-sync", "-E", "UTF8", "--locale=C"]
                .into_iter()
                .chain(["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile"])
                .chain([secret.to_str().expect("UTF-8")])
                .chain(arguments.iter().copied())
                .collect::<Vec<_>>(),
        );
        server.resume();
        server.admin("postgres").batch_execute("CREATE DATABASE zenith").expect("a database");
        Some(server)
    }

    /// Starts a streaming replica of this server.
    pub fn replica(&self) -> Self {
        let replica =
            Self { directory: directory(), programs: self.programs.clone(), port: free_port() };
        let (socket, port) = (self.socket(), self.port.to_string());
        let data = replica.data();
        let copy = ["-h", &socket, "-p", &port, "-U", "zenith", "-D", &data, "-R", "--no-sync"];
        replica.run("pg_basebackup", &[&copy[..], &["-X", "stream", "-c", "fast"]].concat());
        replica.resume();
        replica
    }

    /// Starts the server after [`Server::stop`].
    pub fn resume(&self) {
        let options = format!(
            "-p {} -k '{}' -c listen_addresses=127.0.0.1 -c fsync=off -c max_wal_senders=3 \
             -c deadlock_timeout=50ms -c wal_receiver_status_interval=1",
            self.port,
            self.socket()
        );
        let log = self.directory.path().join("log");
        let (data, log) = (self.data(), log.to_str().expect("UTF-8").to_owned());
        self.run("pg_ctl", &["-D", &data, "-l", &log, "-o", &options, "-w", "start"]);
    }

    /// Switches TLS on, with the certificate and the key in these files.
    pub fn encrypt(&self, certificate: &Path, key: &Path) {
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let path = Path::new(&self.data()).join(name);
            // With its mode, which has to be 0600 for a key.
            std::fs::copy(from, &path).expect("a copy");
            make_readable(&path);
        }
        self.admin("postgres").batch_execute("ALTER SYSTEM SET ssl = on").expect("a setting");
        self.stop();
        self.resume();
    }

    /// Promotes a replica to a primary.
    pub fn promote(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "promote"]);
    }

    /// Stops the server immediately: connections are cut off.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    /// Kills every process of the server, as when the machine fails. [`Server::resume`] starts it again.
    pub fn kill(&self) {
        let file = Path::new(&self.data()).join("postmaster.pid");
        let text = std::fs::read_to_string(&file).expect("a running server");
        let id = text.lines().next().and_then(|id| id.parse().ok()).expect("its id");
        // First, so that it starts no others.
        let processes: Vec<i32> = std::iter::once(id).chain(children(id)).collect();
        for process in &processes {
            let process = Pid::from_raw(*process).expect("an id");
            // It may have ended because the first one did.
            let _ = kill_process(process, Signal::KILL);
        }
        while processes.iter().any(|process| is_running(*process)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Their process may not be waited for yet, so that it seems to exist.
        let socket = Path::new(&self.socket()).join(format!(".s.PGSQL.{}.lock", self.port));
        for lock in [file, socket] {
            std::fs::remove_file(lock).expect("nobody uses it");
        }
    }

    /// Returns the URL of a database, over the socket.
    pub fn url(&self, database: &str) -> String {
        let socket = self.socket().replace('/', "%2F");
        format!("postgres://zenith@/{database}?host={socket}&port={}", self.port)
    }

    /// Returns the URL of the database `zenith` for this user, over the socket.
    pub fn url_as(&self, user: &str) -> String {
        let user: Vec<_> = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.url("zenith").replacen("zenith@", &format!("{}@", user.concat()), 1)
    }

    /// Returns the URL over TCP, with this user and password.
    pub fn tcp_url(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/zenith?sslmode=disable", self.port)
    }

    /// Returns the configuration for the database `zenith` with these settings.
    pub fn config(&self, settings: &[(Key, &str)]) -> Config {
        config(&self.url("zenith"), settings)
    }

    /// Opens a plain connection to a database.
    pub fn admin(&self, database: &str) -> PgConnection {
        PgConnection::establish(&self.url(database)).expect("a connection")
    }

    fn data(&self) -> String {
        self.directory.path().join("data").to_str().expect("UTF-8").to_owned()
    }

    fn socket(&self) -> String {
        self.directory.path().to_str().expect("UTF-8").to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        // The server refuses to run as root.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.args(arguments).current_dir(self.directory.path());
        // What stays behind must not hold the test's own output open.
        let log = std::fs::File::create(self.directory.path().join(format!("{program}.out")));
        let log = log.expect("a file");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        let status = command.status().expect("the program starts");
        let said = self.directory.path().join(format!("{program}.out"));
        let said = std::fs::read_to_string(said).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}: {said}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.stop();
        }
    }
}

/// Returns the state and the parent of a process: the third and fourth words of its line, of which the second
/// may have spaces.
fn stat(process: i32) -> Option<(String, i32)> {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut words = line.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn children(parent: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| stat(*process).is_some_and(|found| found.1 == parent)).collect()
}

fn is_running(process: i32) -> bool {
    // One that was not waited for yet has ended.
    stat(process).is_some_and(|(state, _)| state != "Z")
}

/// Returns the configuration for a URL with these settings.
pub fn config(url: &str, settings: &[(Key, &str)]) -> Config {
    let loader = Loader::new().flag(Key::Url, "url", url);
    let loader =
        settings.iter().fold(loader, |loader, (key, value)| loader.flag(*key, "f", *value));
    loader.load().expect("a configuration")
}

/// Returns the only value of a query, as text.
pub fn value(connection: &mut PgConnection, query: &str) -> String {
    let query = format!("coalesce(({query})::text, 'NULL')");
    diesel::select(diesel::dsl::sql::<Text>(&query)).get_result(connection).expect(&query)
}

fn directory() -> TempDir {
    // A socket's path has to be short.
    let directory = tempfile::Builder::new().prefix("zpg").tempdir_in("/tmp").expect("a directory");
    if is_root() {
        chown(directory.path());
    }
    directory
}

fn make_readable(path: &Path) {
    if is_root() {
        chown(path);
    }
}

fn chown(path: &Path) {
    let status = Command::new("chown").arg("postgres").arg(path).status().expect("chown starts");
    assert!(status.success(), "{}", path.display());
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").expect("a process").uid() == 0
}

/// Returns a port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Returns the directory of initdb: that of `pg_config`'s other programs, or Debian's.
fn programs() -> Option<PathBuf> {
    let asked = Command::new("pg_config").arg("--bindir").output().ok();
    let asked = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<PathBuf> =
        debian.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    debian.sort();
    let found = asked.map(PathBuf::from).into_iter().chain(debian.into_iter().rev());
    found.into_iter().find(|directory| directory.join("initdb").is_file())
}

/// PgBouncer in transaction mode in front of a [`Server`], with two connections to it.
pub struct Pooler {
    directory: TempDir,
    port: u16,
}

impl Pooler {
    /// Starts a pooler, or prints a notice if PgBouncer is not installed.
    pub fn before(server: &Server) -> Option<Self> {
        Self::with(server, "")
    }

    /// Starts a pooler with these settings besides, as [`Pooler::before`] does.
    pub fn with(server: &Server, settings: &str) -> Option<Self> {
        if Command::new("pgbouncer").arg("--version").stdout(Stdio::null()).status().is_err() {
            skipped("pgbouncer is not here");
            return None;
        }
        let pooler = Self { directory: directory(), port: free_port() };
        let path = |name: &str| pooler.directory.path().join(name).display().to_string();
        let settings = format!(
            "[databases]\n* = user=zenith host={} port={}\n[pgbouncer]\npool_mode = transaction\n\
             default_pool_size = 2\nauth_type = any\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             unix_socket_dir =\nlogfile = {}\npidfile = {}\n{settings}",
            server.socket(),
            server.port,
            pooler.port,
            path("log"),
            path("pid"),
        );
        let file = pooler.directory.path().join("settings");
        std::fs::write(&file, settings).expect("a file");
        make_readable(&file);
        let program = if is_root() { ["runuser", "-u", "postgres", "--"].as_slice() } else { &[] };
        let words = program.iter().copied().chain(["pgbouncer", "-q", "-d"]);
        let words: Vec<&str> = words.chain([file.to_str().expect("UTF-8")]).collect();
        let status = Command::new(words[0]).args(&words[1..]).status().expect("it starts");
        assert!(status.success());
        let listening = || std::net::TcpStream::connect(("127.0.0.1", pooler.port)).is_ok();
        assert!((0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            listening()
        }));
        Some(pooler)
    }

    pub fn url(&self) -> String {
        format!("postgres://zenith@127.0.0.1:{}/zenith?sslmode=disable", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.directory.path().join("pid")).unwrap_or_default();
        let _ = Command::new("kill").arg(pid.trim()).status();
    }
}
