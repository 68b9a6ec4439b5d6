use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Time;

/// What an output operation has collected, batch by batch: what a sink would have written, also in batches that failed
/// afterwards. Clones share it. See [`TestContext::output`](super::TestContext::output).
pub struct TestOutput<T> {
    batches: Arc<Mutex<Batches<T>>>,
}

type Batches<T> = Vec<(Time, Vec<T>)>;

impl<T> TestOutput<T> {
    /// Takes the batches collected since the last time.
    pub fn take(&self) -> Vec<Vec<T>> {
        let batches = std::mem::take(&mut *self.batches());
        batches.into_iter().map(|(_, records)| records).collect()
    }

    /// As [`TestOutput::take`], with the batches' times.
    pub fn take_with_times(&self) -> Vec<(Time, Vec<T>)> {
        std::mem::take(&mut *self.batches())
    }

    pub(super) fn push(&self, time: Time, records: Vec<T>) {
        self.batches().push((time, records));
    }

    fn batches(&self) -> MutexGuard<'_, Batches<T>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for TestOutput<T> {
    fn default() -> Self {
        TestOutput {
            batches: Arc::default(),
        }
    }
}

impl<T> Clone for TestOutput<T> {
    fn clone(&self) -> Self {
        TestOutput {
            batches: self.batches.clone(),
        }
    }
}

impl<T> std::fmt::Debug for TestOutput<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestOutput")
            .field("batches", &self.batches().len())
            .finish_non_exhaustive()
    }
}
