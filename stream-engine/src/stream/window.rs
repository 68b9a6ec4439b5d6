use std::sync::Arc;
use std::time::Duration;

use super::DStream;
use crate::time::millis;
use crate::{Data, EngineError, Operator};

/// Windows: what several batches hold together. Window and slide must be multiples of the parent's slide; instead of a slide
/// `None` may be given: the parent's then.
///
/// Panes (the parent's RDD of each batch) are computed once, in their own batch, and kept in memory as long as a window needs
/// them. The first windows are partial. When batches were coalesced, a window that was due in the gap comes with the next batch.
impl<T: Data> DStream<T> {
    /// The records of the last `window`, every `slide`: at time `t` those of the batches in `(t - window, t]`.
    ///
    /// ```
    /// # use stream_engine::testkit::{check, secs};
    /// let input = [vec![1], vec![2], vec![3], vec![4]];
    /// check(&input, |s| s.window(secs(3), secs(2)), &[vec![1, 2], vec![2, 3, 4]]);
    /// check(&input, |s| s.window(secs(2), None), &[vec![1], vec![1, 2], vec![2, 3], vec![3, 4]]);
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Graph`] if a duration is no multiple of this stream's slide, or zero.
    #[track_caller]
    pub fn window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<T>, EngineError> {
        self.window_at(Operator::here("window"), window, slide)
    }

    pub(crate) fn window_at(
        &self,
        operator: Operator,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<T>, EngineError> {
        let slide = self.check_window(operator, window, slide)?;
        let panes = self.panes(operator, window);
        let context = self.shared().rdds.clone();
        Ok(DStream::create(
            self.shared(),
            operator,
            slide,
            move |batch| {
                panes.rdd(batch)?;
                Ok(Some(context.union(
                    panes.rdds_between(batch.time - window, batch.time),
                )))
            },
        ))
    }

    /// This stream's RDDs, kept in memory for `window` and computed in every batch.
    pub(crate) fn panes(&self, operator: Operator, window: Duration) -> Arc<super::StreamNode<T>> {
        let panes = self.cache_at(operator).node().clone();
        panes.remember(window);
        self.shared().graph().add_panes(panes.clone());
        panes
    }

    /// The window's slide, if window and slide are possible.
    pub(crate) fn check_window(
        &self,
        operator: Operator,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<Duration, EngineError> {
        let parent = self.slide_duration();
        let slide = slide.into().unwrap_or(parent);
        for (name, duration) in [("window", window), ("slide", slide)] {
            if duration.is_zero()
                || duration.subsec_nanos() % 1_000_000 != 0
                || !millis(duration).is_multiple_of(millis(parent))
            {
                let problem = format!(
                    "the {name} of {duration:?} must be a multiple of the parent stream's slide, {parent:?}"
                );
                return Err(EngineError::Graph { operator, problem });
            }
        }
        Ok(slide)
    }

    /// All records of the last `window` combined into one, every `slide`; no record if there is none. Each batch is reduced
    /// once, a window combines their results.
    ///
    /// # Errors
    /// As [`DStream::window`].
    #[track_caller]
    pub fn reduce_by_window(
        &self,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<T>, EngineError> {
        let (operator, f) = (Operator::here("reduce_by_window"), Arc::new(f));
        Ok(self
            .reduce_at(operator, f.clone())
            .window_at(operator, window, slide)?
            .reduce_at(operator, f))
    }

    /// The number of records of the last `window`, every `slide`: always exactly one record.
    ///
    /// Differs from Spark, which gives no record before the first data.
    ///
    /// # Errors
    /// As [`DStream::window`].
    #[track_caller]
    pub fn count_by_window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<u64>, EngineError> {
        let operator = Operator::here("count_by_window");
        let counts = self.count_at(operator).window_at(operator, window, slide)?;
        Ok(counts.reduce_at(operator, Arc::new(|a, b| a + b)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use crate::testkit::{TestKit, check, secs};

    #[test]
    fn first_windows_are_partial() {
        check(
            &[vec![1], vec![2], vec![3]],
            |s| s.window(secs(2), secs(1)),
            &[vec![1], vec![1, 2], vec![2, 3]],
        );
    }

    #[test]
    fn windows_tumble_overlap_and_leave_gaps() {
        let input: Vec<Vec<u32>> = (1..=6).map(|n| vec![n]).collect();
        check(
            &input,
            |s| s.window(secs(2), secs(2)),
            &[vec![1, 2], vec![3, 4], vec![5, 6]],
        );
        check(
            &input,
            |s| s.window(secs(4), secs(2)),
            &[vec![1, 2], vec![1, 2, 3, 4], vec![3, 4, 5, 6]],
        );
        check(&input, |s| s.window(secs(1), secs(3)), &[vec![3], vec![6]]);
        check(&input, |s| s.window(secs(1), secs(1)), &input);
    }

    #[test]
    fn windows_of_windows() {
        let input: Vec<Vec<u32>> = (1..=6).map(|n| vec![n]).collect();
        check(
            &input,
            |s| {
                s.window(secs(2), secs(2))
                    .and_then(|w| w.window(secs(4), secs(2)))
            },
            &[vec![1, 2], vec![1, 2, 3, 4], vec![3, 4, 5, 6]],
        );
    }

    #[test]
    fn batches_without_records_leave_the_window_like_others() {
        let input = [vec![1], vec![], vec![], vec![2]];
        check(
            &input,
            |s| s.window(secs(2), secs(1)),
            &[vec![1], vec![1], vec![], vec![2]],
        );
    }

    #[test]
    fn durations_must_be_multiples_of_the_slide() {
        for (window, slide) in [(1500, 1000), (1000, 1500), (0, 1000), (1000, 0)] {
            let (window, slide) = (Duration::from_millis(window), Duration::from_millis(slide));
            let error = TestKit::default()
                .run(&[vec![1]], |s| s.window(window, slide))
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("window at ")
                    && error.contains("multiple of the parent stream's slide, 1s"),
                "{error}"
            );
        }
    }

    #[test]
    fn reduce_and_count_by_window() {
        let input = [vec![1, 2], vec![], vec![3], vec![], vec![]];
        check(
            &input,
            |s| s.reduce_by_window(|a, b| a + b, secs(2), secs(1)),
            &[vec![3], vec![3], vec![3], vec![3], vec![]],
        );
        check(
            &input,
            |s| s.count_by_window(secs(2), secs(1)),
            &[vec![2], vec![2], vec![1], vec![1], vec![0]],
        );
    }

    #[test]
    fn each_record_is_computed_once_however_many_windows_hold_it() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let input: Vec<Vec<u32>> = (1..=10).map(|n| vec![n]).collect();
        let count = move |x| {
            counted.fetch_add(1, Ordering::Relaxed);
            x
        };
        TestKit::default()
            .run(&input, |s| s.map(count).window(secs(5), secs(1)))
            .unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 10);
    }
}
