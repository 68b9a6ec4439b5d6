use std::sync::Arc;

use super::actions::drain;
use super::narrow::{Emitter, FlatMapped};
use super::{BoxChunks, Data, Node, Rdd};
use crate::pool::Pool;
use crate::{EngineError, Operator};

/// One partition for each pair of the parents' partitions.
struct Cartesian<T, U> {
    left: Arc<dyn Node<T>>,
    right: Arc<dyn Node<U>>,
    pool: Pool,
    operator: Operator,
}

impl<T: Data, U: Data> Node<(T, U)> for Cartesian<T, U> {
    fn partitions(&self) -> usize {
        self.left.partitions() * self.right.partitions()
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        self.left.prepare(pool)?;
        self.right.prepare(pool)
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<(T, U)>, EngineError> {
        let rights = self.right.partitions();
        let right = drain(&*self.right, &self.pool, partition % rights)?;
        let left = self.left.open(partition / rights)?;
        let pairs = move |t: T, out: &mut Emitter<'_, (T, U)>| {
            out.extend(right.iter().map(|u| (t.clone(), u.clone())));
        };
        Ok(Box::new(FlatMapped::new(self.operator, left, pairs)))
    }
}

impl<T: Data> Rdd<T> {
    /// Every record of this RDD with every record of `other`: as many partitions as the two have multiplied, and as many
    /// records. `other` is kept in memory; let it be the smaller one.
    #[track_caller]
    pub fn cartesian<U: Data>(&self, other: &Rdd<U>) -> Rdd<(T, U)> {
        let operator = Operator::here("cartesian");
        Rdd::new(
            self.context(),
            Cartesian {
                left: self.node().clone(),
                right: other.cache_at(operator).node().clone(),
                pool: self.context().pool().clone(),
                operator,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::RddContext;

    #[test]
    fn every_pair_occurs_once_over_any_partitioning() {
        let context = RddContext::new(2).unwrap();
        for (left, right) in [(1, 1), (3, 2), (2, 5)] {
            let pairs = context
                .parallelize(0..40, left)
                .cartesian(&context.parallelize('a'..='e', right));
            assert_eq!(pairs.num_partitions(), left * right);
            let mut pairs = pairs.collect().unwrap();
            pairs.sort();
            let expected: Vec<_> = (0..40)
                .flat_map(|n| ('a'..='e').map(move |c| (n, c)))
                .collect();
            assert_eq!(pairs, expected);
        }
        let none = context
            .parallelize(0..3, 2)
            .cartesian(&context.empty::<u8>());
        assert_eq!(none.count().unwrap(), 0);
    }
}
