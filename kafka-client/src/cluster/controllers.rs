//! The controllers instead of the brokers: they serve some requests of admins, even while no broker runs (KIP-919).

use std::sync::Arc;

use kafka_proto::messages::metadata::MetadataResponseBroker;
use kafka_proto::messages::{DescribeClusterRequest, MetadataResponse};

use super::Cluster;
use crate::error::{Result, check_told};
use crate::net::Connection;

/// What DescribeCluster calls brokers.
const BROKERS: i8 = 1;
/// What it calls controllers.
const CONTROLLERS: i8 = 2;
/// From this version on it tells them apart.
const FIRST_VERSION_WITH_CONTROLLERS: i16 = 1;

impl Cluster {
    /// Whom the client speaks to, as DescribeCluster has it.
    pub(crate) fn endpoint_type(&self) -> i8 {
        if self.config().bootstrap_controllers.is_empty() {
            BROKERS
        } else {
            CONTROLLERS
        }
    }

    /// Asks a controller who the controllers are, and puts it as a broker would have put it of brokers.
    pub(super) async fn ask_controller(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<MetadataResponse> {
        let first = FIRST_VERSION_WITH_CONTROLLERS;
        let version = connection.version_within::<DescribeClusterRequest>(first, i16::MAX)?;
        let request = DescribeClusterRequest {
            endpoint_type: CONTROLLERS,
            ..Default::default()
        };
        let limit = self.config().request_timeout;
        let answer = connection.send(&request, version, limit).await?;
        let message = answer.error_message.as_deref();
        check_told(answer.error_code, message, || "its controllers".to_owned())?;
        let brokers = answer
            .brokers
            .into_iter()
            .map(|controller| MetadataResponseBroker {
                node_id: controller.broker_id,
                host: controller.host,
                port: controller.port,
                rack: controller.rack,
                ..Default::default()
            });
        Ok(MetadataResponse {
            brokers: brokers.collect(),
            cluster_id: Some(answer.cluster_id),
            controller_id: answer.controller_id,
            ..Default::default()
        })
    }
}
