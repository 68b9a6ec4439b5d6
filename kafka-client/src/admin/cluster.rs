//! The cluster: its id, its controller and its brokers.

use kafka_proto::messages::DescribeClusterRequest;

use super::{Admin, BrokerInfo};
use crate::cluster::{Lane, Node};
use crate::error::{Error, Result, check_told};

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id; `None` before Kafka 0.10.1.
    pub cluster_id: Option<String>,
    /// The broker to send changes to, if there is one at the moment. With KRaft that is any of them: it passes them on.
    pub controller: Option<i32>,
    /// The brokers that take part, by id.
    pub brokers: Vec<BrokerInfo>,
    /// The ids of brokers that are registered and do not take part (KIP-1073); brokers before Kafka 4.0 do not tell.
    pub fenced_brokers: Vec<i32>,
}

impl Admin {
    /// Describes the cluster (KIP-700, `Admin.describeCluster`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let answered = self
            .retry("describing the cluster", || async move {
                let make = |version| DescribeClusterRequest {
                    include_fenced_brokers: version >= 2,
                    ..Default::default()
                };
                let (answer, _) = self.cluster.send(Node::Any, Lane::Main, make).await?;
                let message = answer.error_message.as_deref();
                check_told(answer.error_code, message, || "the cluster".to_owned())?;
                Ok(answer)
            })
            .await;
        let answer = match answered {
            // Before Kafka 2.8 it was only told with the metadata.
            Err(Error::UnsupportedVersion { .. }) => return self.cluster_of_metadata().await,
            answered => answered?,
        };
        let (fenced, active): (Vec<_>, Vec<_>) = answer
            .brokers
            .into_iter()
            .partition(|broker| broker.is_fenced);
        let brokers = active.into_iter().map(|broker| {
            let rack = broker.rack.as_deref();
            BrokerInfo::named(broker.broker_id, &broker.host, broker.port, rack)
        });
        let mut brokers: Vec<BrokerInfo> = brokers.collect();
        brokers.sort_by_key(|broker| broker.id);
        let mut fenced_brokers: Vec<i32> = fenced.iter().map(|broker| broker.broker_id).collect();
        fenced_brokers.sort_unstable();
        Ok(ClusterDescription {
            cluster_id: Some(answer.cluster_id.to_string()),
            controller: Some(answer.controller_id).filter(|id| *id >= 0),
            brokers,
            fenced_brokers,
        })
    }

    async fn cluster_of_metadata(&self) -> Result<ClusterDescription> {
        let brokers = self.brokers().await?;
        let metadata = self.cluster.metadata();
        Ok(ClusterDescription {
            cluster_id: metadata.cluster_id.clone(),
            controller: metadata.controller,
            brokers,
            fenced_brokers: Vec::new(),
        })
    }
}
