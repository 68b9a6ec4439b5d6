//! Who looks after a group or a transaction.

use std::collections::HashMap;
use std::sync::PoisonError;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FindCoordinatorRequest;

use super::{Cluster, Lane, Metadata, Node};
use crate::error::{Error, Result, check, check_told};
use crate::events::Event;
use crate::join::join_all;

/// From this version on a request has several keys (KIP-699).
const FIRST_VERSION_WITH_KEYS: i16 = 4;

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
        if let Some(known) = self.known_coordinator(kind, key) {
            return Ok(known);
        }
        let mut found = self.coordinators(kind, [key.to_owned()]).await;
        found
            .remove(key)
            .unwrap_or_else(|| Err(unavailable(kind, key)))
    }

    /// The brokers that coordinate these, all of which are asked for at the same time: by one request where brokers take
    /// several keys (KIP-699, Kafka 3.0), else by one for each. Each is asked for once, until it is forgotten.
    pub(crate) async fn coordinators(
        &self,
        kind: CoordinatorKind,
        keys: impl IntoIterator<Item = String>,
    ) -> HashMap<String, Result<i32>> {
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for key in keys {
            match self.known_coordinator(kind, &key) {
                Some(id) => {
                    found.insert(key, Ok(id));
                }
                None => unknown.push(key),
            }
        }
        if unknown.is_empty() {
            return found;
        }
        match self.find_coordinators(kind, &unknown).await {
            Ok(named) => found.extend(named),
            Err(error) => {
                found.extend(unknown.into_iter().map(|key| (key, Err(error.clone()))));
                return found;
            }
        }
        let is_listed = |metadata: &Metadata, id: &i32| metadata.brokers.contains_key(id);
        let mut metadata = self.metadata();
        if found.values().flatten().any(|id| !is_listed(&metadata, id)) {
            // A broker that joined after the cluster was last looked at.
            match self.refresh(metadata.version).await {
                Ok(latest) => metadata = latest,
                Err(error) => {
                    for named in found.values_mut().filter(|named| named.is_ok()) {
                        *named = Err(error.clone());
                    }
                }
            }
        }
        for (key, named) in &mut found {
            match named {
                Ok(id) if is_listed(&metadata, id) => self.remember_coordinator(kind, key, *id),
                Ok(_) => *named = Err(unavailable(kind, key)),
                Err(_) => {}
            }
        }
        found
    }

    /// The broker that was named last, unless it has turned out not to be the coordinator.
    pub(crate) fn known_coordinator(&self, kind: CoordinatorKind, key: &str) -> Option<i32> {
        let coordinators = self.0.coordinators.lock();
        let coordinators = coordinators.unwrap_or_else(PoisonError::into_inner);
        let known = coordinators.get(&(kind, key.to_owned()));
        known.filter(|known| known.is_current).map(|known| known.id)
    }

    fn remember_coordinator(&self, kind: CoordinatorKind, key: &str, id: i32) {
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
    }

    /// Asks any broker.
    async fn find_coordinators(
        &self,
        kind: CoordinatorKind,
        keys: &[String],
    ) -> Result<HashMap<String, Result<i32>>> {
        let connection = self.connection(Node::Any, Lane::Main).await?;
        let version = connection.version_of::<FindCoordinatorRequest>(i16::MAX)?;
        let limit = self.config().request_timeout;
        if version < FIRST_VERSION_WITH_KEYS {
            let asking = keys.iter().map(|key| {
                let request = FindCoordinatorRequest {
                    key_type: kind.key_type(),
                    key: key.as_str().into(),
                    ..Default::default()
                };
                let connection = &connection;
                async move {
                    let named = connection.send(&request, version, limit).await;
                    let named = named.and_then(|answer| {
                        check(answer.error_code, || kind.describe(key))?;
                        Ok(answer.node_id)
                    });
                    (key.clone(), named)
                }
            });
            return Ok(join_all(asking).await.into_iter().collect());
        }
        let request = FindCoordinatorRequest {
            key_type: kind.key_type(),
            coordinator_keys: keys.iter().map(|key| key.as_str().into()).collect(),
            ..Default::default()
        };
        let answer = connection.send(&request, version, limit).await?;
        let mut named: HashMap<String, Result<i32>> = answer
            .coordinators
            .into_iter()
            .map(|named| {
                let what = || kind.describe(&named.key);
                let message = named.error_message.as_deref();
                let found = check_told(named.error_code, message, what).map(|()| named.node_id);
                (named.key.to_string(), found)
            })
            .collect();
        let each = keys.iter().map(|key| {
            let found = named.remove(key);
            let found = found.unwrap_or_else(|| Err(unavailable(kind, key)));
            (key.clone(), found)
        });
        Ok(each.collect())
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

fn unavailable(kind: CoordinatorKind, key: &str) -> Error {
    Error::broker(ErrorCode::CoordinatorNotAvailable, kind.describe(key))
}
