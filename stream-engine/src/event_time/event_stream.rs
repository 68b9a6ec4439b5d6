use std::fmt;
use std::sync::Arc;

use super::setting::MAX_MILLIS;
use super::watermarks::WatermarkTracker;
use super::{Watermarks, WindowedStream, Windows};
use crate::{DStream, Data, EngineError, Operator, Time};

/// A stream whose records have a time of their own, and a watermark that says how far that time has come. A cheap handle like
/// [`DStream`], from [`DStream::with_event_time`].
///
/// Operators of an event stream keep the times of its records. The watermark is the one of the stream as it was when it got its
/// event time: records that [`filter`](EventStream::filter) drops move it too.
pub struct EventStream<T> {
    timed: DStream<(Time, T)>,
    tracker: Arc<WatermarkTracker>,
}

impl<T> Clone for EventStream<T> {
    fn clone(&self) -> Self {
        EventStream {
            timed: self.timed.clone(),
            tracker: self.tracker.clone(),
        }
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("stream", &self.timed)
            .field("watermark", &self.tracker.before())
            .finish()
    }
}

impl<T: Data> DStream<T> {
    /// Gives each record the time that `time` finds in it, and the stream a watermark (Spark's `withWatermark` of Structured
    /// Streaming). See [`event_time`](crate::event_time) for all of it.
    ///
    /// Call it on what comes from a source, before `union` and shuffles: watermarks are kept per partition, and after those a
    /// partition is no longer the continuation of itself in the batch before.
    ///
    /// A record whose time is beyond 146 million years, such as a missing timestamp of -1 read as an unsigned number, fails the
    /// batch: it would make all records after it late. A panic of `time` fails it too. Records that may have no time are
    /// skipped or become dead letters in a [`try_map`](DStream::try_map) before.
    ///
    /// # Errors
    /// [`EngineError::Graph`] if a duration of `watermarks` is no whole number of milliseconds, or the idle time-out is zero.
    #[track_caller]
    pub fn with_event_time(
        &self,
        time: impl Fn(&T) -> Time + Send + Sync + 'static,
        watermarks: Watermarks,
    ) -> Result<EventStream<T>, EngineError> {
        let operator = Operator::here("with_event_time");
        let tracker = Arc::new(WatermarkTracker::new(watermarks, operator)?);
        self.shared().graph().add_state(operator, tracker.clone());
        let (parent, time, watched) = (self.node().clone(), Arc::new(time), tracker.clone());
        let timed = DStream::create(
            self.shared(),
            operator,
            self.slide_duration(),
            move |batch| {
                let Some(rdd) = parent.rdd(batch)? else {
                    return Ok(None);
                };
                let observed = watched.observe(batch.time, &rdd);
                let time = time.clone();
                Ok(Some(rdd.map_chunks_at(
                    operator,
                    move |partition, records, out| {
                        let mut latest = Time::default();
                        let some = !records.is_empty();
                        out.extend(records.drain(..).map(|record| {
                            let time = time(&record);
                            latest = latest.max(time);
                            (time, record)
                        }));
                        if latest.as_millis() > MAX_MILLIS as u64 {
                            return Err(format!(
                                "a record of partition {partition} has the time {latest}, which is no time: check the closure, and what it makes of a missing timestamp"
                            )
                            .into());
                        }
                        if some {
                            observed.saw(partition, latest);
                        }
                        Ok(())
                    },
                )))
            },
        );
        Ok(EventStream { timed, tracker })
    }
}

impl<T: Data> EventStream<T> {
    fn derive<U: Data>(&self, timed: DStream<(Time, U)>) -> EventStream<U> {
        EventStream {
            timed,
            tracker: self.tracker.clone(),
        }
    }

    /// Each record turned into another of the same time.
    #[track_caller]
    pub fn map<U: Data>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> EventStream<U> {
        let (operator, f) = (Operator::here("map"), Arc::new(f));
        self.derive(self.timed.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.map_at(operator, move |(time, record)| (time, f(record)))
        }))
    }

    /// Each record turned into any number of others of the same time.
    #[track_caller]
    pub fn flat_map<U: Data, I: IntoIterator<Item = U>>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> EventStream<U> {
        let (operator, f) = (Operator::here("flat_map"), Arc::new(f));
        self.derive(self.timed.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.flat_map_into_at(operator, move |(time, record), out| {
                out.extend(f(record).into_iter().map(|record| (time, record)));
            })
        }))
    }

    /// The records for which `f` is true.
    #[track_caller]
    pub fn filter(&self, f: impl Fn(&T) -> bool + Send + Sync + 'static) -> EventStream<T> {
        let (operator, f) = (Operator::here("filter"), Arc::new(f));
        self.derive(self.timed.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.filter_at(operator, move |(_, record)| f(record))
        }))
    }

    /// The same stream, whose records are read once per batch and kept in memory as long as the batch lasts: for several window
    /// operators on one stream, each of which would read its input again.
    #[track_caller]
    pub fn cache(&self) -> EventStream<T> {
        self.derive(self.timed.cache_at(Operator::here("cache")))
    }

    /// The records with their times, as an ordinary stream.
    pub fn with_times(&self) -> DStream<(Time, T)> {
        self.timed.clone()
    }

    /// The watermark as of the last committed batch: nothing older is expected. `None` before there is one.
    ///
    /// It moves in batches in which a window operator on the stream takes part, so not before there is one.
    pub fn watermark(&self) -> Option<Time> {
        Some(self.tracker.before()).filter(|watermark| *watermark > Time::default())
    }

    /// The stream cut into windows, to be reduced, counted or grouped.
    ///
    /// # Errors
    /// [`EngineError::Graph`] for windows that cannot be: a duration that is zero or no whole number of milliseconds, an offset not
    /// less than the slide or on session windows.
    #[track_caller]
    pub fn window(&self, windows: Windows) -> Result<WindowedStream<T>, EngineError> {
        let operator = Operator::here("window");
        windows.layout(operator)?;
        windows.lateness(operator)?;
        Ok(WindowedStream::new(self.clone(), windows))
    }

    pub(super) fn tracker(&self) -> &Arc<WatermarkTracker> {
        &self.tracker
    }
}
