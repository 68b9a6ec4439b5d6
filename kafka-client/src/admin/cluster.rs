//! The cluster: its id, its controller and its brokers.

use kafka_proto::messages::{
    DescribeClusterRequest, DescribeClusterResponse, UnregisterBrokerRequest,
    UnregisterBrokerResponse,
};

use super::asking::Operation;
use super::fan_out::To;
use super::{AclOperation, Admin, BrokerInfo};
use crate::error::{Error, Result, check_told};

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id; `None` before Kafka 0.10.1.
    pub cluster_id: Option<String>,
    /// The broker to send changes to, if there is one at the moment. With KRaft that is any of them: it passes them on. To an
    /// admin client that speaks to controllers (`bootstrap.controllers`) it is the one that is active.
    pub controller: Option<i32>,
    /// The brokers that take part, by id; the controllers, to an admin client that speaks to controllers.
    pub brokers: Vec<BrokerInfo>,
    /// The ids of brokers that are registered and do not take part (KIP-1073); brokers before Kafka 4.0 do not tell.
    pub fenced_brokers: Vec<i32>,
    /// What we may do with the cluster, if that was [asked for](Admin::with_authorized_operations).
    pub authorized_operations: Option<Vec<AclOperation>>,
}

impl Admin {
    /// Describes the cluster (KIP-700, `Admin.describeCluster`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let include_operations = self.options.asks_for_operations;
        let endpoint_type = self.cluster.endpoint_type();
        let make = |version| DescribeClusterRequest {
            include_cluster_authorized_operations: include_operations,
            // Controllers have no use for it, and refuse it.
            include_fenced_brokers: version >= 2 && endpoint_type == 1,
            endpoint_type,
            ..Default::default()
        };
        let read = |answer: DescribeClusterResponse| {
            let message = answer.error_message.as_deref();
            check_told(answer.error_code, message, || "the cluster".to_owned())?;
            Ok(answer)
        };
        let describing = Operation::new("describing the cluster");
        let answer = match self.ask(describing, To::Any, make, read).await {
            // Before Kafka 2.8 it was only told with the metadata.
            Err(Error::UnsupportedVersion { .. }) if !include_operations => {
                return self.cluster_of_metadata().await;
            }
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
        let operations = AclOperation::from_bits(answer.cluster_authorized_operations);
        Ok(ClusterDescription {
            cluster_id: Some(answer.cluster_id.to_string()),
            controller: Some(answer.controller_id).filter(|id| *id >= 0),
            brokers,
            fenced_brokers,
            authorized_operations: operations.filter(|_| include_operations),
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
            authorized_operations: None,
        })
    }

    /// Removes the registration of a broker that is gone and will not come back (KIP-631, `Admin.unregisterBroker`). One that
    /// runs registers anew when it is started again. Cancel-safe, except that it may be removed all the same.
    ///
    /// # Errors
    /// `BROKER_ID_NOT_REGISTERED` when there is no such broker; `UNSUPPORTED_VERSION` on a cluster with ZooKeeper.
    pub async fn unregister_broker(&self, broker: i32) -> Result<()> {
        let make = |_| UnregisterBrokerRequest {
            broker_id: broker,
            ..Default::default()
        };
        let read = |answer: UnregisterBrokerResponse| {
            let what = || format!("registration of broker {broker}");
            check_told(answer.error_code, answer.error_message.as_deref(), what)
        };
        let removing = Operation::new("unregistering a broker");
        self.ask(removing, To::Any, make, read).await
    }
}
