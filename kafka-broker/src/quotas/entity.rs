//! Whom a quota is for: users, client ids, both, or addresses; each by name, or the default of all others.

use std::net::IpAddr;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use super::Quota;
use crate::refusal::Refusal;

/// The types of entities as the protocol names them.
const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// A part of an entity: `None` is the default of all that have no quota of their own.
type Name = Option<ByteString>;

/// Whom a quota is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entity {
    user: Option<Name>,
    client_id: Option<Name>,
    ip: Option<Name>,
}

/// How a part of an entity is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntityMatch<'a> {
    Named(&'a str),
    Default,
    /// The entity has no such part.
    Absent,
}

impl EntityMatch<'_> {
    fn part(self) -> Option<Name> {
        match self {
            Self::Named(name) => Some(Some(name.into())),
            Self::Default => Some(None),
            Self::Absent => None,
        }
    }
}

impl Entity {
    pub(super) fn of_client(user: EntityMatch<'_>, client_id: EntityMatch<'_>) -> Self {
        Self {
            user: user.part(),
            client_id: client_id.part(),
            ip: None,
        }
    }

    pub(super) fn of_ip(ip: EntityMatch<'_>) -> Self {
        Self {
            ip: ip.part(),
            ..Self::default()
        }
    }

    /// The entity that a request names by the types and names of its parts.
    pub(crate) fn read<'a>(
        parts: impl Iterator<Item = (&'a str, Option<&'a ByteString>)>,
    ) -> Result<Self, Refusal> {
        let mut entity = Self::default();
        for (kind, name) in parts {
            let part = entity
                .part_mut(kind)
                .ok_or_else(|| invalid(format!("Unhandled client quota entity type: {kind}")))?;
            if part.is_some() {
                return Err(invalid(format!(
                    "Invalid client quota entity, contains duplicate entity type: {kind}"
                )));
            }
            if name.is_some_and(|name| name.is_empty()) {
                return Err(invalid(format!("Empty {kind} not supported")));
            }
            // A copy, so that it does not keep a whole request in memory.
            *part = Some(name.map(|name| ByteString::from(&**name)));
        }
        match &entity {
            Self {
                user: None,
                client_id: None,
                ip: None,
            } => Err(invalid("Invalid empty client quota entity")),
            Self {
                user,
                client_id,
                ip: Some(ip),
            } => {
                if user.is_some() || client_id.is_some() {
                    return Err(invalid(
                        "Invalid quota entity combination, IP entity should not be combined with User or ClientId",
                    ));
                }
                match ip {
                    Some(ip) if ip.parse::<IpAddr>().is_err() => {
                        Err(invalid(format!("{ip} is not a valid IP address.")))
                    }
                    _ => Ok(entity),
                }
            }
            _ => Ok(entity),
        }
    }

    fn part_mut(&mut self, kind: &str) -> Option<&mut Option<Name>> {
        match kind {
            USER => Some(&mut self.user),
            CLIENT_ID => Some(&mut self.client_id),
            IP => Some(&mut self.ip),
            _ => None,
        }
    }

    /// The parts that it has, with their types.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, &Name)> {
        let all = [
            (CLIENT_ID, &self.client_id),
            (IP, &self.ip),
            (USER, &self.user),
        ];
        all.into_iter()
            .filter_map(|(kind, part)| Some((kind, part.as_ref()?)))
    }

    /// Whether it may have such a quota. To take away what it cannot have is no mistake.
    pub(super) fn check(
        &self,
        name: &str,
        value: Option<f64>,
    ) -> Result<Option<(Quota, Option<f64>)>, Refusal> {
        let is_fit = |quota: &Quota| {
            let is_of_ip = *quota == Quota::ConnectionCreationRate;
            quota.name() == name && is_of_ip == self.ip.is_some()
        };
        let quota = Quota::ALL.into_iter().find(is_fit);
        match (quota, value) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(invalid(format!("Invalid configuration key {name}"))),
            (Some(_), Some(value)) if value.is_nan() || value <= 0.0 => {
                Err(invalid(format!("Quota {name} must be greater than 0")))
            }
            (Some(quota), Some(value)) if quota.is_whole() && value.fract() != 0.0 => {
                Err(invalid(format!("{name} cannot be a fractional value.")))
            }
            (Some(quota), value) => Ok(Some((quota, value))),
        }
    }
}

/// What is asked of a part of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matched {
    Exactly(ByteString),
    Default,
    /// Whatever it is, if there is one.
    Any,
}

/// Which entities are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    parts: Vec<(ByteString, Matched)>,
    /// Entities have no other parts.
    is_strict: bool,
}

impl Filter {
    /// A filter as the protocol has it.
    pub(crate) fn read(
        parts: impl Iterator<Item = (ByteString, i8, Option<ByteString>)>,
        is_strict: bool,
    ) -> Result<Self, Refusal> {
        let mut filter = Self {
            parts: Vec::new(),
            is_strict,
        };
        for (kind, match_type, name) in parts {
            if ![USER, CLIENT_ID, IP].contains(&&*kind) {
                return Err(Refusal::new(
                    ErrorCode::UnsupportedVersion,
                    format!("Unsupported entity type {kind}"),
                ));
            }
            if filter.parts.iter().any(|(known, _)| *known == kind) {
                return Err(invalid(format!(
                    "Entity type {kind} cannot appear more than once in the filter."
                )));
            }
            let matched = match (match_type, name) {
                (0, Some(name)) => Matched::Exactly(name),
                (0, None) => {
                    return Err(invalid(
                        "Request specified MATCH_TYPE_EXACT, but set match string to null.",
                    ));
                }
                (1, None) => Matched::Default,
                (2, None) => Matched::Any,
                (1 | 2, Some(_)) => {
                    return Err(invalid(
                        "Request specified a match type without a name, but also specified a match string.",
                    ));
                }
                (unknown, _) => {
                    return Err(invalid(format!("Unknown match type {unknown}")));
                }
            };
            filter.parts.push((kind, matched));
        }
        let has = |kind: &str| filter.parts.iter().any(|(known, _)| known == kind);
        if has(IP) && (has(USER) || has(CLIENT_ID)) {
            return Err(invalid(
                "Invalid entity filter component combination. IP filter component should not be used with user or \
                 clientId filter component.",
            ));
        }
        Ok(filter)
    }

    pub(super) fn lets_through(&self, entity: &Entity) -> bool {
        let fits = |(kind, matched): &(ByteString, Matched)| {
            let part = entity.parts().find(|(known, _)| **kind == **known);
            match (part, matched) {
                (None, _) => false,
                (Some((_, name)), Matched::Exactly(wanted)) => name.as_ref() == Some(wanted),
                (Some((_, name)), Matched::Default) => name.is_none(),
                (Some(_), Matched::Any) => true,
            }
        };
        self.parts.iter().all(fits)
            && (!self.is_strict || entity.parts().count() == self.parts.len())
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}
