//! A day of clicks, as they arrive.

use std::time::Duration;

use kafka_client::producer::{Producer, Record};
use serde::{Deserialize, Serialize};
use stream_engine::Time;

/// What a user did, and when. Written as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Click {
    /// Who; `None` says that the day is over.
    pub user: Option<String>,
    /// When, in milliseconds: the event time, whenever the record arrives.
    pub at: u64,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// The clicks of so many users, in the order in which they arrive: most within a minute, some later, a few after hours.
pub fn day(users: u64) -> Vec<Click> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut arriving = Vec::new();
    for user in 1..=users {
        let mut at = 8 * HOUR;
        while at < 18 * HOUR {
            at += random.u64(20..150) * MINUTE;
            for _ in 0..random.u64(2..12) {
                at += random.u64(2_000..10 * MINUTE);
                let delay = match random.u64(0..100) {
                    0..90 => random.u64(0..MINUTE),
                    90..95 => random.u64(10 * MINUTE..40 * MINUTE),
                    _ => 4 * HOUR,
                };
                let user = Some(format!("user-{user}"));
                arriving.push((at + delay, Click { user, at }));
            }
        }
    }
    arriving.sort_by_key(|(arrival, _)| *arrival);
    arriving.into_iter().map(|(_, click)| click).collect()
}

/// The time of day, to be read.
pub fn time_of_day(time: Time) -> String {
    let seconds = time.as_millis() / 1000;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// Writes clicks to a topic, by user; then to each of its partitions that the day is over. Only records tell how late it is,
/// and a session ends when it is later than its end.
///
/// # Errors
/// When not all of them were written.
pub async fn write(
    servers: &str,
    topic: &str,
    clicks: &[Click],
) -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    for click in clicks {
        let user = click.user.as_deref().unwrap_or_default();
        let json = serde_json::to_vec(click)?;
        drop(
            producer
                .send(Record::to(topic).key(user).value(&json))
                .await?,
        );
    }
    let over = serde_json::to_vec(&Click {
        user: None,
        at: 48 * HOUR,
    })?;
    for partition in 0..producer.partition_count(topic).await? {
        let record = Record::to(topic)
            .partition(i32::try_from(partition)?)
            .value(&over);
        drop(producer.send(record).await?);
    }
    producer.flush().await?;
    producer.close(Duration::from_secs(10)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_arrive_out_of_order_and_a_few_after_hours() {
        let clicks = day(5);
        assert_eq!(clicks, day(5), "the same each time");
        let (mut latest, mut behind) = (0, Vec::new());
        for click in &clicks {
            latest = latest.max(click.at);
            behind.push(latest - click.at);
        }
        let (minutes, hours) = (10 * MINUTE..HOUR, 3 * HOUR..5 * HOUR);
        let count = |range: std::ops::Range<u64>| {
            behind
                .iter()
                .filter(|behind| range.contains(behind))
                .count()
        };
        assert!(count(minutes) > 0, "{behind:?}");
        assert!(count(hours) > 0, "{behind:?}");
    }
}
