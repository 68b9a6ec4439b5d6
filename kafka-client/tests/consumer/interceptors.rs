//! Interceptors see what is handed out and what is committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kafka_client::TopicPartition;
use kafka_client::consumer::{ConsumerInterceptor, OffsetAndMetadata, PartitionBatch};

use crate::fixture::*;

#[derive(Default)]
struct Told {
    consumed: usize,
    committed: Vec<i64>,
}

struct Watches(Arc<Mutex<Told>>);

impl ConsumerInterceptor for Watches {
    fn on_consume(&self, batch: &PartitionBatch) {
        self.0.lock().unwrap().consumed += batch.len();
    }

    fn on_commit(&self, offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>) {
        let offsets = offsets.values().map(|committed| committed.offset);
        self.0.lock().unwrap().committed.extend(offsets);
    }
}

struct Panics;

impl ConsumerInterceptor for Panics {
    fn on_consume(&self, _: &PartitionBatch) {
        panic!("on purpose");
    }

    fn on_commit(&self, _: &BTreeMap<TopicPartition, OffsetAndMetadata>) {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn interceptors_see_every_batch_and_every_commit_and_lose_nothing_when_they_panic() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 100).await;
    let told = Arc::new(Mutex::new(Told::default()));
    let builder = fixture.member().enable_auto_commit(false);
    let builder = builder
        .interceptor(Panics)
        .interceptor(Watches(told.clone()));
    let consumer = within("a consumer", builder.build()).await.unwrap();
    consumer.assign([partition(0)]).unwrap();
    let seen = poll_until(&consumer, "all records", |seen| seen.len() >= 100).await;
    assert_whole(&seen, 1, 100);
    assert_eq!(told.lock().unwrap().consumed, 100);
    within("the commit", consumer.commit_sync()).await.unwrap();
    let one = [(partition(0), OffsetAndMetadata::new(7))];
    within("the commit", consumer.commit_offsets(one))
        .await
        .unwrap();
    assert_eq!(told.lock().unwrap().committed, [100, 7]);
    let found = within("committed", consumer.committed(&[partition(0)]))
        .await
        .unwrap();
    assert_eq!(found[&partition(0)], Some(OffsetAndMetadata::new(7)));
}
