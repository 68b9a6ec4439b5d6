use super::actions::drain;
use super::{Data, Materialized, Rdd};
use crate::Operator;
use crate::pool::Pool;

impl<T: Data> Rdd<T> {
    /// Each record with its position, counted from 0 in the order of the partitions.
    ///
    /// A position depends on how many records all partitions before have, so the records are made once and kept in memory,
    /// as [`Rdd::cache`] does; Spark computes them twice instead.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let rdd = RddContext::new(2)?.parallelize(["a", "b", "c"], 2).zip_with_index();
    /// assert_eq!(rdd.collect()?, [("a", 0), ("b", 1), ("c", 2)]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn zip_with_index(&self) -> Rdd<(T, u64)> {
        let operator = Operator::here("zip_with_index");
        let parent = self.node().clone();
        let make = move |pool: &Pool| {
            parent.prepare(pool)?;
            let parts = pool.run(operator, (0..parent.partitions()).collect(), |p| {
                drain(&*parent, pool, p)
            })?;
            let mut index = 0..;
            let numbered = |part: Vec<T>| part.into_iter().zip(index.by_ref()).collect();
            Ok(parts.into_iter().map(numbered).collect())
        };
        Rdd::new(
            self.context(),
            Materialized::new(self.num_partitions(), make),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::RddContext;

    #[test]
    fn positions_run_on_over_partitions_of_any_size() {
        let context = RddContext::new(2).unwrap();
        let rdd = context.parallelize_partitions([vec![], vec!['a', 'b'], vec![], vec!['c']]);
        assert_eq!(
            rdd.zip_with_index().glom().collect().unwrap(),
            [vec![], vec![('a', 0), ('b', 1)], vec![], vec![('c', 2)]]
        );
    }
}
