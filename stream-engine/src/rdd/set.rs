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

    /// The records that do not occur in `other`, as often as they occur here.
    #[track_caller]
    pub fn subtract(&self, other: &Rdd<T>) -> Rdd<T> {
        let operator = Operator::here("subtract");
        let (left, right) = (self.as_keys(operator), other.as_keys(operator));
        left.subtract_by_key_at(operator, &right)
            .map_at(operator, |(record, ())| record)
    }

    /// Each record that occurs in both, once.
    #[track_caller]
    pub fn intersection(&self, other: &Rdd<T>) -> Rdd<T> {
        let operator = Operator::here("intersection");
        let (left, right) = (self.as_keys(operator), other.as_keys(operator));
        left.cogroup_at(operator, &right, None)
            .flat_map_at(operator, |(record, (left, right))| {
                (!left.is_empty() && !right.is_empty()).then_some(record)
            })
    }

    fn as_keys(&self, operator: Operator) -> Rdd<(T, ())> {
        self.map_at(operator, |record| (record, ()))
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
    fn what_is_subtracted_and_what_is_common() {
        let context = RddContext::new(2).unwrap();
        let a = context.parallelize([1, 2, 2, 3, 3, 4], 3);
        let b = context.parallelize([3, 4, 4, 5], 2);
        let sorted = |rdd: crate::Rdd<i32>| {
            let mut records = rdd.collect().unwrap();
            records.sort();
            records
        };
        assert_eq!(sorted(a.subtract(&b)), [1, 2, 2]);
        assert_eq!(sorted(b.subtract(&a)), [5]);
        assert_eq!(sorted(a.intersection(&b)), [3, 4]);
        assert_eq!(sorted(a.intersection(&context.empty())), [0; 0]);
        assert_eq!(sorted(a.subtract(&context.empty())), [1, 2, 2, 3, 3, 4]);
    }

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
