use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use bytestring::ByteString;

use super::{Acl, AclFilter, PatternType, Resource, ResourcePattern};

/// The ACLs of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Acls {
    by_pattern: RwLock<BTreeMap<ResourcePattern, BTreeSet<Acl>>>,
}

type ByPattern = BTreeMap<ResourcePattern, BTreeSet<Acl>>;

impl Acls {
    fn read<T>(&self, look: impl FnOnce(&ByPattern) -> T) -> T {
        look(
            &self
                .by_pattern
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn write<T>(&self, change: impl FnOnce(&mut ByPattern) -> T) -> T {
        let locked = self.by_pattern.write();
        change(&mut locked.unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether one of the ACLs of a resource is such. They are asked in turn, up to that one.
    pub(super) fn any_of(
        &self,
        resource: Resource<'_>,
        mut is_such: impl FnMut(&Acl) -> bool,
    ) -> bool {
        let pattern = |pattern_type, name: &str| ResourcePattern {
            resource_type: resource.resource_type,
            pattern_type,
            name: name.into(),
        };
        self.read(|by_pattern| {
            let mut look = |pattern: ResourcePattern| {
                let acls = by_pattern.get(&pattern);
                acls.is_some_and(|acls| acls.iter().any(&mut is_such))
            };
            let name = resource.name;
            if look(pattern(PatternType::Literal, name))
                || look(pattern(PatternType::Literal, ResourcePattern::WILDCARD))
            {
                return true;
            }
            // Those that begin as the name does, and are no longer.
            let from = pattern(PatternType::Prefixed, name.get(..1).unwrap_or_default());
            let to = pattern(PatternType::Prefixed, name);
            let prefixed = by_pattern.range(from..=to);
            let prefixed = prefixed.filter(|(pattern, _)| pattern.is_for(name));
            let mut acls = prefixed.flat_map(|(_, acls)| acls);
            acls.any(is_such)
        })
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<(ResourcePattern, Acl)> {
        self.read(|by_pattern| {
            let all = by_pattern
                .iter()
                .flat_map(|(pattern, acls)| acls.iter().map(|acl| (pattern.clone(), acl.clone())));
            all.collect()
        })
    }

    /// Those that are wanted, by what they are for.
    pub(crate) fn matching(&self, filter: &AclFilter) -> Vec<(ResourcePattern, Vec<Acl>)> {
        self.read(|by_pattern| {
            let matching = by_pattern.iter().map(|(pattern, acls)| {
                let acls = acls.iter().filter(|acl| filter.matches(pattern, acl));
                (pattern.clone(), acls.cloned().collect())
            });
            matching
                .filter(|(_, acls): &(_, Vec<Acl>)| !acls.is_empty())
                .collect()
        })
    }

    /// Adds one; it may be there.
    pub(crate) fn add(&self, pattern: ResourcePattern, acl: Acl) {
        // Copies that do not keep a whole request in memory.
        let copy = |text: &ByteString| ByteString::from(&**text);
        let pattern = ResourcePattern {
            name: copy(&pattern.name),
            ..pattern
        };
        let acl = Acl {
            principal: copy(&acl.principal),
            host: copy(&acl.host),
            ..acl
        };
        self.write(|by_pattern| by_pattern.entry(pattern).or_default().insert(acl));
    }

    /// Deletes those that match; it is told which.
    pub(crate) fn delete(&self, filter: &AclFilter) -> Vec<(ResourcePattern, Acl)> {
        self.write(|by_pattern| {
            let mut deleted = Vec::new();
            by_pattern.retain(|pattern, acls| {
                acls.retain(|acl| {
                    let is_meant = filter.matches(pattern, acl);
                    if is_meant {
                        deleted.push((pattern.clone(), acl.clone()));
                    }
                    !is_meant
                });
                !acls.is_empty()
            });
            deleted
        })
    }
}
