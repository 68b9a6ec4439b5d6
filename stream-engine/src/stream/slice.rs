use super::DStream;
use crate::{ContextState, Data, EngineError, Rdd, Time};

impl<T: Data> DStream<T> {
    /// The RDDs of this stream's batches from `from` to `to`, both included, oldest first; for looking at recent data from
    /// outside the batches.
    ///
    /// As in Spark, both times are first floored to multiples of this stream's slide, counted from the context's zero time,
    /// and the zero time itself has no RDD. Only what the stream still remembers is there: call
    /// [`StreamingContext::remember`](crate::StreamingContext::remember) before `start`, else RDDs are forgotten with their
    /// batch. Unlike Spark's, it never computes anything that no batch has computed: a stream that no output operation
    /// uses has no RDDs, and neither has the future.
    ///
    /// # Errors
    /// [`EngineError::State`] before the context was started.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_engine::testkit::{Stepper, TestKit, secs};
    /// use stream_engine::{ManualClock, StreamingContext, Time};
    ///
    /// let clock = ManualClock::default();
    /// let ssc = StreamingContext::builder("slices").batch_duration(secs(1)).clock(clock.clone()).build()?;
    /// ssc.remember(secs(60))?;
    /// let numbers = TestKit::default().input(&ssc, &[vec![1], vec![2], vec![3]])?;
    /// numbers.foreach_rdd(|_| ());
    /// let mut stepper = Stepper::start(&ssc, &clock)?;
    /// while stepper.now() < Time::from_millis(3_000) {
    ///     stepper.step()?;
    /// }
    /// let last = numbers.slice(Time::from_millis(2_000), Time::from_millis(3_500))?;
    /// assert_eq!(ssc.rdd_context().union(last).collect()?, [2, 3]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    pub fn slice(&self, from: Time, to: Time) -> Result<Vec<Rdd<T>>, EngineError> {
        let Some(&zero) = self.shared().zero_time.get() else {
            return Err(EngineError::State {
                action: "slice a stream",
                state: self.shared().lifecycle.state(),
                remedy: match self.shared().lifecycle.state() {
                    ContextState::Stopped => "it was never started",
                    _ => "call start first",
                },
            });
        };
        let floored = |name: &str, time: Time| {
            let floor = time.floor_from(self.slide_duration(), zero);
            if floor != time {
                tracing::warn!(stream = %self.node().operator(), %time, used = %floor, "slice: {name} is no time of a batch");
            }
            floor
        };
        let (from, to) = (floored("from", from), floored("to", to));
        Ok(self.node().rdds_from_to(from, to))
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Stepper, TestKit, secs};
    use crate::{DStream, ManualClock, StreamingContext, Time};

    fn started(
        remember: u64,
        outputs: impl FnOnce(&DStream<u64>) -> DStream<u64>,
    ) -> (StreamingContext, Stepper, DStream<u64>) {
        let clock = ManualClock::new(Time::from_millis(10_300));
        let ssc = StreamingContext::builder("slices")
            .batch_duration(secs(1))
            .threads(1)
            .clock(clock.clone())
            .build()
            .unwrap();
        ssc.remember(secs(remember)).unwrap();
        let input: Vec<Vec<u64>> = (1..=6).map(|n| vec![n]).collect();
        let stream = outputs(&TestKit::default().input(&ssc, &input).unwrap());
        let error = stream
            .slice(Time::from_millis(0), Time::from_millis(9))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot slice a stream: the context is not started; call start first"
        );
        stream.foreach_rdd(|_| ());
        let stepper = Stepper::start(&ssc, &clock).unwrap();
        (ssc, stepper, stream)
    }

    fn slice(stream: &DStream<u64>, from: u64, to: u64) -> Vec<u64> {
        let rdds = stream.slice(Time::from_millis(from), Time::from_millis(to));
        let records = rdds.unwrap().into_iter().map(|rdd| rdd.collect().unwrap());
        records.flatten().collect()
    }

    #[test]
    fn times_are_inclusive_and_floored_to_slides_from_the_zero_time() {
        // The zero time is 10 s, so batches are at 11 s, 12 s...
        let (_ssc, mut stepper, stream) = started(100, Clone::clone);
        for _ in 0..6 {
            stepper.step().unwrap();
        }
        for (from, to, expected) in [
            (11_000, 13_000, vec![1, 2, 3]),
            (11_999, 13_999, vec![1, 2, 3]),
            (0, 11_000, vec![1]),
            (0, 10_000, vec![]),
            (16_000, 99_000, vec![6]),
            (13_000, 12_000, vec![]),
        ] {
            assert_eq!(slice(&stream, from, to), expected, "{from}..={to}");
        }
    }

    #[test]
    fn a_window_s_times_are_multiples_of_its_own_slide() {
        let (_ssc, mut stepper, windows) = started(100, |s| s.window(secs(2), secs(2)).unwrap());
        for _ in 0..6 {
            stepper.step().unwrap();
        }
        // The windows end at 12 s, 14 s and 16 s.
        assert_eq!(slice(&windows, 12_000, 14_000), [1, 2, 3, 4]);
        assert_eq!(slice(&windows, 13_000, 15_900), [1, 2, 3, 4]);
        assert_eq!(slice(&windows, 10_000, 11_900), [0; 0]);
    }

    #[test]
    fn what_is_not_remembered_is_gone_and_what_is_lies_in_the_last_seconds() {
        let (_ssc, mut stepper, stream) = started(2, Clone::clone);
        for _ in 0..5 {
            stepper.step().unwrap();
        }
        assert_eq!(slice(&stream, 0, 99_000), [4, 5]);
        let (_ssc, mut stepper, stream) = started(0, Clone::clone);
        stepper.step().unwrap();
        assert_eq!(slice(&stream, 0, 99_000), [0; 0]);
    }

    #[test]
    fn remembering_must_be_asked_for_before_start() {
        let (ssc, _stepper, _) = started(1, Clone::clone);
        let error = ssc.remember(secs(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot remember RDDs longer: the context is active; do so before start"
        );
    }
}
