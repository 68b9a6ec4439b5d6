use super::actions::{count_partitions, reduce_partitions};
use super::{Data, Materialized, Rdd};
use crate::pool::Pool;
use crate::{EngineError, Operator};

/// RDDs of at most one record, made of all records: the lazy forms of `count` and `reduce`.
impl<T: Data> Rdd<T> {
    /// One record: the number of records.
    pub(crate) fn counted_at(&self, operator: Operator) -> Rdd<u64> {
        let parent = self.node().clone();
        let make = move |pool: &Pool| Ok(vec![vec![count_partitions(&*parent, pool, operator)?]]);
        Rdd::new(self.context(), Materialized::new(1, make))
    }

    /// All records combined into one; none if there is none.
    pub(crate) fn reduced_at(
        &self,
        operator: Operator,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
    ) -> Rdd<T> {
        let parent = self.node().clone();
        let make = move |pool: &Pool| {
            let total = reduce_partitions(&*parent, pool, operator, &f)?;
            Ok(vec![total.into_iter().collect()])
        };
        Rdd::new(self.context(), Materialized::new(1, make))
    }

    /// This RDD's records made now, so that what they are made from can be dropped.
    pub(crate) fn made(self) -> Result<Rdd<T>, EngineError> {
        self.prepare()?;
        Ok(self)
    }
}
