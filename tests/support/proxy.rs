//! A proxy between a client and a server that breaks connections at the commit.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Fault at the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The server does not receive the commit.
    BeforeItArrives,
    /// The client does not receive the answer.
    BeforeItIsAnswered,
    /// The client does not receive the answer, and no new connection succeeds.
    WithAll,
    /// The server receives neither the commit nor the end of the connection.
    UnknownToTheServer,
}

/// Proxy that listens on its own port and forwards to a server.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    next: Mutex<Option<Break>>,
    /// Port of the server; 0 if there is no network.
    server: AtomicU16,
}

impl Proxy {
    /// Starts a proxy for the server on this port.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        state.server.store(server, Ordering::SeqCst);
        let shared = state.clone();
        // It ends with the process: nobody waits for it.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, port) =
                    (client.expect("a client"), shared.server.load(Ordering::SeqCst));
                // Without a server, the connection of the client is closed.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    connect(&client, &server, &shared);
                }
            }
        });
        Self { port, state }
    }

    /// Sets the fault of the next commit.
    pub fn arm(&self, how: Break) {
        *self.state.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
    }

    /// Forwards to another server from now on.
    pub fn redirect(&self, server: u16) {
        self.state.server.store(server, Ordering::SeqCst);
    }

    /// Whether a commit has met the fault.
    pub fn broke(&self) -> bool {
        self.state.next.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

fn connect(client: &TcpStream, server: &TcpStream, state: &Arc<State>) {
    // Whatever the server says from then on is its answer to the commit.
    let broken = Arc::new(Mutex::new(None));
    let clone = |stream: &TcpStream| stream.try_clone().expect("another handle");
    let (shared, breaks) = (state.clone(), broken.clone());
    let (from, to) = (clone(client), clone(server));
    std::thread::spawn(move || {
        pass_on(&from, &to, |said| {
            if !said.windows(7).any(|part| part == b"COMMIT\0") {
                return true;
            }
            let how = shared.next.lock().unwrap_or_else(PoisonError::into_inner).take();
            *breaks.lock().unwrap_or_else(PoisonError::into_inner) = how;
            if how == Some(Break::WithAll) {
                shared.server.store(0, Ordering::SeqCst);
            }
            !matches!(how, Some(Break::BeforeItArrives | Break::UnknownToTheServer))
        });
        close(&from);
        let how = *breaks.lock().unwrap_or_else(PoisonError::into_inner);
        if how != Some(Break::UnknownToTheServer) {
            close(&to);
        }
    });
    let (from, to) = (clone(server), clone(client));
    std::thread::spawn(move || {
        let whole = || broken.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        pass_on(&from, &to, |_| whole());
        close(&from);
        close(&to);
    });
}

/// Forwards until the connection is closed, or until data arrives that `may` refuses.
fn pass_on(mut from: &TcpStream, mut to: &TcpStream, may: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 1 << 13];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !may(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
}

/// Closes a connection that may already be closed.
fn close(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}
