use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::error::RegistryError;
use super::schema::Schema;

/// What never changes in a registry: the schema of an id, the id of a subject's schema.
#[derive(Debug, Default)]
pub(super) struct Cache {
    pub(super) by_id: Once<i32, Arc<Schema>>,
    pub(super) ids: Once<(String, bool, Schema), i32>,
}

/// Answers that are asked for once, however many want them at the same time. Errors are not kept.
#[derive(Debug)]
pub(super) struct Once<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Once<K, V> {
    /// The answer that is kept, or that `ask` gets. Cancel-safe: another one who waits asks in place of one that was
    /// dropped.
    pub(super) async fn get(
        &self,
        key: K,
        ask: impl Future<Output = Result<V, RegistryError>>,
    ) -> Result<V, RegistryError> {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cells.entry(key.clone()).or_default().clone()
        };
        let answer = cell.get_or_try_init(|| ask).await.cloned();
        if answer.is_err() {
            // Or else everything that was ever asked for in vain would be kept.
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if cells.get(&key).is_some_and(|cell| !cell.initialized()) {
                cells.remove(&key);
            }
        }
        answer
    }

    /// Forgets answers.
    pub(super) fn forget(&self, which: impl Fn(&K) -> bool) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|key, _| !which(key));
    }
}
