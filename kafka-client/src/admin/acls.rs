//! ACLs: who may do what.

use kafka_proto::messages::create_acls::AclCreation;
use kafka_proto::messages::delete_acls::{DeleteAclsFilter, DeleteAclsMatchingAcl};
use kafka_proto::messages::{
    CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, DescribeAclsResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::{Item, To};
use crate::error::{Result, check_told};

/// An enum whose variants are numbers on the wire, with one more for those that are not known.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of])* $variant,)*
            /// One that this client does not know, by its number.
            Unknown(i8),
        }

        impl $name {
            fn code(self) -> i8 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Unknown(code) => code,
                }
            }

            /// Kafka's name of it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(_) => "UNKNOWN",
                }
            }
        }

        impl From<i8> for $name {
            fn from(code: i8) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }
        }
    };
}

codes! {
    /// What a rule is about.
    ResourceType {
        /// Everything; in filters only.
        Any = 1 "ANY",
        /// A topic.
        Topic = 2 "TOPIC",
        /// A group.
        Group = 3 "GROUP",
        /// The cluster, whose name is `kafka-cluster`.
        Cluster = 4 "CLUSTER",
        /// A transactional id.
        TransactionalId = 5 "TRANSACTIONAL_ID",
        /// A delegation token.
        DelegationToken = 6 "DELEGATION_TOKEN",
        /// A user, as the owner of delegation tokens (KIP-373).
        User = 7 "USER",
    }
}

codes! {
    /// How a rule's resource name is meant (KIP-290).
    PatternType {
        /// Every rule; in filters only.
        Any = 1 "ANY",
        /// Rules that hold for this name, be it literally, by a prefix or by `*`; in filters only.
        Match = 2 "MATCH",
        /// As it is; `*` is every name.
        Literal = 3 "LITERAL",
        /// Every name that begins so.
        Prefixed = 4 "PREFIXED",
    }
}

codes! {
    /// What somebody does.
    AclOperation {
        /// Everything; in filters only.
        Any = 1 "ANY",
        /// All of them.
        All = 2 "ALL",
        /// Read.
        Read = 3 "READ",
        /// Write.
        Write = 4 "WRITE",
        /// Create.
        Create = 5 "CREATE",
        /// Delete.
        Delete = 6 "DELETE",
        /// Alter.
        Alter = 7 "ALTER",
        /// Describe.
        Describe = 8 "DESCRIBE",
        /// What brokers do among themselves.
        ClusterAction = 9 "CLUSTER_ACTION",
        /// Describe settings.
        DescribeConfigs = 10 "DESCRIBE_CONFIGS",
        /// Alter settings.
        AlterConfigs = 11 "ALTER_CONFIGS",
        /// Write without a transaction, but idempotently.
        IdempotentWrite = 12 "IDEMPOTENT_WRITE",
        /// Create delegation tokens.
        CreateTokens = 13 "CREATE_TOKENS",
        /// Describe delegation tokens.
        DescribeTokens = 14 "DESCRIBE_TOKENS",
        /// Take part in a two-phase commit (KIP-939).
        TwoPhaseCommit = 15 "TWO_PHASE_COMMIT",
    }
}

impl AclOperation {
    /// What may be done, as an answer has it: a bit for each operation, or nothing where it was not asked for.
    pub(super) fn from_bits(bits: i32) -> Option<Vec<Self>> {
        let set = |code: &i8| bits & (1 << code) != 0;
        (bits != i32::MIN).then(|| (0..31).filter(set).map(Self::from).collect())
    }
}

codes! {
    /// Whether it may be done.
    AclPermission {
        /// Either; in filters only.
        Any = 1 "ANY",
        /// It may not: that outweighs every permission.
        Deny = 2 "DENY",
        /// It may.
        Allow = 3 "ALLOW",
    }
}

/// A rule: who may or may not do what to what, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AclBinding {
    /// What kind of thing it is about.
    pub resource_type: ResourceType,
    /// Which one, or which ones.
    pub resource_name: String,
    /// How the name is meant.
    pub pattern_type: PatternType,
    /// Who: `User:alice`, or `User:*` for everybody.
    pub principal: String,
    /// From which address; `*` for all.
    pub host: String,
    /// What is done.
    pub operation: AclOperation,
    /// Whether it may be done.
    pub permission: AclPermission,
}

impl AclBinding {
    /// A rule by which somebody may do something to one topic, group or other thing, from everywhere.
    pub fn allow(
        principal: impl Into<String>,
        operation: AclOperation,
        resource_type: ResourceType,
        resource_name: impl Into<String>,
    ) -> Self {
        Self {
            resource_type,
            resource_name: resource_name.into(),
            pattern_type: PatternType::Literal,
            principal: principal.into(),
            host: "*".to_owned(),
            operation,
            permission: AclPermission::Allow,
        }
    }
}

impl Item for AclBinding {
    fn name(&self) -> String {
        format!(
            "rule {} {} on {} \"{}\" for {} from {}",
            self.permission.name(),
            self.operation.name(),
            self.resource_type.name(),
            self.resource_name,
            self.principal,
            self.host
        )
    }
}

/// Which rules; by default all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AclBindingFilter {
    /// About this kind of thing.
    pub resource_type: ResourceType,
    /// About the thing of this name, or about each.
    pub resource_name: Option<String>,
    /// How the name is meant.
    pub pattern_type: PatternType,
    /// For this principal, or for each.
    pub principal: Option<String>,
    /// From this address, or from each.
    pub host: Option<String>,
    /// About doing this.
    pub operation: AclOperation,
    /// Permissions, denials or both.
    pub permission: AclPermission,
}

impl Default for AclBindingFilter {
    fn default() -> Self {
        Self {
            resource_type: ResourceType::Any,
            resource_name: None,
            pattern_type: PatternType::Any,
            principal: None,
            host: None,
            operation: AclOperation::Any,
            permission: AclPermission::Any,
        }
    }
}

impl From<AclBinding> for AclBindingFilter {
    fn from(rule: AclBinding) -> Self {
        Self {
            resource_type: rule.resource_type,
            resource_name: Some(rule.resource_name),
            pattern_type: rule.pattern_type,
            principal: Some(rule.principal),
            host: Some(rule.host),
            operation: rule.operation,
            permission: rule.permission,
        }
    }
}

impl Item for AclBindingFilter {
    fn name(&self) -> String {
        format!("filter {self:?}")
    }
}

impl Admin {
    /// The rules that a filter matches (KIP-140, `Admin.describeAcls`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked; `SECURITY_DISABLED` on a cluster without an authorizer.
    pub async fn describe_acls(&self, filter: &AclBindingFilter) -> Result<Vec<AclBinding>> {
        let make = |_| DescribeAclsRequest {
            resource_type_filter: filter.resource_type.code(),
            resource_name_filter: filter.resource_name.as_deref().map(Into::into),
            pattern_type_filter: filter.pattern_type.code(),
            principal_filter: filter.principal.as_deref().map(Into::into),
            host_filter: filter.host.as_deref().map(Into::into),
            operation: filter.operation.code(),
            permission_type: filter.permission.code(),
            ..Default::default()
        };
        let describing = Operation::new("describing ACLs");
        let answer = self
            .ask(describing, To::Any, make, |answer: DescribeAclsResponse| {
                let message = answer.error_message.as_deref();
                check_told(answer.error_code, message, || "ACLs".to_owned())?;
                Ok(answer)
            })
            .await?;
        let rules = answer.resources.iter().flat_map(|resource| {
            resource.acls.iter().map(|rule| AclBinding {
                resource_type: resource.resource_type.into(),
                resource_name: resource.resource_name.to_string(),
                pattern_type: resource.pattern_type.into(),
                principal: rule.principal.to_string(),
                host: rule.host.to_string(),
                operation: rule.operation.into(),
                permission: rule.permission_type.into(),
            })
        });
        Ok(rules.collect())
    }

    /// Adds rules; for each whether it holds now. Those that there are already stay (KIP-140, `Admin.createAcls`).
    /// Cancel-safe, except that they may be added all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single rule is told with it.
    pub async fn create_acls(
        &self,
        rules: impl IntoIterator<Item = AclBinding>,
    ) -> Result<Vec<(AclBinding, Result<()>)>> {
        self.each(
            Operation::new("creating ACLs"),
            rules,
            |_| To::Controller,
            |_, rules| CreateAclsRequest {
                creations: rules.iter().map(creation).collect(),
                ..Default::default()
            },
            |answer, rules| {
                let each = rules.iter().zip(answer.results).map(|(rule, result)| {
                    let message = result.error_message.as_deref();
                    let created = check_told(result.error_code, message, || rule.name());
                    (rule.clone(), created)
                });
                Ok(each.collect())
            },
        )
        .await
    }

    /// Removes the rules that filters match; for each filter the rules that it removed (KIP-140, `Admin.deleteAcls`).
    /// Cancel-safe, except that they may be removed all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single filter, or with the first rule that could not be removed,
    /// is told with the filter.
    pub async fn delete_acls(
        &self,
        filters: impl IntoIterator<Item = AclBindingFilter>,
    ) -> Result<Vec<(AclBindingFilter, Result<Vec<AclBinding>>)>> {
        self.each(
            Operation::new("deleting ACLs"),
            filters,
            |_| To::Controller,
            |_, filters| DeleteAclsRequest {
                filters: filters.iter().map(deletion).collect(),
                ..Default::default()
            },
            |answer, filters| {
                let each = filters
                    .iter()
                    .zip(answer.filter_results)
                    .map(|(filter, result)| {
                        let message = result.error_message.as_deref();
                        let deleted = check_told(result.error_code, message, || filter.name())
                            .and_then(|()| result.matching_acls.iter().map(deleted).collect());
                        (filter.clone(), deleted)
                    });
                Ok(each.collect())
            },
        )
        .await
    }
}

fn creation(rule: &AclBinding) -> AclCreation {
    AclCreation {
        resource_type: rule.resource_type.code(),
        resource_name: rule.resource_name.as_str().into(),
        resource_pattern_type: rule.pattern_type.code(),
        principal: rule.principal.as_str().into(),
        host: rule.host.as_str().into(),
        operation: rule.operation.code(),
        permission_type: rule.permission.code(),
        ..Default::default()
    }
}

fn deletion(filter: &AclBindingFilter) -> DeleteAclsFilter {
    DeleteAclsFilter {
        resource_type_filter: filter.resource_type.code(),
        resource_name_filter: filter.resource_name.as_deref().map(Into::into),
        pattern_type_filter: filter.pattern_type.code(),
        principal_filter: filter.principal.as_deref().map(Into::into),
        host_filter: filter.host.as_deref().map(Into::into),
        operation: filter.operation.code(),
        permission_type: filter.permission.code(),
        ..Default::default()
    }
}

fn deleted(rule: &DeleteAclsMatchingAcl) -> Result<AclBinding> {
    let binding = AclBinding {
        resource_type: rule.resource_type.into(),
        resource_name: rule.resource_name.to_string(),
        pattern_type: rule.pattern_type.into(),
        principal: rule.principal.to_string(),
        host: rule.host.to_string(),
        operation: rule.operation.into(),
        permission: rule.permission_type.into(),
    };
    let message = rule.error_message.as_deref();
    check_told(rule.error_code, message, || binding.name())?;
    Ok(binding)
}
