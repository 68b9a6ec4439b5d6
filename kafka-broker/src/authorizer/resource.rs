use bytestring::ByteString;

use super::Operation;

/// The one resource of type CLUSTER.
pub(crate) const CLUSTER: &str = "kafka-cluster";

/// What there is to be protected; the numbers are those of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub(crate) enum ResourceType {
    Topic = 2,
    Group = 3,
    Cluster = 4,
    TransactionalId = 5,
    DelegationToken = 6,
    User = 7,
}

impl ResourceType {
    const ALL: [Self; 6] = [
        Self::Topic,
        Self::Group,
        Self::Cluster,
        Self::TransactionalId,
        Self::DelegationToken,
        Self::User,
    ];

    /// The one of a number.
    pub(crate) fn numbered(number: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as i8 == number)
    }

    /// What may be done to one.
    pub(crate) fn operations(self) -> &'static [Operation] {
        use Operation::*;
        match self {
            Self::Topic => &[
                Read,
                Write,
                Create,
                Describe,
                Delete,
                Alter,
                DescribeConfigs,
                AlterConfigs,
            ],
            Self::Group => &[Read, Describe, Delete, DescribeConfigs, AlterConfigs],
            Self::Cluster => &[
                Create,
                ClusterAction,
                DescribeConfigs,
                AlterConfigs,
                IdempotentWrite,
                Alter,
                Describe,
            ],
            Self::TransactionalId => &[Describe, Write, TwoPhaseCommit],
            Self::DelegationToken => &[Describe],
            Self::User => &[CreateTokens, DescribeTokens],
        }
    }
}

/// Something that is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource<'a> {
    pub(crate) resource_type: ResourceType,
    pub(crate) name: &'a str,
}

impl<'a> Resource<'a> {
    /// Of the cluster there is one.
    pub(crate) const CLUSTER: Resource<'static> = Resource {
        resource_type: ResourceType::Cluster,
        name: CLUSTER,
    };

    pub(crate) fn new(resource_type: ResourceType, name: &'a str) -> Self {
        Self {
            resource_type,
            name,
        }
    }

    pub(crate) fn topic(name: &'a str) -> Self {
        Self::new(ResourceType::Topic, name)
    }

    pub(crate) fn group(id: &'a str) -> Self {
        Self::new(ResourceType::Group, id)
    }

    pub(crate) fn transactional_id(id: &'a str) -> Self {
        Self::new(ResourceType::TransactionalId, id)
    }
}

/// How a pattern's name is meant; the numbers are those of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub(crate) enum PatternType {
    Literal = 3,
    Prefixed = 4,
}

impl PatternType {
    /// The one of a number.
    pub(crate) fn numbered(number: i8) -> Option<Self> {
        let all = [Self::Literal, Self::Prefixed];
        all.into_iter().find(|known| *known as i8 == number)
    }
}

/// What an ACL is for: one resource, all whose names begin so, or all of a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResourcePattern {
    pub(crate) resource_type: ResourceType,
    pub(crate) pattern_type: PatternType,
    pub(crate) name: ByteString,
}

impl ResourcePattern {
    /// The name of a literal pattern that is for all of a type.
    pub(crate) const WILDCARD: &'static str = "*";

    pub(crate) fn is_wildcard(&self) -> bool {
        self.pattern_type == PatternType::Literal && *self.name == *Self::WILDCARD
    }

    /// Whether it is for a resource of this name (and of its type).
    pub(crate) fn is_for(&self, name: &str) -> bool {
        match self.pattern_type {
            PatternType::Literal => *self.name == *name || self.is_wildcard(),
            PatternType::Prefixed => name.starts_with(&*self.name),
        }
    }
}
