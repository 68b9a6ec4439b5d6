//! Who may do what: access control lists, as Kafka's `StandardAuthorizer` reads them.

mod access;
mod acl;
mod acls;
mod operation;
mod resource;

use std::collections::BTreeSet;

pub(crate) use acl::{Acl, AclFilter, Permission};
pub(crate) use acls::Acls;
pub(crate) use operation::Operation;
pub(crate) use resource::{CLUSTER, PatternType, Resource, ResourcePattern, ResourceType};

use crate::security::Principal;

/// How access is controlled, as Kafka's `StandardAuthorizer` has it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use kafka_broker::{Authorizer, Broker};
///
/// let authorizer = Authorizer::new().super_user("User:admin");
/// let broker = Broker::builder().authorizer(authorizer).start().await?;
/// # broker.shutdown().await;
/// # Ok::<(), kafka_broker::BrokerError>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authorizer {
    super_users: BTreeSet<String>,
    allow_everyone_if_no_acl_found: bool,
}

impl Authorizer {
    /// Nobody may do anything but what an ACL allows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody who may do everything (`super.users`): `User:admin`. Who does not log in is `User:ANONYMOUS`.
    #[must_use]
    pub fn super_user(mut self, principal: impl Into<String>) -> Self {
        self.super_users.insert(principal.into());
        self
    }

    /// Whether all may do everything to what no ACL names (`allow.everyone.if.no.acl.found`, false).
    #[must_use]
    pub fn allow_everyone_if_no_acl_found(mut self, allow: bool) -> Self {
        self.allow_everyone_if_no_acl_found = allow;
        self
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) principal: &'a Principal,
    /// The address, without a port.
    pub(crate) host: &'a str,
}

/// The authorizer at work, with the ACLs that there are.
#[derive(Debug)]
pub(crate) struct Authorization {
    settings: Authorizer,
    pub(crate) acls: Acls,
}

impl Authorization {
    pub(crate) fn new(settings: Authorizer) -> Self {
        Self {
            settings,
            acls: Acls::default(),
        }
    }

    fn is_super_user(&self, principal: &Principal) -> bool {
        let users = &self.settings.super_users;
        !users.is_empty() && users.contains(&principal.to_string())
    }

    /// Whether somebody may do this to that: what is denied is not allowed, and what no ACL allows is not, either.
    pub(crate) fn allows(
        &self,
        subject: Subject<'_>,
        operation: Operation,
        resource: Resource<'_>,
    ) -> bool {
        if self.is_super_user(subject.principal) {
            return true;
        }
        let (mut is_named, mut is_allowed) = (false, false);
        let denied = self.acls.any_of(resource, |acl| {
            is_named = true;
            if !acl.is_about(subject) {
                return false;
            }
            match acl.permission {
                Permission::Deny => acl.operation.includes(operation),
                Permission::Allow => {
                    is_allowed |= acl.operation.implies(operation);
                    false
                }
            }
        });
        if is_named {
            is_allowed && !denied
        } else {
            self.settings.allow_everyone_if_no_acl_found
        }
    }

    /// Whether there may be a resource of this type that somebody may do this to.
    pub(crate) fn allows_any(
        &self,
        subject: Subject<'_>,
        operation: Operation,
        resource_type: ResourceType,
    ) -> bool {
        // Of this name there is nothing: it stands for one that no ACL names.
        let unnamed = Resource::new(resource_type, "hardcode");
        if self.allows(subject, operation, unnamed) {
            return true;
        }
        let (mut allowed, mut denied) = (Vec::new(), BTreeSet::new());
        for (pattern, acl) in self.acls.all() {
            let is_meant = pattern.resource_type == resource_type
                && acl.is_about(subject)
                && acl.operation.includes(operation);
            if !is_meant {
                continue;
            }
            match acl.permission {
                Permission::Allow => allowed.push(pattern),
                Permission::Deny if pattern.is_wildcard() => return false,
                Permission::Deny => {
                    denied.insert(pattern);
                }
            }
        }
        let is_denied = |pattern: &ResourcePattern| {
            let covers = |denied: &ResourcePattern| match denied.pattern_type {
                PatternType::Literal => denied == pattern,
                PatternType::Prefixed => pattern.name.starts_with(&*denied.name),
            };
            denied.iter().any(covers)
        };
        allowed
            .iter()
            .any(|pattern| pattern.is_wildcard() || !is_denied(pattern))
    }
}

#[cfg(test)]
mod tests;
