//! What the handlers share.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zenith_db::AsyncDatabase;

use crate::error::ApiError;

/// What the handlers share. Clones are cheap.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub database: AsyncDatabase,
    /// One for each processor: hashing a password takes one, and 19 MiB of memory.
    hashing: Arc<Semaphore>,
    /// One for each call that hashes or waits.
    places: Arc<Semaphore>,
}

/// Most calls that hash or wait, for each processor: the last one waits for a second or two.
const PLACES: usize = 32;

impl App {
    /// Returns the service on a database.
    #[must_use]
    pub fn new(database: AsyncDatabase) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let (hashing, places) = (semaphore(processors), semaphore(processors * PLACES));
        Self { database, hashing, places }
    }

    /// Hashes or verifies a password, which takes tens of milliseconds, on a thread that may block.
    ///
    /// # Errors
    /// [`ApiError::Busy`] if too many wait already; [`ApiError::Internal`] if `work` panics.
    pub async fn hash<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError>
    where
        T: Send + 'static,
    {
        let place = self.places.clone().try_acquire_owned().map_err(|_| ApiError::Busy)?;
        let permit = self.hashing.clone().acquire_owned().await.map_err(ApiError::internal)?;
        // The thread keeps the permit if the client goes away meanwhile.
        let running = spawn_blocking(move || (work(), permit, place));
        let (done, ..) = running.await.map_err(ApiError::internal)?;
        Ok(done)
    }
}
