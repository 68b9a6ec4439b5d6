use std::sync::{Arc, Mutex, OnceLock};

use super::{BoxChunks, CHUNK, Chunks, Data, Node, Rdd};
use crate::pool::Pool;
use crate::{EngineError, Operator};

/// Partitions in memory, shared by everyone who reads them.
pub(crate) type Shared<T> = Vec<Arc<Vec<T>>>;

type Recipe<T> = Box<dyn Fn(&Pool) -> Result<Vec<Vec<T>>, EngineError> + Send>;

/// Records that are made once, by a job of their own, and then stay in memory: a shuffle's result, or a cached RDD.
///
/// The recipe, and with it everything it was made from, is dropped as soon as the records are there: a window over many
/// batches holds their results, not their input.
pub(crate) struct Materialized<T> {
    partitions: usize,
    recipe: Mutex<Option<Recipe<T>>>,
    records: OnceLock<Shared<T>>,
}

impl<T> Materialized<T> {
    pub(crate) fn new(
        partitions: usize,
        recipe: impl Fn(&Pool) -> Result<Vec<Vec<T>>, EngineError> + Send + 'static,
    ) -> Self {
        Materialized {
            partitions,
            recipe: Mutex::new(Some(Box::new(recipe))),
            records: OnceLock::new(),
        }
    }

    pub(crate) fn ready(records: Shared<T>) -> Self {
        Materialized {
            partitions: records.len(),
            recipe: Mutex::new(None),
            records: OnceLock::from(records),
        }
    }
}

impl<T: Data> Node<T> for Materialized<T> {
    fn partitions(&self) -> usize {
        self.partitions
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        // Held while the job runs: a second action on another thread waits for the records instead of making them again.
        let mut recipe = self
            .recipe
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(make) = recipe.as_ref() else {
            return Ok(());
        };
        let made = make(pool)?;
        debug_assert_eq!(made.len(), self.partitions);
        let _ = self.records.set(made.into_iter().map(Arc::new).collect());
        *recipe = None;
        Ok(())
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<T>, EngineError> {
        let records = self
            .records
            .get()
            .expect("an action prepares its nodes before it opens their partitions");
        Ok(Box::new(SharedChunks {
            records: records[partition].clone(),
            at: 0,
        }))
    }

    fn keeps_records(&self) -> bool {
        true
    }

    fn known_count(&self) -> Option<u64> {
        Some(
            self.records
                .get()?
                .iter()
                .map(|partition| partition.len() as u64)
                .sum(),
        )
    }
}

struct SharedChunks<T> {
    records: Arc<Vec<T>>,
    at: usize,
}

impl<T: Clone> Chunks<T> for SharedChunks<T> {
    fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError> {
        let end = self.records.len().min(self.at + CHUNK);
        out.extend_from_slice(&self.records[self.at..end]);
        self.at = end;
        Ok(end < self.records.len())
    }
}

impl<T: Data> Rdd<T> {
    /// The same records, kept in memory from the first time they are computed until the last clone of the result is gone.
    ///
    /// Differs from Spark: the RDD it is called on stays as it is, the result is the cached one. Results of a shuffle stay
    /// in memory anyway, so caching those costs and changes nothing.
    #[track_caller]
    #[must_use = "the RDD it is called on is not cached: use the returned one"]
    pub fn cache(&self) -> Rdd<T> {
        self.cache_at(Operator::here("cache"))
    }

    pub(crate) fn cache_at(&self, operator: Operator) -> Rdd<T> {
        if self.node().keeps_records() {
            return self.clone();
        }
        let parent = self.node().clone();
        let make = move |pool: &Pool| {
            parent.prepare(pool)?;
            let partitions = (0..parent.partitions()).collect();
            pool.run_reading(&*parent, operator, partitions, |p, counts| {
                let records = super::actions::drain(&*parent, pool, p)?;
                counts.read = records.len() as u64;
                counts.made = Some(counts.read);
                Ok(records)
            })
        };
        let cached = Rdd::new(
            self.context(),
            Materialized::new(self.num_partitions(), make),
        );
        Rdd {
            partitioner: self.partitioner,
            metadata: self.metadata.clone(),
            ..cached
        }
    }

    /// Makes the records now if they are kept in memory, so that what they are made from can be dropped.
    pub(crate) fn prepare(&self) -> Result<(), EngineError> {
        self.node().prepare(self.context().pool())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::RddContext;

    #[test]
    fn a_cached_rdd_is_computed_once_and_an_uncached_one_each_time() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(0..1000, 4)
            .map(move |x| {
                counted.fetch_add(1, Ordering::Relaxed);
                x
            });
        rdd.count().unwrap();
        rdd.count().unwrap();
        assert_eq!(calls.swap(0, Ordering::Relaxed), 2000);
        let cached = rdd.cache();
        assert_eq!(cached.collect().unwrap(), (0..1000).collect::<Vec<_>>());
        assert_eq!(cached.cache().count().unwrap(), 1000);
        assert_eq!(calls.load(Ordering::Relaxed), 1000);
    }

    #[test]
    fn what_a_cached_rdd_was_made_from_is_dropped() {
        let witness = Arc::new(());
        let held = witness.clone();
        let cached = RddContext::new(2)
            .unwrap()
            .parallelize(0..10, 2)
            .map(move |x| (x, Arc::strong_count(&held)))
            .cache();
        assert_eq!(Arc::strong_count(&witness), 2);
        cached.count().unwrap();
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn a_failed_computation_is_tried_again_by_the_next_action() {
        let fail = Arc::new(AtomicUsize::new(1));
        let left = fail.clone();
        let cached = RddContext::new(1)
            .unwrap()
            .parallelize(0..4, 1)
            .map(move |x| {
                assert!(left.swap(0, Ordering::Relaxed) == 0, "first time fails");
                x
            });
        let cached = cached.cache();
        cached.count().unwrap_err();
        assert_eq!(cached.count().unwrap(), 4);
    }
}
