//! Event time: windows over the times that records carry, instead of over batches.
//!
//! [`DStream::with_event_time`](crate::DStream::with_event_time) says where a record's time is and how far out of order records
//! come. [`EventStream::window`] cuts that time into [`Windows`], whose results come when the watermark has passed them:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use stream_engine::event_time::{Watermarks, Windows};
//! use stream_engine::testkit::{Stepper, secs};
//! use stream_engine::{EngineError, ManualClock, RddQueue, StreamingContext, Time};
//!
//! let clock = ManualClock::default();
//! let ssc = StreamingContext::builder("clicks").batch_duration(secs(1)).clock(clock.clone()).build()?;
//! let queue = RddQueue::new();
//! let clicks = ssc.queue_stream(&queue)?; // (seconds, page)
//! let per_minute = clicks
//!     .with_event_time(
//!         |&(seconds, _): &(u64, &str)| Time::from_millis(seconds * 1000),
//!         Watermarks::bounded_out_of_orderness(secs(5)).idle_timeout(secs(30)),
//!     )?
//!     .map(|(_, page)| (page, ()))
//!     .window(Windows::tumbling(secs(60)).allowed_lateness(secs(10)))?
//!     .count_by_key();
//! per_minute.late_records().print();
//! let results = Arc::new(Mutex::new(Vec::new()));
//! let collected = results.clone();
//! per_minute.results().foreach_rdd(move |rdd| {
//!     for result in rdd.collect()? {
//!         let update = if result.is_update() { " (update)" } else { "" };
//!         let line = format!("{} {} {}{update}", result.window, result.key, result.value);
//!         collected.lock().unwrap().push(line);
//!     }
//!     Ok::<_, EngineError>(())
//! });
//! let mut batches = Stepper::start(&ssc, &clock)?;
//! for batch in [vec![(3, "/"), (62, "/")], vec![(58, "/a"), (66, "/")], vec![(59, "/a")]] {
//!     queue.push(ssc.rdd_context().parallelize(batch, 1));
//!     batches.step()?;
//! }
//! let expected = ["[0, 60000 ms) / 1", "[0, 60000 ms) /a 1", "[0, 60000 ms) /a 2 (update)"];
//! # results.lock().unwrap().sort();
//! assert_eq!(*results.lock().unwrap(), expected);
//! # Ok::<_, stream_engine::EngineError>(())
//! ```
//!
//! Sessions, here of visitors who are gone when they have done nothing for half an hour, with the pages they saw:
//!
//! ```
//! use stream_engine::event_time::{EventStream, WindowResult, Windows};
//! use stream_engine::testkit::{TestKit, secs};
//! # use stream_engine::{EngineError, Time};
//! # use stream_engine::event_time::Watermarks;
//!
//! fn visits(clicks: &EventStream<(&'static str, &'static str)>) -> Result<(), EngineError> {
//!     let visits = clicks.window(Windows::session(secs(30 * 60)))?.group_by_key();
//!     visits.results().foreach_rdd(|rdd| {
//!         rdd.for_each(|WindowResult { window, key: visitor, value: pages, .. }| {
//!             println!("{visitor} was here from {} and saw {pages:?}", window.start);
//!         })
//!     });
//!     Ok(())
//! }
//! # let minutes = |m: u64| Time::from_millis(m * 60_000);
//! # let batches = [vec![(0, "ann", "/"), (9, "ann", "/a")], vec![(20, "bob", "/"), (100, "bob", "/b")]];
//! # let found = TestKit::default().partitions(1).run(&batches, |s| {
//! #     let clicks = s.with_event_time(move |c| minutes(c.0), Watermarks::bounded_out_of_orderness(secs(0)))?;
//! #     let clicks = clicks.map(|(_, visitor, page)| (visitor, page));
//! #     visits(&clicks)?;
//! #     let visits = clicks.window(Windows::session(secs(30 * 60)))?.group_by_key();
//! #     Ok::<_, EngineError>(visits.results().map(|r| (r.key, r.window.end.as_millis() / 60_000, r.value)))
//! # })?;
//! # assert_eq!(found[0], []);
//! # let mut second = found[1].clone(); second.sort();
//! # assert_eq!(second, [("ann", 39, vec!["/", "/a"]), ("bob", 50, vec!["/"])]);
//! # Ok::<_, EngineError>(())
//! ```
//!
//! # The watermark
//!
//! - A partition's watermark is the latest time seen in it minus the bound of out-of-orderness. A Kafka partition is known by
//!   its name, a partition of another source by its number; narrow operators keep them. Partitions may be added while running.
//! - The stream's watermark is the least of its partitions' that are not idle. A partition without any record yet counts, and
//!   holds it at nothing.
//! - A partition is idle if it had no record for the idle time-out, by batch time: a minute unless set.
//! - If all partitions are idle, the watermark is the highest of theirs. So it does not depend on which of them fell silent first.
//! - The watermark never goes back. A partition that wakes up behind it, or is added behind it, holds it where it is until it has
//!   caught up; records of it that are older are late.
//! - Without records the watermark stands still, but for partitions that become idle. With
//!   [`Trigger::Continuous`](crate::Trigger::Continuous) there are no batches without records, so that is seen at the next one.
//!
//! # A batch
//!
//! All records of a batch are judged by the watermark as of the **end of the batch before**. Then the batch's records move the
//! watermark, and in the same batch the windows fire whose end it has passed, this batch's records included. So results depend
//! neither on the order of records inside a batch nor on the number of threads or partitions of state; and if nothing is late
//! they do not depend on how the input was cut into batches either, but for the batch they come in.
//!
//! # Windows
//!
//! - A window `[start, end)` fires for each of its keys when the watermark is at its end or later: once. A late record that is
//!   allowed fires the window again for its key, once per batch, and the result names the one it
//!   [`replaces`](WindowResult::replaces). Its value is the whole value, not the difference.
//! - A record is too late for a window if the watermark has passed the window's end by the allowed lateness. It goes to
//!   [`late_records`](WindowResults::late_records), with the windows it missed; other sliding windows may still take it.
//!   So each record is in exactly one of the two, for each window it belongs to.
//! - A session is from its first record to a gap after its last. A record that joins two sessions makes them one. A record that
//!   would be late by itself is not if it continues a session that is not closed. An update of a session may
//!   replace several results, if it joined sessions that had fired; if it now reaches past the watermark, the update comes
//!   when that has passed its end. A session that has closed is forgotten, so a later one may overlap it.
//! - A window that would begin before the epoch begins at it.
//!
//! # State and cost
//!
//! A record costs one step in a table of its partition: sliding windows are cut into slices at every start and end, and a record
//! is added to one slice however many windows overlap. After that all costs follow the keys a batch touches and the windows
//! that fire in it; a sliding window that fires costs its keys in each of its slices. Open windows that nothing happens to
//! are not looked at: they lie in order of the time when something is due. State is forgotten when the last
//! window with it has closed; [`WindowResults::metrics`] says how much there is.
//!
//! A batch's changes become part of the state when the batch has committed, and are dropped if it fails. State is in
//! memory: a restarted program begins with none.
//!
//! Each window operator reads its input once. Several on one stream would read it several times: [`EventStream::cache`] it.
//!
//! # Terms elsewhere
//!
//! | here | Flink | Spark Structured Streaming |
//! | --- | --- | --- |
//! | [`with_event_time`](crate::DStream::with_event_time) | `assignTimestampsAndWatermarks` | `withWatermark` |
//! | [`bounded_out_of_orderness`](Watermarks::bounded_out_of_orderness): `latest - bound`, the first time that may still come | `forBoundedOutOfOrderness`: a millisecond less, the last time that may not | delay threshold |
//! | least of the partitions | least of the inputs | latest time of *all* partitions minus the delay: a partition behind is late |
//! | [`idle_timeout`](Watermarks::idle_timeout), on | `withIdleness`, off | not needed with that |
//! | all idle: the highest | the highest | |
//! | judged by the batch before | by the watermark when the record arrives: its order matters | by the batch before |
//! | fires in the batch that passes the end | at once | in the batch after it |
//! | [`tumbling`](Windows::tumbling), [`sliding`](Windows::sliding), [`session`](Windows::session) | the same | `window`, `session_window` |
//! | records exactly a gap apart: two sessions | one, if the first is not closed yet | as Flink |
//! | [`allowed_lateness`](Windows::allowed_lateness), [`replaces`](WindowResult::replaces) | allowed lateness, late firing | none: a longer delay, or update mode |
//! | [`late_records`](WindowResults::late_records) | side output of late data, for records that no window took | dropped, counted |
mod aggregate;
mod aligned;
mod event_stream;
mod operator;
mod result;
mod session;
mod session_merge;
mod setting;
#[cfg(test)]
mod tests;
mod watermarks;
mod window;
mod windowed_stream;

pub use event_stream::EventStream;
pub use result::{LateRecord, WindowMetrics, WindowResult, WindowResults};
pub use watermarks::Watermarks;
pub use window::{Window, Windows};
pub use windowed_stream::WindowedStream;
