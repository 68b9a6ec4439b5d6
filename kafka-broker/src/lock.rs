use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic elsewhere: a broker goes on serving its other connections.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
