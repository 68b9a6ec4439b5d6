//! Topics, groups with their settings, members, and the broker's own book.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_client::admin::{Admin, AlterConfig, ConfigResource, NewTopic};
use kafka_client::producer::{Producer, Record};
use kafka_client::share::{AcknowledgementMode, ShareConsumer, ShareConsumerBuilder, ShareRecords};
use kafka_client::{Error, ErrorCode};
use kafka_proto::messages::DescribeShareGroupOffsetsRequest;
use kafka_proto::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
};
use tests::kafka::unique;
use tests::wire::Wire;

/// A member that crashed may be missed only when its session ends.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// What a poll waits where nothing is to come.
pub(crate) const QUIET: Duration = Duration::from_millis(800);

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Gives a group, by its name, a setting: name and value.
type SetOfGroup = Arc<dyn Fn(&str, &str, &str) -> Result<(), Error> + Send + Sync>;

/// The brokers that a promise is about.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) bootstrap: String,
    /// How a group gets a setting, where that is not by [`Admin`].
    pub(crate) set_of_group: Option<SetOfGroup>,
}

/// A topic, a share group that reads it from the beginning, and where they are.
#[derive(Clone)]
pub(crate) struct Queue {
    site: Site,
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) partitions: i32,
}

impl Queue {
    pub(crate) async fn new(site: &Site, partitions: i32) -> Self {
        Self::replicated(site, partitions, 1).await
    }

    pub(crate) async fn replicated(site: &Site, partitions: i32, replicas: i16) -> Self {
        let queue = Self {
            site: site.clone(),
            bootstrap: site.bootstrap.clone(),
            topic: unique("jobs"),
            group: unique("workers"),
            partitions,
        };
        let topic = NewTopic::new(&queue.topic)
            .partitions(partitions)
            .replication_factor(replicas);
        let admin = queue.admin().await;
        let created = within("a topic", admin.create_topics([topic])).await;
        for (name, result) in created.unwrap() {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        queue
            .set("share.auto.offset.reset", "earliest")
            .await
            .unwrap();
        queue
    }

    pub(crate) async fn admin(&self) -> Admin {
        let admin = Admin::builder().bootstrap_servers(&self.bootstrap).build();
        within("an admin client", admin).await.unwrap()
    }

    /// Changes a setting of the group.
    pub(crate) async fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        if let Some(set) = &self.site.set_of_group {
            return set(&self.group, name, value);
        }
        let group = ConfigResource::Group(self.group.clone());
        let change = AlterConfig::Set(name.to_owned(), value.to_owned());
        let admin = self.admin().await;
        let altered = admin.incremental_alter_configs([(group, vec![change])]);
        let mut altered = within("a setting of the group", altered).await.unwrap();
        altered.remove(0).1
    }

    /// Has locks end as soon as the brokers allow; says when that is.
    pub(crate) async fn short_locks(&self) -> Duration {
        for millis in [1000, 15_000] {
            let value = millis.to_string();
            match self.set("share.record.lock.duration.ms", &value).await {
                Ok(()) => return Duration::from_millis(millis),
                Err(Error::Broker {
                    code: ErrorCode::InvalidConfig | ErrorCode::InvalidRequest,
                    ..
                }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no lock duration is allowed");
    }

    /// Writes `count` records to each partition: their numbers.
    pub(crate) async fn write(&self, count: i64) {
        let producer = Producer::builder().bootstrap_servers(&self.bootstrap);
        let producer = within("a producer", producer.build()).await.unwrap();
        let mut deliveries = Vec::new();
        for n in 0..count {
            for partition in 0..self.partitions {
                let value = n.to_string();
                let record = Record::to(&self.topic).partition(partition).value(&value);
                deliveries.push(within("sending", producer.send(record)).await.unwrap());
            }
        }
        for delivery in deliveries {
            within("a record is written", delivery).await.unwrap();
        }
        producer.close(LIMIT).await.unwrap();
    }

    pub(crate) fn builder(&self) -> ShareConsumerBuilder {
        ShareConsumer::builder()
            .bootstrap_servers(&self.bootstrap)
            .group_id(&self.group)
    }

    /// A member that is subscribed.
    pub(crate) async fn join(
        &self,
        set: impl FnOnce(ShareConsumerBuilder) -> ShareConsumerBuilder,
    ) -> ShareConsumer {
        let member = within("a share consumer", set(self.builder()).build()).await;
        let member = member.unwrap();
        member.subscribe([&*self.topic]).unwrap();
        member
    }

    pub(crate) async fn implicit(&self) -> ShareConsumer {
        self.join(|builder| builder).await
    }

    pub(crate) async fn explicit(&self) -> ShareConsumer {
        self.join(|builder| builder.acknowledgement_mode(AcknowledgementMode::Explicit))
            .await
    }

    /// How many offsets of each partition the group is not done with, in the broker's own book: neither accepted, nor
    /// rejected, nor given up (KIP-1226). -1 where it has not begun.
    pub(crate) async fn left(&self) -> Vec<i64> {
        let request = DescribeShareGroupOffsetsRequest {
            groups: vec![DescribeShareGroupOffsetsRequestGroup {
                group_id: self.group.as_str().into(),
                topics: Some(vec![DescribeShareGroupOffsetsRequestTopic {
                    topic_name: self.topic.as_str().into(),
                    partitions: (0..self.partitions).collect(),
                    ..Default::default()
                }]),
                ..Default::default()
            }],
            ..Default::default()
        };
        for address in self.bootstrap.split(',') {
            let answer = Wire::connect(address).await.call(&request, 1).await;
            let group = &answer.groups[0];
            if group.error_code != 0 {
                continue;
            }
            let partitions = &group.topics[0].partitions;
            let left: BTreeMap<i32, i64> = partitions
                .iter()
                .map(|partition| (partition.partition_index, partition.lag))
                .collect();
            return left.into_values().collect();
        }
        Vec::new()
    }

    /// Waits until nothing is left to do, in the broker's own book.
    pub(crate) async fn until_all_is_done(&self) {
        let since = Instant::now();
        loop {
            let left = self.left().await;
            if left.len() == self.partitions as usize && left.iter().all(|left| *left == 0) {
                return;
            }
            assert!(
                since.elapsed() < LIMIT,
                "the book says that {left:?} are left"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Polls until there are so many records, accepting or acknowledging nothing in between but what a poll does.
pub(crate) async fn take(member: &ShareConsumer, count: usize) -> ShareRecords {
    within("records", async {
        loop {
            let records = member.poll(Duration::from_secs(1)).await.unwrap();
            if !records.is_empty() {
                assert!(
                    records.len() >= count,
                    "{} of {count} records",
                    records.len()
                );
                return records;
            }
        }
    })
    .await
}

/// Partition, offset and delivery count of records.
pub(crate) fn places(records: &ShareRecords) -> Vec<(i32, i64, i16)> {
    let place = |record: kafka_client::share::ShareRecord<'_>| {
        let partition = record.partition().partition;
        (partition, record.offset(), record.delivery_count())
    };
    let mut places: Vec<_> = records.records().map(place).collect();
    places.sort_unstable();
    places
}

/// Nothing comes for a while.
pub(crate) async fn assert_quiet(member: &ShareConsumer) {
    let records = within("an empty poll", member.poll(QUIET)).await.unwrap();
    assert_eq!(places(&records), []);
}

pub(crate) async fn close(member: &ShareConsumer) {
    member.close(LIMIT).await.unwrap();
}
