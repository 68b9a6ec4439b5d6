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
//! | `source/`, `sink` | [`InputSource`] and [`Sink`], for connectors; the queue source |
//! | [`kafka`] | topics as a source and as a sink |
//! | [`serialization`] | formats of keys and values: JSON, CSV, Avro, any other |
//! | `table/` | [`Table`]: the newest value of each key of a compacted topic, to join streams with |
//! | `listener` | [`StreamingListener`]: what happens to batches |
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
//! | `new StreamingContext(conf, Seconds(1))` | [`StreamingContext::builder`], [`batch_duration`](StreamingContextBuilder::batch_duration) |
//! | `ssc.start`, `awaitTermination`, `awaitTerminationOrTimeout` | [`start`](StreamingContext::start), [`await_termination`](StreamingContext::await_termination), [`await_termination_or_timeout`](StreamingContext::await_termination_or_timeout) |
//! | `ssc.stop(_, stopGracefully)` | [`stop`](StreamingContext::stop), [`stop_gracefully`](StreamingContext::stop_gracefully), [`StopHandle`] |
//! | `ssc.getState`, `sparkContext` | [`state`](StreamingContext::state), [`rdd_context`](StreamingContext::rdd_context) |
//! | `ssc.queueStream` | [`queue_stream`](StreamingContext::queue_stream), [`queue_stream_with`](StreamingContext::queue_stream_with) |
//! | `KafkaUtils.createDirectStream`, `HasOffsetRanges` | [`kafka_direct_stream`](StreamingContext::kafka_direct_stream), [`offset_ranges`](Rdd::offset_ranges) |
//! | `receiverStream`, `InputDStream` | [`input_stream`](StreamingContext::input_stream) with an [`InputSource`] |
//! | `ssc.union`, `ssc.transform` | [`StreamingContext::union`], [`StreamingContext::transform`] |
//! | `addStreamingListener`, `StreamingListener`, `BatchInfo` | [`add_streaming_listener`](StreamingContext::add_streaming_listener), [`StreamingListener`], [`BatchInfo`] |
//! | `map`, `flatMap`, `filter`, `mapPartitions`, `glom`, `repartition`, `cache` | [`map`](DStream::map), [`flat_map`](DStream::flat_map), [`flat_map_into`](DStream::flat_map_into), [`filter`](DStream::filter), [`map_partitions`](DStream::map_partitions), [`glom`](DStream::glom), [`repartition`](DStream::repartition), [`cache`](DStream::cache) |
//! | `union`, `transform`, `transformWith` | [`union`](DStream::union), [`transform`](DStream::transform), [`transform_with_time`](DStream::transform_with_time), [`transform_with`](DStream::transform_with), [`transform_with_and_time`](DStream::transform_with_and_time) |
//! | `count`, `reduce`, `countByValue` | [`count`](DStream::count), [`reduce`](DStream::reduce), [`count_by_value`](DStream::count_by_value) |
//! | `window`, `reduceByWindow`, `countByWindow`, `countByValueAndWindow` | [`window`](DStream::window), [`reduce_by_window`](DStream::reduce_by_window), [`reduce_by_window_with_inverse`](DStream::reduce_by_window_with_inverse), [`count_by_window`](DStream::count_by_window), [`count_by_value_and_window`](DStream::count_by_value_and_window) |
//! | `print`, `foreachRDD` | [`print`](DStream::print), [`print_n`](DStream::print_n), [`foreach_rdd`](DStream::foreach_rdd), [`foreach_rdd_with_time`](DStream::foreach_rdd_with_time), [`save_to`](DStream::save_to), [`save_to_kafka`](DStream::save_to_kafka) |
//! | `reduceByKey`, `groupByKey`, `combineByKey` | [`reduce_by_key`](DStream::reduce_by_key), [`group_by_key`](DStream::group_by_key), [`combine_by_key`](DStream::combine_by_key) |
//! | `mapValues`, `flatMapValues`, `partitionBy` | [`map_values`](DStream::map_values), [`flat_map_values`](DStream::flat_map_values), [`partition_by`](DStream::partition_by) |
//! | `cogroup`, `join`, `leftOuterJoin`, `rightOuterJoin`, `fullOuterJoin` | [`cogroup`](DStream::cogroup), [`join`](DStream::join), [`left_outer_join`](DStream::left_outer_join), [`right_outer_join`](DStream::right_outer_join), [`full_outer_join`](DStream::full_outer_join) |
//! | `reduceByKeyAndWindow`, `groupByKeyAndWindow` | [`reduce_by_key_and_window`](DStream::reduce_by_key_and_window), [`reduce_by_key_and_window_with_inverse`](DStream::reduce_by_key_and_window_with_inverse), [`group_by_key_and_window`](DStream::group_by_key_and_window) |
//! | overloads with `numPartitions` | the same name with `_with_partitions` |
//! | `SparkContext.parallelize`, `emptyRDD`, `union` | [`parallelize`](RddContext::parallelize), [`empty`](RddContext::empty), [`union`](RddContext::union) |
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
//! - Windows with an inverse function forget a key exactly when its last value leaves, and need no filter function.
//! - `count_by_window` has a record before the first data too.
//! - `reduce` of an RDD without records is `None`, not an exception.
//! - `cache` returns the cached stream or RDD and leaves the one it is called on as it is.
//! - Closures are never persisted, so nothing has to be serializable and a program may change between runs.
#![forbid(unsafe_code)]

mod clock;
mod context;
mod error;
mod hash;
pub mod kafka;
mod listener;
mod operator;
mod pool;
mod rdd;
pub mod serialization;
mod short_string;
mod sink;
mod source;
mod stream;
mod table;
pub mod testkit;
mod time;
mod wakeup;

pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{ContextState, StopHandle, StreamingContext, StreamingContextBuilder, Trigger};
pub use error::{BoxError, EngineError, Outcome};
pub use hash::HashPartitioner;
pub use listener::{BatchInfo, InputInfo, OutputOperationInfo, PoisonInfo, StreamingListener};
pub use operator::Operator;
pub use rdd::{
    CHUNK, Data, Emitter, Grouped, Key, Outer, PartitionIter, Rdd, RddContext, RddSource,
    RecordReader,
};
pub use short_string::ShortString;
pub use sink::Sink;
pub use source::{BatchInput, InputSource, QueueOptions, RddQueue, SourceContext};
pub use stream::DStream;
pub use stream::{Fallible, PoisonCause, PoisonPolicy, Poisoned, RecordPlace};
pub use table::Table;
pub use time::Time;
pub use wakeup::Wakeup;
