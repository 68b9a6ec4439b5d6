//! Who looks after a group or a transaction.

use std::sync::PoisonError;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FindCoordinatorRequest;

use super::{Cluster, Lane, Node};
use crate::error::{Error, Result};
use crate::events::Event;

/// What is coordinated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CoordinatorKind {
    /// A group.
    Group,
    /// The transactions of a transactional id.
    Transaction,
}

/// A coordinator that was named once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coordinator {
    id: i32,
    /// Whether it is still believed.
    is_current: bool,
}

impl CoordinatorKind {
    fn key_type(self) -> i8 {
        match self {
            Self::Group => 0,
            Self::Transaction => 1,
        }
    }

    fn describe(self, key: &str) -> String {
        match self {
            Self::Group => format!("coordinator of group \"{key}\""),
            Self::Transaction => format!("coordinator of transactional id \"{key}\""),
        }
    }
}

impl Cluster {
    /// The broker that coordinates it; asked once, until it is forgotten.
    ///
    /// # Errors
    /// [`Error::Broker`] with what the cluster answered; retriable while there is no coordinator yet.
    pub(crate) async fn coordinator(&self, kind: CoordinatorKind, key: &str) -> Result<i32> {
        let known = self
            .0
            .coordinators
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(kind, key.to_owned()))
            .copied();
        if let Some(known) = known.filter(|known| known.is_current) {
            return Ok(known.id);
        }
        let make = |version| {
            let mut request = FindCoordinatorRequest {
                key_type: kind.key_type(),
                ..Default::default()
            };
            if version >= 4 {
                request.coordinator_keys = vec![key.into()];
            } else {
                request.key = key.into();
            }
            request
        };
        let (answer, version) = self.send(Node::Any, Lane::Main, make).await?;
        let (code, id) = if version < 4 {
            (answer.error_code, answer.node_id)
        } else {
            answer.coordinators.first().map_or(
                (ErrorCode::CoordinatorNotAvailable.into(), -1),
                |coordinator| (coordinator.error_code, coordinator.node_id),
            )
        };
        crate::error::check(code, || kind.describe(key))?;
        if !self.metadata().brokers.contains_key(&id) {
            // A broker that joined after the cluster was last looked at.
            let metadata = self.refresh(self.metadata().version).await?;
            if !metadata.brokers.contains_key(&id) {
                return Err(Error::broker(
                    ErrorCode::CoordinatorNotAvailable,
                    kind.describe(key),
                ));
            }
        }
        let named = Coordinator {
            id,
            is_current: true,
        };
        let former = self
            .0
            .coordinators
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((kind, key.to_owned()), named);
        if let Some(former) = former.filter(|former| former.id != id) {
            self.0.telemetry.events.tell(|| Event::CoordinatorChanged {
                key: key.to_owned(),
                from: former.id,
                to: id,
            });
        }
        Ok(id)
    }

    /// After it answered that it is not the coordinator, or could not be reached.
    pub(crate) fn forget_coordinator(&self, kind: CoordinatorKind, key: &str) {
        let mut coordinators = self
            .0
            .coordinators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = coordinators.get_mut(&(kind, key.to_owned())) {
            known.is_current = false;
        }
    }
}
