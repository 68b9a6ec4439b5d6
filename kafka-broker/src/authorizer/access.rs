//! What the client of a request may do.

use kafka_proto::error_code::ErrorCode;

use super::{Authorization, Operation, Resource, ResourceType, Subject};
use crate::node::{Call, Client};

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
