//! The end of a share consumer.

use std::sync::Arc;
use std::time::Duration;

use super::ShareConsumer;
use super::shared::Shared;
use crate::clock::now;
use crate::error::{Error, Result};

/// Stops the background task in any case.
struct Ending<'a>(&'a ShareConsumer);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.0.driver.abort();
        self.0.0.shared.telemetry().events.close();
    }
}

impl ShareConsumer {
    /// Ends the consumer within `limit`: sends what was said of records, gives all others back, and leaves the group, so
    /// that others go on at once. In the implicit mode, what the last poll has returned goes back, too: commit first what
    /// is dealt with. A poll that is waiting returns [`Error::Closed`].
    ///
    /// # Errors
    /// [`Error::Timeout`] when it was not done in time; it is closed all the same, and brokers will notice by themselves.
    /// Cancel-safe in the same sense.
    pub async fn close(&self, limit: Duration) -> Result<()> {
        let shared = &self.0.shared;
        if !shared.close() {
            return Ok(());
        }
        let _end = Ending(self);
        let closing = async {
            let _turn = self.0.turn.lock().await;
            shared.state().fetching.close(now());
            shared.wake_driver.notify_one();
            until(shared, |shared| shared.state().fetching.is_ended()).await;
            // Acknowledgements do not depend on it, but a member that is gone gets nothing new.
            shared.state().membership.unsubscribe();
            shared.wake_driver.notify_one();
            until(shared, |shared| !shared.state().membership.is_leaving()).await;
        };
        let begin = now();
        let closed = tokio::time::timeout(limit, closing).await;
        let left = limit.saturating_sub(now() - begin);
        self.0.pushing.finish(left).await;
        closed.map_err(|_| Error::timeout("closing the share consumer", limit, None))
    }
}

/// Waits until it is so; nothing changes without the driver making progress.
async fn until(shared: &Arc<Shared>, is_so: impl Fn(&Shared) -> bool) {
    loop {
        let mut progress = std::pin::pin!(shared.progress.notified());
        progress.as_mut().enable();
        if is_so(shared) {
            return;
        }
        progress.await;
    }
}
