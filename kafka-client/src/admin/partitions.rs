//! Partitions: topics get more of them.

use std::collections::HashMap;

use kafka_proto::messages::CreatePartitionsRequest;
use kafka_proto::messages::create_partitions::{CreatePartitionsAssignment, CreatePartitionsTopic};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::error::{Result, check_told};

/// How many partitions a topic is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartitions {
    total: i32,
    assignments: Option<Vec<Vec<i32>>>,
}

impl NewPartitions {
    /// So many in all, those that there are included.
    pub fn increase_to(total: i32) -> Self {
        Self {
            total,
            assignments: None,
        }
    }

    /// The brokers that keep each of the new partitions, the preferred leader first. Without it the cluster chooses.
    #[must_use]
    pub fn assignments(self, assignments: Vec<Vec<i32>>) -> Self {
        Self {
            assignments: Some(assignments),
            ..self
        }
    }
}

impl Admin {
    /// Gives topics more partitions; for each its name and whether it grew (KIP-195, `Admin.createPartitions`). Keys go to
    /// other partitions afterwards. Cancel-safe, except that they may grow all the same.
    ///
    /// ```no_run
    /// # use kafka_client::admin::{Admin, NewPartitions};
    /// # async fn example(admin: Admin) -> kafka_client::Result<()> {
    /// for (topic, grown) in admin.create_partitions([("orders", NewPartitions::increase_to(8))]).await? {
    ///     println!("{topic}: {grown:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single topic is told with the topic.
    pub async fn create_partitions<T: Into<String>>(
        &self,
        topics: impl IntoIterator<Item = (T, NewPartitions)>,
    ) -> Result<Vec<(String, Result<()>)>> {
        let topics = named(topics);
        self.grow("creating partitions", topics, false).await
    }

    /// Says whether topics could get more partitions, and changes nothing. Cancel-safe.
    ///
    /// # Errors
    /// As [`create_partitions`](Self::create_partitions).
    pub async fn validate_create_partitions<T: Into<String>>(
        &self,
        topics: impl IntoIterator<Item = (T, NewPartitions)>,
    ) -> Result<Vec<(String, Result<()>)>> {
        let topics = named(topics);
        self.grow("validating partitions", topics, true).await
    }

    async fn grow(
        &self,
        what: &str,
        topics: HashMap<String, NewPartitions>,
        validate_only: bool,
    ) -> Result<Vec<(String, Result<()>)>> {
        let timeout_ms = self.timeout_ms();
        self.each(
            Operation::new(what),
            topics.keys().cloned(),
            |_| To::Controller,
            |_, names| CreatePartitionsRequest {
                topics: names
                    .iter()
                    .map(|name| wanted(name, &topics[name]))
                    .collect(),
                timeout_ms,
                validate_only,
                ..Default::default()
            },
            |answer, _| {
                let each = answer.results.into_iter().map(|topic| {
                    let what = || format!("topic \"{}\"", topic.name);
                    let grown = check_told(topic.error_code, topic.error_message.as_deref(), what);
                    (topic.name.to_string(), grown)
                });
                Ok(each.collect())
            },
        )
        .await
    }
}

fn named<T: Into<String>>(
    topics: impl IntoIterator<Item = (T, NewPartitions)>,
) -> HashMap<String, NewPartitions> {
    let named = |(name, new): (T, NewPartitions)| (name.into(), new);
    topics.into_iter().map(named).collect()
}

fn wanted(name: &str, new: &NewPartitions) -> CreatePartitionsTopic {
    let assignment = |brokers: &Vec<i32>| CreatePartitionsAssignment {
        broker_ids: brokers.clone(),
        ..Default::default()
    };
    CreatePartitionsTopic {
        name: name.into(),
        count: new.total,
        assignments: new
            .assignments
            .as_ref()
            .map(|all| all.iter().map(assignment).collect()),
        ..Default::default()
    }
}
