//! A micro-batch streaming engine over Kafka with the DStream API, in pure Rust.
//!
//! A user describes streams the way Spark users do; each batch interval (or as soon as there is data) a batch is planned,
//! computed on a fixed pool of threads and committed. Word count, from a queue of lines:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use std::time::Duration;
//! use stream_engine::{RddQueue, StreamingContext};
//!
//! let ssc = StreamingContext::builder("word-count").batch_duration(Duration::from_millis(10)).build()?;
//! let queue = RddQueue::new();
//! queue.push(ssc.rdd_context().parallelize(["to be or not to be"], 1));
//! let lines = ssc.queue_stream(&queue)?;
//! let counts = lines.flat_map(|line| line.split(' ')).map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b);
//! counts.print();
//! ssc.start()?.await_termination_or_timeout(Duration::from_millis(50)).await?;
//! # Ok::<_, stream_engine::EngineError>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | module | what |
//! | --- | --- |
//! | `rdd/` | [`Rdd`]: partitions, fused narrow operators, shuffles, joins, actions; [`RddContext`] makes them, also without streams |
//! | `stream/` | [`DStream`]: one file per family of operators, with its tests; the graph's nodes |
//! | `context/` | [`StreamingContext`]: builder, states, trigger, scheduler and the batch's commit |
//! | `state/` | the state of keys: a table that commits or aborts with its batch, its snapshots, timers; [`StateSpec`] and [`State`] |
//! | [`event_time`] | windows over the records' own times: watermarks, tumbling, sliding and session windows, late records |
//! | `source/`, `sink` | [`InputSource`] and [`Sink`], for connectors; queues, files, receivers and sockets |
//! | `read/` | [`Lines`], [`FixedRecords`], [`Frames`]: records out of the bytes of files and sockets |
//! | [`kafka`] | topics as a source and as a sink |
//! | `listener`, `stats_report` | [`StreamingListener`]: what happens to batches; [`StatsReportListener`] prints their delays |
//! | `stage` | [`StageInfo`]: what each stage of a batch took and moved |
//! | [`serialization`] | formats of keys and values: JSON, CSV, Avro, any other |
//! | `table/` | [`Table`]: the newest value of each key of a compacted topic, to join streams with |
//! | `short_string` | [`ShortString`], a text made to be a key |
//! | `clock`, `time` | [`Clock`] with the system's and a [`ManualClock`]; [`Time`] |
//! | [`testkit`] | tests of programs on a manual clock |
//! | `operator`, `error` | operators named in errors; [`EngineError`] |
//!
//! # How a batch runs
//!
//! 1. The [`Trigger`] says which batch is due. Each [`InputSource`] plans it: it fixes what the batch reads.
//! 2. The output operations run one after another. Each asks its stream for the batch's RDD, which the streams before it
//!    make of the inputs, memoized per batch, and runs actions on it. A [`Sink`] returns when everything is acknowledged.
//! 3. When all of them have succeeded, each input is committed. If anything fails, nothing is, and the context stops with an
//!    [`EngineError`] that names the batch, the output operation and the operator. A panic is such an error.
//!
//! # How an RDD runs
//!
//! An action runs one task per partition on the pool. A task pulls chunks of about [`CHUNK`] records through the operators:
//! between two operators there is one virtual call and one reused buffer per chunk, inside an operator a plain loop that
//! knows all types. Before a shuffle, values are combined per partition in an open-addressing table; the key's hash is
//! computed once and travels along. Shuffled and cached records stay in memory as long as somebody holds the RDD.
//!
//! # Spark's names and ours
//!
//! | Spark | here |
//! | --- | --- |
//! | `new StreamingContext(conf, Seconds(1))` | [`StreamingContext::builder`], [`batch_duration`](StreamingContextBuilder::batch_duration); [`rdd_context`](StreamingContextBuilder::rdd_context) to share threads |
//! | `Time`, `Milliseconds`, `Seconds`, `Minutes`, `Duration`, `Interval` | [`Time`] with `+`, `-`, `<`, `min`, `max`, [`floor`](Time::floor), [`floor_from`](Time::floor_from), [`is_multiple_of`](Time::is_multiple_of), [`until`](Time::until), [`to`](Time::to); `Time - Time` is [`since`](Time::since); [`Duration`](std::time::Duration); a pair of times |
//! | `ssc.start`, `awaitTermination`, `awaitTerminationOrTimeout` | [`start`](StreamingContext::start), [`await_termination`](StreamingContext::await_termination), [`await_termination_or_timeout`](StreamingContext::await_termination_or_timeout); both also with `_blocking` |
//! | `ssc.stop(_, stopGracefully)`, `gracefulStopTimeout` | [`stop`](StreamingContext::stop), [`stop_gracefully`](StreamingContext::stop_gracefully), [`StopHandle`], [`graceful_stop_timeout`](StreamingContextBuilder::graceful_stop_timeout) |
//! | `spark.streaming.stopGracefullyOnShutdown` | [`stop_on_signals`](StreamingContext::stop_on_signals) |
//! | `StreamingContext.getActive`, `getActiveOrCreate`, `getOrCreate` | [`get_active`](StreamingContext::get_active), [`get_active_or_create`](StreamingContext::get_active_or_create), [`get_or_create`](StreamingContext::get_or_create) |
//! | `ssc.getState`, `sparkContext` | [`state`](StreamingContext::state), [`rdd_context`](StreamingContext::rdd_context) |
//! | `ssc.remember`, `DStream.slice` | [`remember`](StreamingContext::remember), [`slice`](DStream::slice) |
//! | `rddToFileName` | [`rdd_to_file_name`](StreamingContext::rdd_to_file_name) |
//! | `ssc.queueStream` | [`queue_stream`](StreamingContext::queue_stream), [`queue_stream_with`](StreamingContext::queue_stream_with) |
//! | `fileStream`, `textFileStream`, `binaryRecordsStream` | [`file_stream`](StreamingContext::file_stream) with [`FileStreamOptions`], [`text_file_stream`](StreamingContext::text_file_stream), [`binary_records_stream`](StreamingContext::binary_records_stream) |
//! | `KafkaUtils.createDirectStream`, `HasOffsetRanges` | [`kafka_direct_stream`](StreamingContext::kafka_direct_stream), [`offset_ranges`](Rdd::offset_ranges) |
//! | `ConsumerStrategies.Subscribe`, `SubscribePattern`, `Assign` | [`subscribe`](kafka::KafkaSource::subscribe), [`subscribe_pattern`](kafka::KafkaSource::subscribe_pattern), [`assign`](kafka::KafkaSource::assign) |
//! | their `offsets` argument, `auto.offset.reset` | [`starting_offsets`](kafka::KafkaSource::starting_offsets), [`on_out_of_range`](kafka::KafkaSource::on_out_of_range) |
//! | `CanCommitOffsets.commitAsync`, `OffsetCommitCallback` | [`OffsetCommits`](kafka::OffsetCommits) with [`CommitMode::Manual`](kafka::CommitMode::Manual) |
//! | `KafkaUtils.createRDD`, `OffsetRange` | [`kafka_rdd`](RddContext::kafka_rdd), [`OffsetRange`](kafka::OffsetRange), [`KafkaSource::offset_ranges`](kafka::KafkaSource::offset_ranges) |
//! | `LocationStrategies`, `allowNonConsecutiveOffsets` | not needed: there are no executors, and gaps between offsets are always allowed |
//! | `maxRatePerPartition`, `minRatePerPartition`, `PerPartitionConfig` | [`max_rate_per_partition`](kafka::KafkaSource::max_rate_per_partition), [`min_rate_per_partition`](kafka::KafkaSource::min_rate_per_partition), [`max_rate_by_partition`](kafka::KafkaSource::max_rate_by_partition), [`min_rate_by_partition`](kafka::KafkaSource::min_rate_by_partition) |
//! | `InputDStream` | [`input_stream`](StreamingContext::input_stream) with an [`InputSource`] |
//! | `receiverStream`, `Receiver` with `store`, `reportError`, `isStopped`, `restart`, `onStop` | [`receiver_stream`](StreamingContext::receiver_stream) with a [`Receiver`]: [`store`](ReceiverStore::store), [`report_error`](ReceiverStore::report_error), [`is_stopped`](ReceiverStore::is_stopped), return from [`run`](Receiver::run), [`on_stop`](Receiver::on_stop) |
//! | `spark.streaming.receiver.maxRate`, `receiverRestartDelay` | [`ReceiverOptions`] |
//! | a reliable receiver's acknowledgements | [`committed`](ReceiverStore::committed), [`wait_committed`](ReceiverStore::wait_committed) |
//! | `socketTextStream`, `socketStream` | [`socket_text_stream`](StreamingContext::socket_text_stream), [`socket_stream`](StreamingContext::socket_stream) with a [`RecordReader`] |
//! | `rawSocketStream` | [`socket_stream`](StreamingContext::socket_stream) with [`Frames`] |
//! | `onReceiverStarted`, `onReceiverError`, `onReceiverStopped` | [`StreamingListener::on_receiver_started`], [`on_receiver_error`](StreamingListener::on_receiver_error), [`on_receiver_stopped`](StreamingListener::on_receiver_stopped) with a [`ReceiverInfo`] |
//! | `ssc.union`, `ssc.transform` | [`StreamingContext::union`], [`StreamingContext::transform`] |
//! | `addStreamingListener`, `removeStreamingListener`, `StreamingListener` | [`add_streaming_listener`](StreamingContext::add_streaming_listener), [`remove_streaming_listener`](StreamingContext::remove_streaming_listener), [`StreamingListener`] |
//! | `BatchInfo`, `StreamInputInfo`, `OutputOperationInfo`, `StatsReportListener` | [`BatchInfo`], [`InputInfo`], [`OutputOperationInfo`] (its `operator` is Spark's name and description), [`StatsReportListener`] |
//! | `spark.streaming.backpressure.*` | [`Backpressure`], [`backpressure`](StreamingContextBuilder::backpressure) |
//! | `slideDuration` | [`slide_duration`](DStream::slide_duration) |
//! | `map`, `flatMap`, `filter`, `mapPartitions`, `mapPartitionsWithIndex`, `glom`, `repartition` | [`map`](DStream::map), [`flat_map`](DStream::flat_map), [`flat_map_into`](DStream::flat_map_into), [`filter`](DStream::filter), [`map_partitions`](DStream::map_partitions), [`map_partitions_with_index`](DStream::map_partitions_with_index), [`glom`](DStream::glom), [`repartition`](DStream::repartition) |
//! | `cache`, `persist` | [`cache`](DStream::cache); there is one storage level, records in memory as they are |
//! | `union`, `transform`, `transformWith` | [`union`](DStream::union), [`transform`](DStream::transform), [`transform_with_time`](DStream::transform_with_time), [`transform_with`](DStream::transform_with), [`transform_with_and_time`](DStream::transform_with_and_time) |
//! | `count`, `reduce`, `countByValue` | [`count`](DStream::count), [`reduce`](DStream::reduce), [`count_by_value`](DStream::count_by_value) |
//! | windows without a slide, such as `window(w)` | `None` for the slide |
//! | `window`, `reduceByWindow`, `countByWindow`, `countByValueAndWindow` | [`window`](DStream::window), [`reduce_by_window`](DStream::reduce_by_window), [`reduce_by_window_with_inverse`](DStream::reduce_by_window_with_inverse), [`count_by_window`](DStream::count_by_window), [`count_by_value_and_window`](DStream::count_by_value_and_window) |
//! | `saveAsTextFiles` | [`save_as_text_files`](DStream::save_as_text_files) |
//! | `saveAsObjectFiles`, `saveAsHadoopFiles` | [`save_as_files`](DStream::save_as_files) with the program's own encoding: Rust has none that every type comes with |
//! | `print`, `pprint`, `foreachRDD` | [`print`](DStream::print), [`print_n`](DStream::print_n), [`foreach_rdd`](DStream::foreach_rdd), [`foreach_rdd_with_time`](DStream::foreach_rdd_with_time), [`save_to`](DStream::save_to), [`save_to_kafka`](DStream::save_to_kafka) |
//! | `reduceByKey`, `groupByKey`, `combineByKey` | [`reduce_by_key`](DStream::reduce_by_key), [`group_by_key`](DStream::group_by_key), [`combine_by_key`](DStream::combine_by_key) |
//! | `mapValues`, `flatMapValues`, `partitionBy` | [`map_values`](DStream::map_values), [`flat_map_values`](DStream::flat_map_values), [`partition_by`](DStream::partition_by), [`partition_by_fn`](DStream::partition_by_fn) |
//! | `cogroup`, `join`, `leftOuterJoin`, `rightOuterJoin`, `fullOuterJoin` | [`cogroup`](DStream::cogroup), [`join`](DStream::join), [`left_outer_join`](DStream::left_outer_join), [`right_outer_join`](DStream::right_outer_join), [`full_outer_join`](DStream::full_outer_join) |
//! | `reduceByKeyAndWindow`, `groupByKeyAndWindow` | [`reduce_by_key_and_window`](DStream::reduce_by_key_and_window), [`reduce_by_key_and_window_with_inverse`](DStream::reduce_by_key_and_window_with_inverse), [`group_by_key_and_window`](DStream::group_by_key_and_window) |
//! | `updateStateByKey` | [`update_state_by_key`](DStream::update_state_by_key) if the function returns the state unchanged when there are no new values (it is called for keys with new values only); [`update_state_by_every_key`](DStream::update_state_by_every_key) if it must be called for every key in every batch, as in Spark |
//! | `updateStateByKey` with a partitioner, `initialRDD`, or `(Time, K, Seq[V], Option[S])` | [`update_state_by_key_with`](DStream::update_state_by_key_with), [`update_state_by_every_key_with`](DStream::update_state_by_every_key_with), [`StateOptions`] |
//! | `mapWithState`, `StateSpec`, `State`, `stateSnapshots` | [`map_with_state`](DStream::map_with_state), [`StateSpec`], [`State`], [`state_snapshots`](MapWithStateDStream::state_snapshots) |
//! | (Structured Streaming's `withWatermark`, `window`, `session_window`) | [`with_event_time`](DStream::with_event_time), [`event_time`] |
//! | (Structured Streaming's `dropDuplicatesWithinWatermark`) | [`deduplicate_by`](DStream::deduplicate_by) |
//! | `SparkContext.parallelize`, `emptyRDD`, `union` | [`parallelize`](RddContext::parallelize), [`empty`](RddContext::empty), [`union`](RddContext::union) |
//! | `SparkContext.textFile`, `binaryRecords`; `rdd.saveAsTextFile`, `saveAsObjectFile` | [`text_file`](RddContext::text_file), [`binary_records`](RddContext::binary_records); [`save_as_text_file`](Rdd::save_as_text_file), [`save_as_files`](Rdd::save_as_files) |
//! | overloads with `numPartitions` or a `HashPartitioner` | the same name with `_with_partitions` |
//! | overloads with a `Partitioner` of one's own | [`partition_by_fn`](DStream::partition_by_fn) alone: joins and reductions distribute by the key's hash |
//! | `rdd.sortBy`, `sortByKey`, `top`, `takeOrdered`, `max`, `min` | [`sort_by`](Rdd::sort_by), [`sort_with`](Rdd::sort_with), [`sort_by_key`](Rdd::sort_by_key), [`top`](Rdd::top), [`top_by`](Rdd::top_by), [`take_ordered`](Rdd::take_ordered), [`take_ordered_by`](Rdd::take_ordered_by), [`max`](Rdd::max), [`min`](Rdd::min) |
//! | `rdd.collect`, `count`, `take`, `first`, `isEmpty`, `toLocalIterator`, `foreach`, `foreachPartition` | [`collect`](Rdd::collect), [`count`](Rdd::count), [`take`](Rdd::take), [`first`](Rdd::first), [`is_empty`](Rdd::is_empty), [`to_local_iterator`](Rdd::to_local_iterator), [`for_each`](Rdd::for_each), [`for_each_partition`](Rdd::for_each_partition) |
//! | `rdd.reduce`, `fold`, `aggregate`, `sum` | [`reduce`](Rdd::reduce), [`fold`](Rdd::fold), [`aggregate`](Rdd::aggregate) (also for means and the like), [`sum`](Rdd::sum) |
//! | `rdd.distinct`, `subtract`, `intersection`, `cartesian`, `sample`, `zipWithIndex`, `coalesce`, `keyBy`, `groupBy` | [`distinct`](Rdd::distinct), [`subtract`](Rdd::subtract), [`intersection`](Rdd::intersection), [`cartesian`](Rdd::cartesian), [`sample`](Rdd::sample), [`zip_with_index`](Rdd::zip_with_index), [`coalesce`](Rdd::coalesce), [`key_by`](Rdd::key_by), [`group_by`](Rdd::group_by) |
//! | pairs: `keys`, `values`, `lookup`, `subtractByKey`, `aggregateByKey`, `countByKey`, `collectAsMap`, `reduceByKeyLocally` | [`keys`](Rdd::keys), [`values`](Rdd::values), [`lookup`](Rdd::lookup), [`subtract_by_key`](Rdd::subtract_by_key), [`aggregate_by_key`](Rdd::aggregate_by_key), [`count_by_key`](Rdd::count_by_key), [`collect_as_map`](Rdd::collect_as_map), [`reduce_by_key_locally`](Rdd::reduce_by_key_locally) |
//!
//! In pyspark, `pprint` shows a date instead of milliseconds, and the functions of `foreachRDD` and `transform` take the time
//! before the RDD; here as in Scala it comes after.
//!
//! Not offered, and why:
//!
//! | Spark | instead |
//! | --- | --- |
//! | `ssc.checkpoint`, `DStream.checkpoint`, `new StreamingContext(path)`, recovery from a checkpoint | nothing of the program is stored, so there is nothing to recover it from: see [`get_or_create`](StreamingContext::get_or_create) |
//! | `persist(level)` on disk, serialized or replicated, `unpersist` | records are kept in memory as long as somebody holds the RDD |
//! | `DStream.compute`, `dependencies`, subclasses of `DStream` | operators are made of [`transform`](DStream::transform) and [`map_partitions`](DStream::map_partitions), inputs of [`InputSource`], outputs of [`Sink`] |
//! | `DStream.context` | keep a clone of the [`StreamingContext`]; inside a batch [`Rdd::context`] makes RDDs |
//! | `mapSideCombine = false`, `preservesPartitioning = true` | combining before the shuffle never costs more here; [`map_values`](DStream::map_values) keeps the partitioner |
//! | `spark.streaming.concurrentJobs`, `LocationStrategies`, `jarOfClass`, `sparkHome`, `jars` | one process: batches run one after another, each on all threads |
//! | `rdd.zip`, `pipe`, `treeReduce`, `countApprox`, `foldByKey`, `histogram`, `stats` | [`zip_with_index`](Rdd::zip_with_index) and a join; [`map_partitions`](Rdd::map_partitions); [`reduce`](Rdd::reduce); [`count`](Rdd::count); [`aggregate_by_key`](Rdd::aggregate_by_key); [`aggregate`](Rdd::aggregate) |
//! | `networkStream`, `actorStream`, `foreach`, `createStream` over ZooKeeper | removed from Spark itself |
//!
//! # Beyond Spark: bad records, tables, formats
//!
//! | what | here |
//! | --- | --- |
//! | closures that may refuse a record | [`try_map`](DStream::try_map), [`try_flat_map`](DStream::try_flat_map), [`try_filter`](DStream::try_filter), [`try_for_each`](Fallible::try_for_each) |
//! | what becomes of a refused record: fail, skip, dead letter | [`on_poison`](DStream::on_poison) with a [`PoisonPolicy`]; counts in [`BatchInfo::poisoned`] |
//! | dead-letter topics | [`DeadLetterTopic`](kafka::DeadLetterTopic), or any [`Sink`] of [`Poisoned`] records |
//! | refused records as a stream | [`try_map_split`](DStream::try_map_split), [`try_flat_map_split`](DStream::try_flat_map_split) |
//! | join with a compacted topic | [`kafka_table`](StreamingContext::kafka_table), [`join_table`](DStream::join_table), [`left_join_table`](DStream::left_join_table) |
//! | JSON, CSV, Avro (features `json`, `csv`, `avro`) | [`serialization`], [`deserialize`](DStream::deserialize), [`deserialize_pairs`](DStream::deserialize_pairs), [`serialize_values`](DStream::serialize_values) |
//!
//! # Where the semantics differ from Spark's
//!
//! - A failed output operation stops the batch: later operations do not run and nothing is committed. (In Spark the batch may
//!   count as complete if another of its operations succeeds afterwards.)
//! - Missed intervals are one batch, not many; a window that was due in between comes with it.
//! - Back-pressure is on by default, holds from the first batch on, and repairs four faults: see [`Backpressure`].
//! - A clock that is set back neither stops batches nor repeats their times.
//! - Windows with an inverse function forget a key exactly when its last value leaves, and need no filter function.
//! - `count_by_window` has a record before the first data too.
//! - `update_state_by_key` calls its function for keys with new values only, so that a batch costs what it touches;
//!   `update_state_by_every_key` is Spark's form.
//! - Timeouts of `map_with_state` are exact: they come in the first batch in which a key has been idle for longer than the
//!   timeout. (In Spark they wait for the next checkpoint, every tenth batch.)
//! - State commits or aborts with its batch: a failed batch leaves it as it was. It needs no checkpoint directory.
//! - What a receiver stores is acknowledged by the commit of its batch, not by a write-ahead log: `store` says which commit to
//!   wait for. A full buffer blocks the receiver; there are no blocks and no block interval.
//! - A line ends with `\n` or `\r\n`, not with a lone `\r`.
//! - A stream of files fails when its directory is gone; Spark's goes on without data. After a pause it takes the files of all
//!   missed intervals, also of those longer ago than what it remembers.
//! - Saved batches appear all at once, and a batch that runs again replaces what it left.
//! - `reduce`, `min` and `max` of an RDD without records are `None`, not an exception.
//! - Rates of Kafka partitions are records, not offsets, and also hold where they come to less than one record in a batch.
//! - A Kafka partition that is new to a group that has been here before is read from its beginning, whatever
//!   `auto.offset.reset` would say, and the first commit says where each partition began, so that nothing written while the
//!   program is down is passed over.
//! - A commit of one's own goes out at once, and a context that stops waits for it. (Spark queues it for the next batch and
//!   loses it at the end.)
//! - `cache` returns the cached stream or RDD and leaves the one it is called on as it is.
//! - `stop` and `stop_gracefully` return at once; `await_termination` waits. A graceful stop whose time is over cancels the batch,
//!   where Spark goes on waiting for its jobs for up to an hour. There is no context below that would have to be stopped too.
//! - Any number of contexts may be active in a process; `get_active` finds them by the application's name.
//! - `slice` gives what is remembered and never computes anything, neither for the past nor for the future.
//! - A mistake of the program is told at `start` or before: streams of different slides or contexts in one operator, which in
//!   Spark fail when the batch comes. A stream one of whose parents has no RDD in a batch has none either; a `union` holds the others'.
//! - `transform` cannot return nothing (Spark's `null`): the type of its closure says so.
//! - `print`, `take` and `is_empty` read no further than needed, one partition after another.
//! - The closures of `foreach_rdd` and `transform` run on the scheduler's thread, outside of the pool; actions inside other
//!   operators' closures are refused, as in Spark.
//! - Closures are never persisted, so nothing has to be serializable and a program may change between runs.
#![forbid(unsafe_code)]

mod clock;
mod context;
mod error;
pub mod event_time;
mod hash;
pub mod kafka;
mod listener;
mod operator;
mod pool;
mod rdd;
mod read;
#[cfg(test)]
mod scratch;
pub mod serialization;
mod short_string;
mod sink;
mod source;
mod stage;
mod state;
mod stats_report;
mod stream;
mod table;
pub mod testkit;
mod time;
mod wakeup;

pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{Backpressure, InputMetrics, StreamingMetrics};
pub use context::{ContextState, StopHandle, StreamingContext, StreamingContextBuilder, Trigger};
pub use error::{BoxError, EngineError, Outcome};
pub use hash::HashPartitioner;
pub use listener::{
    BatchInfo, InputInfo, LossReason, OffsetsLost, OutputOperationInfo, PartitionsChanged,
    PoisonInfo, ReceiverInfo, StreamingListener, WatermarkInfo,
};
pub use operator::Operator;
pub use rdd::{
    CHUNK, Data, Emitter, Grouped, Key, LocalIter, Outer, PartitionIter, Rdd, RddContext,
    RddSource, RecordReader,
};
pub use read::{FixedRecords, FormatError, Frames, Lines};
pub use short_string::ShortString;
pub use sink::Sink;
pub use source::{
    BatchInput, FileError, FileStreamOptions, InputSource, QueueOptions, RddQueue, Receiver,
    ReceiverOptions, ReceiverStopped, ReceiverStore, SocketError, SourceContext,
};
pub use stage::{StageInfo, StageKind};
pub use state::{State, StateSpec};
pub use stats_report::StatsReportListener;
pub use stream::{
    DStream, Fallible, MapWithStateDStream, PoisonCause, PoisonPolicy, Poisoned, RecordPlace,
    StateOptions,
};
pub use table::Table;
pub use time::Time;
pub use wakeup::Wakeup;
