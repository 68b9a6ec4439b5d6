use super::actions::drain_counted;
use super::{Data, Rdd};
use crate::{EngineError, Operator};

/// The records of an RDD in the calling thread, one partition in memory at a time; see [`Rdd::to_local_iterator`].
pub struct LocalIter<T> {
    rdd: Rdd<T>,
    operator: Operator,
    next_partition: usize,
    records: std::vec::IntoIter<T>,
}

impl<T: Data> Rdd<T> {
    /// All records, in the order of the partitions, as an iterator that needs memory for one partition at a time: a partition
    /// is computed when the one before is used up. After an error it ends.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let rdd = RddContext::new(2)?.parallelize(0..1_000, 10).map(|x| x * x);
    /// let first_large = rdd.to_local_iterator().find(|x| x.as_ref().map_or(true, |x| *x > 100));
    /// assert_eq!(first_large.transpose()?, Some(121));
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn to_local_iterator(&self) -> LocalIter<T> {
        LocalIter {
            rdd: self.clone(),
            operator: Operator::here("to_local_iterator"),
            next_partition: 0,
            records: Vec::new().into_iter(),
        }
    }
}

impl<T: Data> Iterator for LocalIter<T> {
    type Item = Result<T, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.records.next() {
                return Some(Ok(record));
            }
            let partition = self.next_partition;
            if partition >= self.rdd.num_partitions() {
                return None;
            }
            let part = partition..partition + 1;
            match self.rdd.run(self.operator, part, drain_counted) {
                Ok(parts) => {
                    self.next_partition += 1;
                    self.records = parts.into_iter().next().unwrap_or_default().into_iter();
                }
                Err(error) => {
                    self.next_partition = usize::MAX;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<T> std::fmt::Debug for LocalIter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIter")
            .field("next_partition", &self.next_partition)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::RddContext;

    #[test]
    fn partitions_are_computed_one_after_another_as_they_are_needed() {
        let computed = Arc::new(AtomicUsize::new(0));
        let counted = computed.clone();
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(0..100, 4)
            .map(move |x| {
                counted.fetch_add(1, Ordering::Relaxed);
                x
            });
        let mut records = rdd.to_local_iterator();
        assert_eq!(records.next().unwrap().unwrap(), 0);
        assert_eq!(computed.load(Ordering::Relaxed), 25);
        let rest: Result<Vec<_>, _> = records.collect();
        assert_eq!(rest.unwrap(), (1..100).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_is_the_last_item() {
        let rdd = RddContext::new(1).unwrap().parallelize(0..3, 3);
        let broken = rdd.try_map(|x| if x == 1 { Err("no") } else { Ok(x) });
        let items: Vec<_> = broken.to_local_iterator().collect();
        assert!(
            items.len() == 2 && items[0].is_ok() && items[1].is_err(),
            "{items:?}"
        );
    }
}
