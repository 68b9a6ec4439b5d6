use super::shuffle::Combiner;
use super::{Key, Rdd};
use crate::{HashPartitioner, Operator};

/// Operators on records that can be compared.
impl<T: Key> Rdd<T> {
    /// Each different record once.
    #[track_caller]
    pub fn distinct(&self) -> Rdd<T> {
        let operator = Operator::here("distinct");
        self.map_at(operator, |record| (record, ()))
            .reduce_by_key_at(operator, None, |(), ()| ())
            .map_at(operator, |(record, ())| record)
    }

    /// How often each record occurs. A lazy RDD; Spark's action returns a map on the driver, for which `collect` this.
    #[track_caller]
    pub fn count_by_value(&self) -> Rdd<(T, u64)> {
        self.count_by_value_at(Operator::here("count_by_value"), None)
    }

    pub(crate) fn count_by_value_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
    ) -> Rdd<(T, u64)> {
        let pairs = self.map_at(operator, |record| (record, 1u64));
        let partitioner =
            partitions.map_or_else(|| pairs.partitioner_or_default(None), HashPartitioner::new);
        pairs.combine(operator, partitioner, Combiner::reduce(|a, b| a + b))
    }
}

#[cfg(test)]
mod tests {
    use crate::RddContext;

    #[test]
    fn distinct_and_counts_over_partitions() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(vec!["a", "b", "a", "c", "a", "b"], 3);
        let mut distinct = rdd.distinct().collect().unwrap();
        distinct.sort();
        assert_eq!(distinct, ["a", "b", "c"]);
        let mut counts = rdd.count_by_value().collect().unwrap();
        counts.sort();
        assert_eq!(counts, [("a", 3), ("b", 2), ("c", 1)]);
    }
}
