use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes the scheduler before its time: a source has new data, a manual clock moved, somebody wants to stop.
///
/// Cheap to clone. A notification that comes while nobody waits is kept for the next wait.
#[derive(Clone, Debug, Default)]
pub struct Wakeup {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Wakeup {
    /// Wakes whoever waits, or the next one who would.
    pub fn notify(&self) {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.1.notify_all();
    }

    /// Waits for a notification, at most for `timeout` if there is one, and takes it.
    pub fn wait(&self, timeout: Option<Duration>) {
        let notified = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notified = match timeout {
            None => self
                .shared
                .1
                .wait_while(notified, |n| !*n)
                .unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                self.shared
                    .1
                    .wait_timeout_while(notified, timeout, |n| !*n)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        *notified = false;
    }

    pub(crate) fn is_same(&self, other: &Wakeup) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}
