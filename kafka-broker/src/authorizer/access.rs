//! What the client of a request may do.

use std::sync::Arc;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use super::{Authorization, Operation, Resource, ResourceType, Subject};
use crate::node::{Call, Client};
use crate::topics::Topic;

impl Call<'_> {
    fn authorization(&self) -> Option<&Authorization> {
        self.cluster().authorization.as_ref()
    }

    /// Whether the client may do this to that.
    pub(crate) fn allows(&self, operation: Operation, resource: Resource<'_>) -> bool {
        self.authorization().is_none_or(|authorization| {
            let subject = subject(self.client);
            let is_allowed = authorization.allows(subject, operation, resource);
            if !is_allowed {
                let principal = &self.client.principal;
                tracing::debug!(%principal, ?operation, ?resource, "denied");
            }
            is_allowed
        })
    }

    /// Whether the client may do this to that.
    ///
    /// # Errors
    /// What Kafka says where it may not.
    pub(crate) fn check(
        &self,
        operation: Operation,
        resource: Resource<'_>,
    ) -> Result<(), ErrorCode> {
        if self.allows(operation, resource) {
            return Ok(());
        }
        Err(match resource.resource_type {
            ResourceType::Topic => ErrorCode::TopicAuthorizationFailed,
            ResourceType::Group => ErrorCode::GroupAuthorizationFailed,
            ResourceType::Cluster => ErrorCode::ClusterAuthorizationFailed,
            ResourceType::TransactionalId => ErrorCode::TransactionalIdAuthorizationFailed,
            ResourceType::DelegationToken | ResourceType::User => {
                ErrorCode::DelegationTokenAuthorizationFailed
            }
        })
    }

    /// The topic of a name, if the client may do this to it. If it may not, it is not told whether there is one.
    pub(crate) fn topic(&self, operation: Operation, name: &str) -> Result<Arc<Topic>, ErrorCode> {
        self.topic_named(operation, false, name, Uuid::ZERO)
    }

    /// The same, by id in the versions of a request that have ids, and by name before.
    pub(crate) fn topic_named(
        &self,
        operation: Operation,
        by_id: bool,
        name: &str,
        id: Uuid,
    ) -> Result<Arc<Topic>, ErrorCode> {
        let topics = &self.cluster().topics;
        if !by_id {
            self.check(operation, Resource::topic(name))?;
            return topics.named(by_id, name, id);
        }
        let topic = topics.named(by_id, name, id)?;
        self.check(operation, Resource::topic(&topic.name))?;
        Ok(topic)
    }

    /// Whether the client may be a member of a group, and this broker is the one to ask.
    pub(crate) fn check_member_of(&self, group_id: &str) -> Result<(), ErrorCode> {
        self.check(Operation::Read, Resource::group(group_id))?;
        if group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        self.check_coordinator(group_id)
    }

    /// Whether the client may be a member of a group, and know of what it subscribes to by name.
    pub(crate) fn check_joining<'a>(
        &self,
        group_id: &str,
        topics: impl IntoIterator<Item = &'a ByteString>,
    ) -> Result<(), ErrorCode> {
        self.check(Operation::Read, Resource::group(group_id))?;
        let mut topics = topics.into_iter().map(|name| Resource::topic(name));
        topics.try_for_each(|topic| self.check(Operation::Describe, topic))
    }

    /// Whether there may be a resource of this type that the client may do this to.
    pub(crate) fn allows_any(&self, operation: Operation, resource_type: ResourceType) -> bool {
        self.authorization().is_none_or(|authorization| {
            authorization.allows_any(subject(self.client), operation, resource_type)
        })
    }

    /// What the client may do, as bits by the number of the operation (KIP-430).
    pub(crate) fn authorized_operations(&self, resource: Resource<'_>) -> i32 {
        let operations = resource.resource_type.operations().iter();
        operations
            .filter(|operation| self.allows(**operation, resource))
            .fold(0, |bits, operation| bits | 1 << *operation as i8)
    }
}

fn subject(client: &Client) -> Subject<'_> {
    Subject {
        principal: &client.principal,
        host: client.host.trim_start_matches('/'),
    }
}
