//! Quotas of users, clients and addresses.

use std::collections::{BTreeMap, HashMap};

use kafka_proto::messages::alter_client_quotas::{EntityData, EntryData, OpData};
use kafka_proto::messages::describe_client_quotas::ComponentData;
use kafka_proto::messages::{
    AlterClientQuotasRequest, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::{Item, To};
use crate::error::{Result, check_told};

/// Whose quota it is: types (`user`, `client-id`, `ip`) with names; without a name it is the default of the type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct QuotaEntity(BTreeMap<String, Option<String>>);

impl QuotaEntity {
    /// A user, with all clients together.
    pub fn user(name: impl Into<String>) -> Self {
        Self::default().and("user", Some(name.into()))
    }

    /// Clients of a `client.id`, of all users.
    pub fn client_id(id: impl Into<String>) -> Self {
        Self::default().and("client-id", Some(id.into()))
    }

    /// Connections from an address (KIP-612).
    pub fn ip(address: impl Into<String>) -> Self {
        Self::default().and("ip", Some(address.into()))
    }

    /// The same with one more type and name: a `client-id` of a `user`.
    #[must_use]
    pub fn and(mut self, kind: impl Into<String>, name: Option<String>) -> Self {
        self.0.insert(kind.into(), name);
        self
    }

    /// The types with their names; `None` is the default of the type.
    pub fn names(&self) -> &BTreeMap<String, Option<String>> {
        &self.0
    }
}

impl Item for QuotaEntity {
    fn name(&self) -> String {
        let part = |(kind, name): (&String, &Option<String>)| match name {
            Some(name) => format!("{kind} \"{name}\""),
            None => format!("default of {kind}"),
        };
        let parts: Vec<String> = self.0.iter().map(part).collect();
        parts.join(", ")
    }
}

/// What an entity has to have for one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaMatch {
    /// This name.
    Exact(String),
    /// It is the default of the type.
    Default,
    /// Any name, or the default.
    Any,
}

/// Which quotas; by default all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaFilter {
    /// What entities have to have, by type (`user`, `client-id`, `ip`).
    pub components: BTreeMap<String, QuotaMatch>,
    /// Whether they may have no other types.
    pub is_strict: bool,
}

impl Admin {
    /// The quotas that a filter matches, such as `producer_byte_rate`, by entity (KIP-546, `Admin.describeClientQuotas`).
    /// Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked, or the filter is none that Kafka takes.
    pub async fn describe_client_quotas(
        &self,
        filter: &QuotaFilter,
    ) -> Result<BTreeMap<QuotaEntity, BTreeMap<String, f64>>> {
        let component = |(kind, wanted): (&String, &QuotaMatch)| {
            let (match_type, name) = match wanted {
                QuotaMatch::Exact(name) => (0, Some(name.as_str().into())),
                QuotaMatch::Default => (1, None),
                QuotaMatch::Any => (2, None),
            };
            ComponentData {
                entity_type: kind.as_str().into(),
                match_type,
                r#match: name,
                ..Default::default()
            }
        };
        let make = |_| DescribeClientQuotasRequest {
            components: filter.components.iter().map(component).collect(),
            strict: filter.is_strict,
            ..Default::default()
        };
        let describing = Operation::new("describing quotas");
        let answer = self
            .ask(
                describing,
                To::Any,
                make,
                |answer: DescribeClientQuotasResponse| {
                    let message = answer.error_message.as_deref();
                    check_told(answer.error_code, message, || "quotas".to_owned())?;
                    Ok(answer)
                },
            )
            .await?;
        let mut quotas = BTreeMap::new();
        for entry in answer.entries.unwrap_or_default() {
            let names = entry.entity.into_iter().map(|part| {
                let name = part.entity_name.map(String::from);
                (part.entity_type.to_string(), name)
            });
            let values = entry.values.into_iter();
            let values = values.map(|value| (value.key.to_string(), value.value));
            quotas.insert(QuotaEntity(names.collect()), values.collect());
        }
        Ok(quotas)
    }

    /// Sets quotas, and takes away those that are `None`; for each entity whether that was done (KIP-546,
    /// `Admin.alterClientQuotas`). Cancel-safe, except that it may be done all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single entity is told with it.
    pub async fn alter_client_quotas(
        &self,
        changes: impl IntoIterator<Item = (QuotaEntity, BTreeMap<String, Option<f64>>)>,
    ) -> Result<Vec<(QuotaEntity, Result<()>)>> {
        let changes = changes.into_iter().collect();
        self.alter_quotas("altering quotas", changes, false).await
    }

    /// Says whether quotas could be set, and sets none. Cancel-safe.
    ///
    /// # Errors
    /// As [`alter_client_quotas`](Self::alter_client_quotas).
    pub async fn validate_alter_client_quotas(
        &self,
        changes: impl IntoIterator<Item = (QuotaEntity, BTreeMap<String, Option<f64>>)>,
    ) -> Result<Vec<(QuotaEntity, Result<()>)>> {
        let changes = changes.into_iter().collect();
        self.alter_quotas("validating quotas", changes, true).await
    }

    async fn alter_quotas(
        &self,
        what: &str,
        changes: HashMap<QuotaEntity, BTreeMap<String, Option<f64>>>,
        validate_only: bool,
    ) -> Result<Vec<(QuotaEntity, Result<()>)>> {
        self.each(
            Operation::new(what),
            changes.keys().cloned(),
            |_| To::Controller,
            |_, entities| AlterClientQuotasRequest {
                entries: entities.iter().map(|of| entry(of, &changes[of])).collect(),
                validate_only,
                ..Default::default()
            },
            |answer, _| {
                let each = answer.entries.into_iter().map(|entry| {
                    let names = entry.entity.into_iter().map(|part| {
                        let name = part.entity_name.map(String::from);
                        (part.entity_type.to_string(), name)
                    });
                    let entity = QuotaEntity(names.collect());
                    let message = entry.error_message.as_deref();
                    let what = || format!("quotas of {}", entity.name());
                    let altered = check_told(entry.error_code, message, what);
                    (entity, altered)
                });
                Ok(each.collect())
            },
        )
        .await
    }
}

fn entry(entity: &QuotaEntity, changes: &BTreeMap<String, Option<f64>>) -> EntryData {
    let part = |(kind, name): (&String, &Option<String>)| EntityData {
        entity_type: kind.as_str().into(),
        entity_name: name.as_deref().map(Into::into),
        ..Default::default()
    };
    let change = |(key, value): (&String, &Option<f64>)| OpData {
        key: key.as_str().into(),
        value: value.unwrap_or_default(),
        remove: value.is_none(),
        ..Default::default()
    };
    EntryData {
        entity: entity.0.iter().map(part).collect(),
        ops: changes.iter().map(change).collect(),
        ..Default::default()
    }
}
