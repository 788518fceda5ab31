//! What is logged meanwhile.

use std::io::Write;
use std::sync::{Arc, Mutex};

/// The lines, as far as they are written.
#[derive(Clone, Default)]
pub struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("a lock").clone()).expect("UTF-8")
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs `work` while what this thread logs is collected.
pub fn logged<T>(work: impl FnOnce(&Logged) -> T) -> T {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    tracing::subscriber::with_default(subscriber.finish(), || work(&logged))
}
