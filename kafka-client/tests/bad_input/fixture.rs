//! A broker, clients, and what a refusal looks like.

use std::future::Future;
use std::time::{Duration, Instant};

use kafka_broker::Broker;
use kafka_client::Error;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::producer::{Producer, ProducerBuilder, Record};

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// Within which what needs no broker, or asks it once, is refused.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(1);

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// A refusal, and how long it took.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) after: Duration,
}

/// Does something that has to be refused.
pub(crate) async fn refusal<T: std::fmt::Debug>(
    what: &str,
    future: impl Future<Output = Result<T, Error>>,
) -> Refusal {
    let begun = Instant::now();
    match within(what, future).await {
        Ok(done) => panic!("{what}: not refused, but {done:?}"),
        Err(error) => Refusal {
            error,
            after: begun.elapsed(),
        },
    }
}

/// The same for what needs no waiting.
pub(crate) fn refused<T: std::fmt::Debug>(what: &str, result: Result<T, Error>) -> Refusal {
    match result {
        Ok(done) => panic!("{what}: not refused, but {done:?}"),
        Err(error) => Refusal {
            error,
            after: Duration::ZERO,
        },
    }
}

impl Refusal {
    /// Checks the error, its text and how soon it came.
    #[track_caller]
    pub(crate) fn is(
        self,
        is_expected: impl Fn(&Error) -> bool,
        text: &str,
        limit: Duration,
    ) -> Error {
        let Self { error, after } = self;
        assert!(is_expected(&error), "another error: {error:?}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(after <= limit, "after {after:?}: {error}");
        error
    }
}

/// A broker with the topic `t`, that creates no others by itself.
pub(crate) async fn start() -> Broker {
    let builder = Broker::builder()
        .auto_create_topics(false)
        .max_message_bytes(10_000)
        .group_min_session_timeout(Duration::ZERO);
    let broker = builder.start().await.unwrap();
    broker.create_topic("t", 3).unwrap();
    broker
}

pub(crate) fn builder(broker: &Broker) -> ProducerBuilder {
    Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .linger(Duration::ZERO)
}

pub(crate) async fn producer(builder: ProducerBuilder) -> Producer {
    within("a producer", builder.build()).await.unwrap()
}

pub(crate) fn consumer(broker: &Broker) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .auto_offset_reset(OffsetReset::Earliest)
        .heartbeat_interval(Duration::from_millis(30))
}

pub(crate) async fn built(builder: ConsumerBuilder) -> Consumer {
    within("a consumer", builder.build()).await.unwrap()
}

/// Writes a record to partition 0, and says at which offset: as many as there were before.
pub(crate) async fn writes(producer: &Producer) -> i64 {
    let record = Record::to("t").partition(0).value("good");
    let sent = within("sending", producer.send(record)).await.unwrap();
    let written = within("the delivery", sent).await.unwrap();
    written.offset.unwrap()
}
