use std::sync::Arc;
use std::time::Duration;

use super::DStream;
use crate::rdd::Combiner;
use crate::{Data, EngineError, Key, Operator};

/// Windows over pairs. Each batch is combined once, a window combines the batches' results without another shuffle. With `None`
/// for the slide it is the parent's.
impl<K: Key, V: Data> DStream<(K, V)> {
    /// The values of each key of the last `window` combined by an associative and commutative function, every `slide`. For
    /// long windows, if `f` has an inverse, see
    /// [`reduce_by_key_and_window_with_inverse`](DStream::reduce_by_key_and_window_with_inverse).
    ///
    /// # Errors
    /// [`EngineError::Graph`] if a duration is no multiple of this stream's slide, or zero.
    #[track_caller]
    pub fn reduce_by_key_and_window(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, V)>, EngineError> {
        self.reduce_window_at(
            Operator::here("reduce_by_key_and_window"),
            None,
            f,
            window,
            slide,
        )
    }

    /// As [`DStream::reduce_by_key_and_window`], in `partitions` partitions.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn reduce_by_key_and_window_with_partitions(
        &self,
        partitions: usize,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, V)>, EngineError> {
        self.reduce_window_at(
            Operator::here("reduce_by_key_and_window"),
            Some(partitions),
            f,
            window,
            slide,
        )
    }

    fn reduce_window_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, V)>, EngineError> {
        let (partitions, f) = (
            partitions.unwrap_or_else(|| self.shared().rdds.threads()),
            Arc::new(f),
        );
        let panes = self.reduce_by_key_at(operator, Some(partitions), f.clone());
        Ok(panes.window_at(operator, window, slide)?.reduce_by_key_at(
            operator,
            Some(partitions),
            f,
        ))
    }

    /// All values of each key of the last `window`, every `slide`, oldest batch first.
    ///
    /// # Errors
    /// As [`DStream::reduce_by_key_and_window`].
    #[track_caller]
    pub fn group_by_key_and_window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, Vec<V>)>, EngineError> {
        self.group_window_at(
            Operator::here("group_by_key_and_window"),
            None,
            window,
            slide,
        )
    }

    /// As [`DStream::group_by_key_and_window`], in `partitions` partitions.
    ///
    /// # Errors
    /// As [`DStream::reduce_by_key_and_window`].
    #[track_caller]
    pub fn group_by_key_and_window_with_partitions(
        &self,
        partitions: usize,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, Vec<V>)>, EngineError> {
        self.group_window_at(
            Operator::here("group_by_key_and_window"),
            Some(partitions),
            window,
            slide,
        )
    }

    fn group_window_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, Vec<V>)>, EngineError> {
        let partitions = partitions.unwrap_or_else(|| self.shared().rdds.threads());
        let panes = self
            .group_by_key_at(operator, Some(partitions))
            .window_at(operator, window, slide)?;
        let extend = |all: &mut Vec<V>, more: Vec<V>| all.extend(more);
        let combiner = Arc::new(Combiner::in_place(|values| values, extend, extend));
        Ok(panes.map_rdd(operator, move |rdd| {
            rdd.combine(
                operator,
                rdd.partitioner_or_default(Some(partitions)),
                combiner.clone(),
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{check_unordered, secs};

    #[test]
    fn windows_over_pairs_combine_batches() {
        let input = [
            vec![("a", 1), ("b", 2)],
            vec![("a", 3)],
            vec![],
            vec![("b", 4)],
        ];
        let sums = [
            vec![("a", 1), ("b", 2)],
            vec![("a", 4), ("b", 2)],
            vec![("a", 3)],
            vec![("b", 4)],
        ];
        check_unordered(
            &input,
            |s| s.reduce_by_key_and_window(|a, b| a + b, secs(2), secs(1)),
            &sums,
        );
        check_unordered(
            &input,
            |s| s.reduce_by_key_and_window_with_partitions(3, |a, b| a + b, secs(2), secs(1)),
            &sums,
        );
        let groups = [
            vec![("a", vec![1]), ("b", vec![2])],
            vec![("a", vec![1, 3]), ("b", vec![2])],
            vec![("a", vec![3])],
            vec![("b", vec![4])],
        ];
        check_unordered(
            &input,
            |s| s.group_by_key_and_window(secs(2), secs(1)),
            &groups,
        );
        check_unordered(
            &input,
            |s| s.group_by_key_and_window_with_partitions(1, secs(2), secs(1)),
            &groups,
        );
    }
}
