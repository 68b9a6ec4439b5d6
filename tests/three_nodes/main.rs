//! Three Kafka nodes of a test's own, which fail in every way while clients are at work.

mod replicas;
mod rolling_kill;
mod topics;

use std::time::Duration;

use kafka_client::Error;
use kafka_client::admin::{Admin, NewTopic, TopicDescription};
use tokio::sync::Mutex;

/// No wait of a test is longer, however many nodes come and go meanwhile.
const LIMIT: Duration = Duration::from_secs(180);
/// Longer than a broker may be silent before its partitions get other leaders.
const DOWN: Duration = Duration::from_millis(5500);

/// Two clusters would not leave each other the time to restart.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn admin(servers: &str) -> Admin {
    let admin = Admin::builder().bootstrap_servers(servers).build();
    within("an admin client", admin).await.unwrap()
}

async fn create(admin: &Admin, topic: &str, partitions: i32) {
    let new = NewTopic::new(topic).partitions(partitions);
    let created = admin.create_topics([new.replication_factor(3)]);
    for (name, result) in within("a topic", created).await.unwrap() {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Who leads partition 0 of a topic.
async fn leader(admin: &Admin, topic: &str) -> i32 {
    within("a leader", async {
        loop {
            if let Ok(mut described) = admin.describe_topics([topic]).await
                && let (_, Ok(topic)) = described.remove(0)
                && let Some(leader) = topic.partitions[0].leader
            {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

/// Waits until each replica of these topics is in sync: one node more may fail then.
async fn in_sync(admin: &Admin, topics: &[String]) {
    within("all replicas in sync", async {
        loop {
            let described = admin.describe_topics(topics).await.unwrap_or_default();
            let is_whole = |topic: &(String, Result<TopicDescription, Error>)| {
                topic.1.as_ref().is_ok_and(|topic| {
                    let mut partitions = topic.partitions.iter();
                    partitions.all(|partition| partition.isr.len() == partition.replicas.len())
                })
            };
            if described.len() == topics.len() && described.iter().all(is_whole) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}
