use std::sync::Arc;

use super::DStream;
use crate::{Data, Operator};

impl<T: Data> DStream<T> {
    /// All records of a batch combined by an associative function into one; no record for an empty batch.
    #[track_caller]
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> DStream<T> {
        self.reduce_at(Operator::here("reduce"), Arc::new(f))
    }

    pub(crate) fn reduce_at(
        &self,
        operator: Operator,
        f: Arc<impl Fn(T, T) -> T + Send + Sync + 'static>,
    ) -> DStream<T> {
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.reduced_at(operator, move |a, b| f(a, b))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::check;

    #[test]
    fn reduce_has_no_record_for_an_empty_batch() {
        check(
            &[vec![1, 2, 3], vec![], vec![4]],
            |s| s.reduce(|a, b| a + b),
            &[vec![6], vec![], vec![4]],
        );
        check(
            &[vec!["a", "b", "c"]],
            |s| s.map(str::to_owned).reduce(|a, b| a + &b),
            &[vec!["abc".to_owned()]],
        );
    }
}
