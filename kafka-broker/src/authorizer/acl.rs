use bytestring::ByteString;

use super::{Operation, PatternType, ResourcePattern, ResourceType, Subject};

/// What an ACL says; the numbers are those of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub(crate) enum Permission {
    Deny = 2,
    Allow = 3,
}

impl Permission {
    /// The one of a number.
    pub(crate) fn numbered(number: i8) -> Option<Self> {
        let all = [Self::Deny, Self::Allow];
        all.into_iter().find(|known| *known as i8 == number)
    }
}

/// Who may, or may not, do what, from where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Acl {
    /// `User:alice`, or `User:*` for all.
    pub(crate) principal: ByteString,
    /// An address, or `*` for all.
    pub(crate) host: ByteString,
    pub(crate) operation: Operation,
    pub(crate) permission: Permission,
}

impl Acl {
    const EVERYBODY: &'static str = "User:*";
    const EVERYWHERE: &'static str = "*";

    /// Whether it says anything about somebody.
    pub(crate) fn is_about(&self, subject: Subject<'_>) -> bool {
        let is_host = *self.host == *Self::EVERYWHERE || *self.host == *subject.host;
        let is_principal = || {
            let named = self.principal.split_once(':');
            let own = &subject.principal;
            *self.principal == *Self::EVERYBODY || named == Some((&*own.principal_type, &*own.name))
        };
        is_host && is_principal()
    }
}

/// Which ACLs are wanted. What is not given is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AclFilter {
    pub(crate) resource_type: Option<ResourceType>,
    pub(crate) name: Option<ByteString>,
    pub(crate) patterns: Patterns,
    pub(crate) principal: Option<ByteString>,
    pub(crate) host: Option<ByteString>,
    pub(crate) operation: Option<Operation>,
    pub(crate) permission: Option<Permission>,
}

/// How a filter's name is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patterns {
    /// As that of a pattern of any type.
    Any,
    /// As that of a resource, whose patterns are wanted.
    Match,
    /// As that of a pattern of this type.
    Only(PatternType),
}

/// What `ANY` is as a number, everywhere.
const ANY: i8 = 1;
/// `MATCH` of pattern types.
const MATCH: i8 = 2;

impl AclFilter {
    /// What a message asks for; `None` if one of its numbers stands for nothing.
    pub(crate) fn read(
        (resource_type, name, pattern_type): (i8, Option<ByteString>, i8),
        (principal, host): (Option<ByteString>, Option<ByteString>),
        (operation, permission): (i8, i8),
    ) -> Option<Self> {
        fn unless_any<T>(number: i8, of: impl Fn(i8) -> Option<T>) -> Option<Option<T>> {
            match number {
                ANY => Some(None),
                number => of(number).map(Some),
            }
        }
        Some(Self {
            resource_type: unless_any(resource_type, ResourceType::numbered)?,
            name,
            patterns: match pattern_type {
                ANY => Patterns::Any,
                MATCH => Patterns::Match,
                number => Patterns::Only(PatternType::numbered(number)?),
            },
            principal,
            host,
            operation: unless_any(operation, Operation::numbered)?,
            permission: unless_any(permission, Permission::numbered)?,
        })
    }

    /// Whether an ACL is wanted.
    pub(crate) fn matches(&self, pattern: &ResourcePattern, acl: &Acl) -> bool {
        fn is<T: PartialEq>(wanted: &Option<T>, own: &T) -> bool {
            wanted.as_ref().is_none_or(|wanted| wanted == own)
        }
        let is_type = match self.patterns {
            Patterns::Only(only) => only == pattern.pattern_type,
            Patterns::Any | Patterns::Match => true,
        };
        let is_name = self.name.as_ref().is_none_or(|name| match self.patterns {
            Patterns::Match => pattern.is_for(name),
            Patterns::Any | Patterns::Only(_) => *pattern.name == **name,
        });
        is_type
            && is_name
            && is(&self.resource_type, &pattern.resource_type)
            && is(&self.principal, &acl.principal)
            && is(&self.host, &acl.host)
            && is(&self.operation, &acl.operation)
            && is(&self.permission, &acl.permission)
    }
}
