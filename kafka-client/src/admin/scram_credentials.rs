//! Users who authenticate by SCRAM: their credentials are set, removed and listed.

use std::collections::HashMap;

use bytes::Bytes;
use kafka_proto::messages::alter_user_scram_credentials::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_proto::messages::describe_user_scram_credentials::UserName;
use kafka_proto::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::error::{Error, Result, check_told};
use crate::security::{ScramHash, Secret};

/// As many as Kafka's own tools take unless they are told otherwise.
const DEFAULT_ITERATIONS: u32 = 4096;
/// Random bytes in a salt.
const SALT_BYTES: usize = 32;

/// The hash function that a user authenticates by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ScramMechanism {
    /// `SCRAM-SHA-256`.
    Sha256,
    /// `SCRAM-SHA-512`.
    Sha512,
    /// One that this client does not know, by its number. It can be told of and removed, but not set.
    Unknown(i8),
}

impl ScramMechanism {
    /// Kafka's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
            Self::Unknown(_) => "UNKNOWN",
        }
    }

    fn code(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
            Self::Unknown(code) => code,
        }
    }
}

impl From<i8> for ScramMechanism {
    fn from(code: i8) -> Self {
        match code {
            1 => Self::Sha256,
            2 => Self::Sha512,
            other => Self::Unknown(other),
        }
    }
}

/// A user's credential, without its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScramCredentialInfo {
    /// For which mechanism.
    pub mechanism: ScramMechanism,
    /// How often the password is hashed.
    pub iterations: u32,
}

/// A credential to be set. The password is salted and hashed here: it leaves this process in no other form, and is shown
/// nowhere. What is sent is as good as the password to who has seen it: send it over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramCredential {
    mechanism: ScramMechanism,
    password: Secret,
    iterations: u32,
    salt: Option<Bytes>,
}

impl ScramCredential {
    /// A password for a mechanism, with 4,096 iterations and a salt of random bytes.
    pub fn new(mechanism: ScramMechanism, password: impl Into<Secret>) -> Self {
        Self {
            mechanism,
            password: password.into(),
            iterations: DEFAULT_ITERATIONS,
            salt: None,
        }
    }

    /// How often the password is hashed; Kafka takes 4,096 to 16,384.
    #[must_use]
    pub fn iterations(self, iterations: u32) -> Self {
        Self { iterations, ..self }
    }

    /// A salt of one's own.
    #[must_use]
    pub fn salt(self, salt: impl Into<Bytes>) -> Self {
        Self {
            salt: Some(salt.into()),
            ..self
        }
    }

    fn upsertion(&self, user: &str) -> Result<ScramCredentialUpsertion> {
        let refused = |reason: String| Error::Credential {
            user: user.to_owned(),
            reason,
        };
        let hash = match self.mechanism {
            ScramMechanism::Sha256 => ScramHash::Sha256,
            ScramMechanism::Sha512 => ScramHash::Sha512,
            ScramMechanism::Unknown(code) => {
                return Err(refused(format!("there is no SCRAM mechanism {code}")));
            }
        };
        let iterations = i32::try_from(self.iterations)
            .map_err(|_| refused(format!("{} iterations are too many", self.iterations)))?;
        let salt = match &self.salt {
            Some(salt) => salt.clone(),
            None => {
                let mut salt = vec![0; SALT_BYTES];
                getrandom::fill(&mut salt)
                    .map_err(|error| refused(format!("no random numbers: {error}")))?;
                salt.into()
            }
        };
        let salted_password = hash.salted(&self.password, &salt, self.iterations);
        Ok(ScramCredentialUpsertion {
            name: user.into(),
            mechanism: self.mechanism.code(),
            iterations,
            salt,
            salted_password: salted_password.into(),
            ..Default::default()
        })
    }
}

/// A change of a user's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterScramCredential {
    /// Sets the credential of a mechanism, whether or not there is one.
    Upsert(ScramCredential),
    /// Removes the credential of a mechanism.
    Delete(ScramMechanism),
}

impl Admin {
    /// Sets and removes credentials of users, one of each user; for each user whether it was done (KIP-554,
    /// `Admin.alterUserScramCredentials`). Connections that are open stay so. Cancel-safe, except that it may be done all the
    /// same.
    ///
    /// ```no_run
    /// # use kafka_client::admin::{Admin, AlterScramCredential, ScramCredential, ScramMechanism};
    /// # async fn example(admin: Admin, password: String) -> kafka_client::Result<()> {
    /// let credential = ScramCredential::new(ScramMechanism::Sha512, password);
    /// let set = AlterScramCredential::Upsert(credential.iterations(8192));
    /// for (user, altered) in admin.alter_user_scram_credentials([("alice", set)]).await? {
    ///     println!("{user}: {altered:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single user is told with the user:
    /// [`Error::Credential`] for what cannot be sent, `RESOURCE_NOT_FOUND` for what cannot be removed because it is not there,
    /// `UNACCEPTABLE_CREDENTIAL` for too few or too many iterations, `DUPLICATE_RESOURCE` for a user who is there twice.
    pub async fn alter_user_scram_credentials<U: Into<String>>(
        &self,
        changes: impl IntoIterator<Item = (U, AlterScramCredential)>,
    ) -> Result<Vec<(String, Result<()>)>> {
        let mut of_users: HashMap<String, Vec<AlterScramCredential>> = HashMap::new();
        let mut users = Vec::new();
        for (user, change) in changes {
            let user = user.into();
            let same = of_users.entry(user.clone()).or_insert_with(|| {
                users.push(user);
                Vec::new()
            });
            same.push(change);
        }
        // Thousands of hashes for each would hold up whatever else this thread has to do.
        let prepared = tokio::task::spawn_blocking(move || {
            let each = of_users.into_iter();
            let prepared = each.map(|(user, changes)| (prepare(&user, changes), user));
            prepared.map(|(prepared, user)| (user, prepared)).collect()
        });
        let prepared: HashMap<String, Result<Changes>> =
            prepared.await.map_err(|_| Error::Closed {
                what: "the tokio runtime",
            })?;
        let is_good = |user: &&String| matches!(prepared.get(*user), Some(Ok(_)));
        let good: Vec<String> = users.iter().filter(is_good).cloned().collect();
        let prepared = &prepared;
        let altered = self
            .each(
                Operation::new("altering SCRAM credentials"),
                good,
                |_| To::Controller,
                |_, users| {
                    let mut request = AlterUserScramCredentialsRequest::default();
                    for changes in users.iter().flat_map(|user| &prepared[user]) {
                        request.deletions.extend(changes.deletions.iter().cloned());
                        let upsertions = changes.upsertions.iter().cloned();
                        request.upsertions.extend(upsertions);
                    }
                    request
                },
                |answer, _| {
                    let each = answer.results.into_iter().map(|result| {
                        let what = || format!("SCRAM credentials of user \"{}\"", result.user);
                        let message = result.error_message.as_deref();
                        let altered = check_told(result.error_code, message, what);
                        (result.user.to_string(), altered)
                    });
                    Ok(each.collect())
                },
            )
            .await?;
        let mut altered: HashMap<String, Result<()>> = altered.into_iter().collect();
        let outcome = |user: String| {
            let refused = prepared[&user].as_ref().err().cloned();
            let outcome = altered.remove(&user);
            let outcome = outcome.unwrap_or_else(|| refused.map_or(Ok(()), Err));
            (user, outcome)
        };
        Ok(users.into_iter().map(outcome).collect())
    }

    /// For which mechanisms users have credentials: some users, or all that have any; passwords and their hashes are never
    /// told (KIP-554, `Admin.describeUserScramCredentials`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single user is told with the user: `RESOURCE_NOT_FOUND` for one
    /// without credentials.
    pub async fn describe_user_scram_credentials(
        &self,
        users: Option<&[&str]>,
    ) -> Result<Vec<(String, Result<Vec<ScramCredentialInfo>>)>> {
        // To the broker an empty list is all of them.
        if users.is_some_and(<[&str]>::is_empty) {
            return Ok(Vec::new());
        }
        let name = |user: &&str| UserName {
            name: (*user).into(),
            ..Default::default()
        };
        let users: Option<Vec<UserName>> = users.map(|users| users.iter().map(name).collect());
        let make = |_| DescribeUserScramCredentialsRequest {
            users: users.clone(),
            ..Default::default()
        };
        let read = |answer: DescribeUserScramCredentialsResponse| {
            let what = || "SCRAM credentials".to_owned();
            check_told(answer.error_code, answer.error_message.as_deref(), what)?;
            let mut each = Vec::new();
            for result in answer.results {
                let what = || format!("SCRAM credentials of user \"{}\"", result.user);
                let message = result.error_message.as_deref();
                let infos = check_told(result.error_code, message, what).map(|()| {
                    let info = result.credential_infos.iter();
                    let mut infos: Vec<_> = info
                        .map(|info| ScramCredentialInfo {
                            mechanism: info.mechanism.into(),
                            iterations: u32::try_from(info.iterations).unwrap_or_default(),
                        })
                        .collect();
                    infos.sort_by_key(|info| info.mechanism);
                    infos
                });
                each.push((result.user.to_string(), infos));
            }
            Ok(each)
        };
        let describing = Operation::new("describing SCRAM credentials");
        self.ask_each(describing, make, read).await
    }
}

/// A user's part of a request.
#[derive(Default)]
struct Changes {
    deletions: Vec<ScramCredentialDeletion>,
    upsertions: Vec<ScramCredentialUpsertion>,
}

fn prepare(user: &str, changes: Vec<AlterScramCredential>) -> Result<Changes> {
    let mut prepared = Changes::default();
    for change in changes {
        match change {
            AlterScramCredential::Delete(mechanism) => {
                prepared.deletions.push(ScramCredentialDeletion {
                    name: user.into(),
                    mechanism: mechanism.code(),
                    ..Default::default()
                });
            }
            AlterScramCredential::Upsert(credential) => {
                prepared.upsertions.push(credential.upsertion(user)?);
            }
        }
    }
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_salted_here_and_shown_nowhere() {
        let credential = ScramCredential::new(ScramMechanism::Sha256, "pencil");
        assert!(!format!("{credential:?}").contains("pencil"));
        let (one, other) = (
            credential.upsertion("u").unwrap(),
            credential.upsertion("u").unwrap(),
        );
        assert_eq!((one.salt.len(), one.salted_password.len()), (32, 32));
        assert_ne!(one.salt, other.salt);
        assert!(!format!("{one:?}").contains("pencil"));
    }

    /// Worked out from RFC 7677's example: its password and salt.
    #[test]
    fn the_salted_password_is_the_one_of_the_rfc() {
        let salt = [
            0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36,
            0xfa, 0x81,
        ];
        let credential = ScramCredential::new(ScramMechanism::Sha256, "pencil").salt(salt.to_vec());
        let sent = credential.upsertion("user").unwrap();
        let hex: String = sent
            .salted_password
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(
            hex,
            "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d"
        );
    }

    #[test]
    fn a_mechanism_that_nobody_knows_is_refused_by_name_of_the_user() {
        let credential = ScramCredential::new(ScramMechanism::Unknown(9), "pencil");
        let refused = credential.upsertion("alice").unwrap_err().to_string();
        assert_eq!(
            refused,
            "the SCRAM credential of user \"alice\" cannot be set: there is no SCRAM mechanism 9"
        );
    }
}
