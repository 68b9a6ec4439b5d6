//! Futures that are dropped on the way.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use kafka_broker::{Broker, BrokerBuilder};
use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, ConsumerBuilder, Isolation, OffsetReset};

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// More await points than anything here has.
pub(crate) const POINTS: usize = 200;

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Polls a future until it has had to wait that often, and then once more; drops it if it has to wait again. Each poll comes
/// when the future was woken, so that it stands at another await point or further on at the same one.
pub(crate) async fn dropped_after<F: Future>(waits: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = waits;
    let polling = poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    });
    within("the next await point", polling).await
}

/// Calls something again and again, dropped one await point later each time, until it gets to its end; `check` looks at the
/// client after each. Returns what it came to.
pub(crate) async fn at_every_point<T>(
    what: &str,
    call: impl AsyncFn() -> T,
    check: impl AsyncFn(usize, bool),
) -> T {
    for waits in 0..POINTS {
        let done = dropped_after(waits, call()).await;
        check(waits, done.is_some()).await;
        if let Some(done) = done {
            return done;
        }
    }
    panic!("{what}: has more than {POINTS} await points");
}

pub(crate) async fn start_with(set: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Broker {
    let builder = Broker::builder()
        .auto_create_topics(false)
        .group_min_session_timeout(Duration::ZERO);
    let broker = set(builder).start().await.unwrap();
    broker.create_topic("t", 1).unwrap();
    broker
}

pub(crate) async fn start() -> Broker {
    start_with(|builder| builder).await
}

pub(crate) fn consumer(broker: &Broker) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .auto_offset_reset(OffsetReset::Earliest)
}

pub(crate) fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// The values of a topic's only partition that are committed, in their order, up to the end that it has now.
pub(crate) async fn values(broker: &Broker, topic: &str) -> Vec<String> {
    let builder = consumer(broker).isolation_level(Isolation::ReadCommitted);
    let reader = within("a reader", builder.build()).await.unwrap();
    let partition = TopicPartition::new(topic, 0);
    let ends = within(
        "the end",
        reader.end_offsets(std::slice::from_ref(&partition)),
    );
    let end = ends.await.unwrap()[&partition];
    reader.assign_at([(partition.clone(), 0)]).unwrap();
    let mut values = Vec::new();
    within("all records", async {
        while reader.position(&partition).await.unwrap() < end {
            let records = reader.poll(Duration::from_millis(100)).await.unwrap();
            let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
            values.extend(records.records().map(|r| text(r.value_str().unwrap())));
        }
    })
    .await;
    values
}
