use super::DStream;
use crate::{Data, Key, Operator};

impl<T: Data> DStream<T> {
    /// The number of records of each batch: always exactly one record, 0 for an empty batch.
    #[track_caller]
    pub fn count(&self) -> DStream<u64> {
        self.count_at(Operator::here("count"))
    }

    pub(crate) fn count_at(&self, operator: Operator) -> DStream<u64> {
        self.map_rdd(operator, move |rdd| rdd.counted_at(operator))
    }
}

impl<T: Key> DStream<T> {
    /// How often each record occurs in a batch.
    #[track_caller]
    pub fn count_by_value(&self) -> DStream<(T, u64)> {
        let operator = Operator::here("count_by_value");
        self.map_rdd(operator, move |rdd| rdd.count_by_value_at(operator, None))
    }

    /// As [`DStream::count_by_value`], into `partitions` partitions.
    #[track_caller]
    pub fn count_by_value_with_partitions(&self, partitions: usize) -> DStream<(T, u64)> {
        let operator = Operator::here("count_by_value");
        self.map_rdd(operator, move |rdd| {
            rdd.count_by_value_at(operator, Some(partitions))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{check, check_unordered};

    #[test]
    fn count_has_one_record_even_for_an_empty_batch() {
        check(
            &[vec!['a', 'b', 'c'], vec![], vec!['d']],
            |s| s.count(),
            &[vec![3], vec![0], vec![1]],
        );
    }

    #[test]
    fn count_by_value_counts_within_each_batch() {
        let input = [vec!['a', 'b', 'a'], vec![], vec!['a']];
        let expected = [vec![('a', 2), ('b', 1)], vec![], vec![('a', 1)]];
        check_unordered(&input, |s| s.count_by_value(), &expected);
        check_unordered(&input, |s| s.count_by_value_with_partitions(5), &expected);
    }
}
