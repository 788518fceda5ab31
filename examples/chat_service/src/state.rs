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
}

impl App {
    /// Returns the service on a database.
    #[must_use]
    pub fn new(database: AsyncDatabase) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { database, hashing: Arc::new(Semaphore::new(processors)) }
    }

    /// Hashes or verifies a password, which takes tens of milliseconds, on a thread that may block.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if `work` panics.
    pub(crate) async fn hash<T>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
    {
        let permit = self.hashing.clone().acquire_owned().await.map_err(ApiError::internal)?;
        // The thread keeps the permit if the client goes away meanwhile.
        let running = spawn_blocking(move || (work(), permit));
        let (done, _permit) = running.await.map_err(ApiError::internal)?;
        Ok(done)
    }
}
