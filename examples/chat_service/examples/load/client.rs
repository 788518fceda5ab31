//! A client with a connection that it keeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{Account, DEFECT_EVERY};

pub(crate) struct Client(BufReader<TcpStream>);

/// What clients have seen.
#[derive(Default)]
pub(crate) struct Seen {
    times: Vec<Duration>,
    /// Messages whose writing was acknowledged.
    pub(crate) written: usize,
    /// Requests that were answered with 503.
    pub(crate) refused: usize,
    /// Requests that were answered with 500.
    pub(crate) failed: usize,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Reads and writes messages until it is over.
    pub(crate) async fn work(
        mut self,
        account: &Account,
        number: usize,
        over: &AtomicBool,
    ) -> Result<Seen> {
        let mut seen = Seen::default();
        let (token, path) = (&account.token, &account.path);
        let page = format!("{path}?size=10");
        let mut step = number;
        while !over.load(Ordering::Relaxed) {
            step += 1;
            let writes = step.is_multiple_of(10);
            let since = Instant::now();
            let status = if writes {
                self.ask("POST", path, token, r#"{"text":"What does the report say of costs?"}"#)
                    .await?
            } else {
                self.ask("GET", &page, token, "").await?
            };
            seen.times.push(since.elapsed());
            match status {
                200 => {}
                201 => seen.written += 1,
                503 => seen.refused += 1,
                status => bail!("a request was answered with {status}"),
            }
        }
        Ok(seen)
    }

    /// Asks for the handler with the defect until it is over.
    pub(crate) async fn call_the_defect(mut self, over: &AtomicBool) -> Result<Seen> {
        let mut seen = Seen::default();
        while !over.load(Ordering::Relaxed) {
            let since = Instant::now();
            let status = self.ask("GET", "/defect", "", "").await?;
            seen.times.push(since.elapsed());
            seen.failed += usize::from(status == 500);
            tokio::time::sleep(DEFECT_EVERY).await;
        }
        Ok(seen)
    }

    /// Sends a request, reads the answer, and returns its status.
    async fn ask(&mut self, method: &str, path: &str, token: &str, body: &str) -> Result<u16> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).await?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        self.0.read_exact(&mut vec![0; length]).await?;
        status.context("the service has closed the connection")
    }
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.written += other.written;
        self.refused += other.refused;
        self.failed += other.failed;
    }

    pub(crate) const fn answered(&self) -> usize {
        self.times.len()
    }

    /// The time in milliseconds that this many of a thousand requests do not exceed.
    pub(crate) fn at(&self, of_a_thousand: usize) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let index = (times.len() * of_a_thousand / 1000).min(times.len().saturating_sub(1));
        times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}
