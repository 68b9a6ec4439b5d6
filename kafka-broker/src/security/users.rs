//! Users and what they prove who they are by.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use bytestring::ByteString;

use super::sasl::{ScramCredential, ScramMechanism};
use super::{SecuritySettings, same};
use crate::security::secret::Secret;

/// The users of a cluster.
#[derive(Debug)]
pub(crate) struct Users {
    plain: HashMap<String, Secret>,
    /// By name, and in order, as they are described.
    scram: RwLock<BTreeMap<ByteString, BTreeMap<ScramMechanism, ScramCredential>>>,
}

impl Users {
    pub(crate) fn new(settings: &SecuritySettings) -> Self {
        let mut scram = BTreeMap::new();
        for (name, password) in &settings.scram_users {
            let mechanisms = ScramMechanism::ALL.into_iter();
            let credentials = mechanisms.map(|mechanism| {
                let credential = ScramCredential::of_password(mechanism, password.expose());
                (mechanism, credential)
            });
            scram.insert(ByteString::from(name.as_str()), credentials.collect());
        }
        Self {
            plain: settings.plain_users.iter().cloned().collect(),
            scram: RwLock::new(scram),
        }
    }

    /// Whether this is a user's password for PLAIN.
    pub(crate) fn has_password(&self, name: &str, password: &str) -> bool {
        self.plain
            .get(name)
            .is_some_and(|own| same(own.expose().as_bytes(), password.as_bytes()))
    }

    /// What is known of a user's password for SCRAM.
    pub(crate) fn scram(&self, name: &str, mechanism: ScramMechanism) -> Option<ScramCredential> {
        let scram = self.scram.read().unwrap_or_else(PoisonError::into_inner);
        scram.get(name)?.get(&mechanism).cloned()
    }

    /// All users with credentials for SCRAM, and how those were made.
    pub(crate) fn with_scram(&self) -> BTreeMap<ByteString, Iterations> {
        let scram = self.scram.read().unwrap_or_else(PoisonError::into_inner);
        let users = scram.iter().map(|(name, credentials)| {
            let credentials = credentials.iter();
            let credentials = credentials.map(|(mechanism, known)| (*mechanism, known.iterations));
            (name.clone(), credentials.collect())
        });
        users.collect()
    }

    /// Alters a user's credentials for SCRAM; not at all, and false, if one that is to be deleted is not there.
    pub(crate) fn alter_scram(&self, name: &str, wanted: Vec<ScramAlteration>) -> bool {
        let mut scram = self.scram.write().unwrap_or_else(PoisonError::into_inner);
        let mut altered = scram.get(name).cloned().unwrap_or_default();
        for wanted in wanted {
            match wanted {
                ScramAlteration::Delete(mechanism) => {
                    if altered.remove(&mechanism).is_none() {
                        return false;
                    }
                }
                ScramAlteration::Set(mechanism, credential) => {
                    altered.insert(mechanism, credential);
                }
            }
        }
        if altered.is_empty() {
            scram.remove(name);
        } else {
            scram.insert(name.into(), altered);
        }
        true
    }
}

/// How often the password of each credential of a user was hashed.
pub(crate) type Iterations = Vec<(ScramMechanism, i32)>;

/// What becomes of a user's credential for SCRAM.
#[derive(Debug)]
pub(crate) enum ScramAlteration {
    Delete(ScramMechanism),
    Set(ScramMechanism, ScramCredential),
}

impl ScramAlteration {
    pub(crate) fn mechanism(&self) -> ScramMechanism {
        match self {
            Self::Delete(mechanism) | Self::Set(mechanism, _) => *mechanism,
        }
    }
}
