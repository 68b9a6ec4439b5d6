use std::collections::HashMap;

use super::{Data, Key, Rdd};
use crate::{EngineError, Operator};

/// Actions on pairs that give a map in the calling thread: for results that are small. The lazy operators of the same purpose
/// ([`Rdd::reduce_by_key`]...) leave their results in partitions.
impl<K: Key, V: Data> Rdd<(K, V)> {
    /// All pairs as a map; of several values of a key the last one.
    #[track_caller]
    pub fn collect_as_map(&self) -> Result<HashMap<K, V>, EngineError> {
        Ok(self
            .collect_at(Operator::here("collect_as_map"))?
            .into_iter()
            .collect())
    }

    /// How many values each key has.
    #[track_caller]
    pub fn count_by_key(&self) -> Result<HashMap<K, u64>, EngineError> {
        let operator = Operator::here("count_by_key");
        let ones = self.map_values_at(operator, |_| 1u64);
        let counts = ones.reduce_by_key_at(operator, None, |a, b| a + b);
        Ok(counts.collect_at(operator)?.into_iter().collect())
    }

    /// The values of each key combined by an associative and commutative function.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let sales = RddContext::new(2)?.parallelize([("nuts", 3), ("tea", 5), ("nuts", 4)], 2);
    /// assert_eq!(sales.reduce_by_key_locally(|a, b| a + b)?["nuts"], 7);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn reduce_by_key_locally(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> Result<HashMap<K, V>, EngineError> {
        let operator = Operator::here("reduce_by_key_locally");
        let reduced = self.reduce_by_key_at(operator, None, f);
        Ok(reduced.collect_at(operator)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::RddContext;

    #[test]
    fn maps_hold_each_key_once() {
        let pairs = [("a", 1), ("b", 2), ("a", 3), ("a", 5)];
        let rdd = RddContext::new(2).unwrap().parallelize(pairs, 3);
        assert_eq!(
            rdd.collect_as_map().unwrap(),
            HashMap::from([("a", 5), ("b", 2)])
        );
        assert_eq!(
            rdd.count_by_key().unwrap(),
            HashMap::from([("a", 3), ("b", 1)])
        );
        assert_eq!(
            rdd.reduce_by_key_locally(|a, b| a + b).unwrap(),
            HashMap::from([("a", 9), ("b", 2)])
        );
    }
}
