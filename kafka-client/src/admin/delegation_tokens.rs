//! Delegation tokens: short-lived credentials that stand for a user (KIP-48).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_proto::messages::create_delegation_token::CreatableRenewers;
use kafka_proto::messages::describe_delegation_token::{
    DescribeDelegationTokenOwner, DescribedDelegationToken,
};
use kafka_proto::messages::{
    CreateDelegationTokenRequest, CreateDelegationTokenResponse, DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse, ExpireDelegationTokenRequest, ExpireDelegationTokenResponse,
    RenewDelegationTokenRequest, RenewDelegationTokenResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::error::{Result, check};
use crate::security::{Sasl, Secret};

/// From this version on a token may be somebody else's (KIP-373).
const FIRST_VERSION_WITH_OWNER: i16 = 3;

/// Somebody whom a cluster knows: `User:alice`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KafkaPrincipal {
    /// What kind of principal it is; `User` unless the brokers were told to tell more kinds apart.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl KafkaPrincipal {
    /// A user.
    ///
    /// ```
    /// use kafka_client::admin::KafkaPrincipal;
    ///
    /// assert_eq!(KafkaPrincipal::user("alice").to_string(), "User:alice");
    /// ```
    pub fn user(name: impl Into<String>) -> Self {
        Self {
            kind: "User".to_owned(),
            name: name.into(),
        }
    }
}

impl fmt::Display for KafkaPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

/// A token to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewDelegationToken {
    /// For whom; `None` for who asks (KIP-373; brokers from Kafka 3.3 on).
    pub owner: Option<KafkaPrincipal>,
    /// Who may renew it beside its owner.
    pub renewers: Vec<KafkaPrincipal>,
    /// For how long it may be renewed; `None` for as long as the brokers allow
    /// (`delegation.token.max.lifetime.ms`).
    pub max_lifetime: Option<Duration>,
}

/// The secret of a token. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHmac(Bytes);

impl TokenHmac {
    /// The secret of a token that somebody else has created.
    pub fn new(hmac: impl Into<Bytes>) -> Self {
        Self(hmac.into())
    }

    /// The password that goes with the token's id.
    pub fn password(&self) -> Secret {
        Secret::new(STANDARD.encode(&self.0))
    }

    /// The secret itself.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A token. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationToken {
    /// Its id, by which it authenticates.
    pub token_id: String,
    /// Its secret.
    pub hmac: TokenHmac,
    /// For whom it stands.
    pub owner: KafkaPrincipal,
    /// Who asked for it; `None` before Kafka 3.3.
    pub requester: Option<KafkaPrincipal>,
    /// Who may renew it beside its owner; not told of one that was just created.
    pub renewers: Vec<KafkaPrincipal>,
    /// When it was created.
    pub issued_at: i64,
    /// When it ends unless it is renewed.
    pub expires_at: i64,
    /// When it ends for good.
    pub ends_at: i64,
}

impl DelegationToken {
    /// Authenticates by the token with SCRAM-SHA-256.
    pub fn sasl_sha_256(&self) -> Sasl {
        Sasl::delegation_token_sha_256(&self.token_id, self.hmac.password())
    }

    /// Authenticates by the token with SCRAM-SHA-512.
    pub fn sasl_sha_512(&self) -> Sasl {
        Sasl::delegation_token_sha_512(&self.token_id, self.hmac.password())
    }
}

impl Admin {
    /// Creates a token (KIP-48, `Admin.createDelegationToken`). Its secret comes back as it is: ask over TLS. Cancel-safe,
    /// except that it may be created all the same, for nobody then.
    ///
    /// # Errors
    /// `DELEGATION_TOKEN_AUTH_DISABLED` where brokers have no `delegation.token.secret.key`;
    /// `DELEGATION_TOKEN_REQUEST_NOT_ALLOWED` for who did not authenticate, or by a token.
    pub async fn create_delegation_token(
        &self,
        token: NewDelegationToken,
    ) -> Result<DelegationToken> {
        let renewer = |principal: &KafkaPrincipal| CreatableRenewers {
            principal_type: principal.kind.as_str().into(),
            principal_name: principal.name.as_str().into(),
            ..Default::default()
        };
        let owner = token.owner.as_ref();
        let has_owner = owner.is_some();
        let make = |version| {
            let mut request = CreateDelegationTokenRequest {
                renewers: token.renewers.iter().map(renewer).collect(),
                max_lifetime_ms: token.max_lifetime.map_or(-1, millis),
                ..Default::default()
            };
            if version >= FIRST_VERSION_WITH_OWNER {
                request.owner_principal_type = owner.map(|owner| owner.kind.as_str().into());
                request.owner_principal_name = owner.map(|owner| owner.name.as_str().into());
            }
            request
        };
        let read = |answer: CreateDelegationTokenResponse| {
            check(answer.error_code, || match owner {
                Some(owner) => format!("delegation token for {owner}"),
                None => "delegation token".to_owned(),
            })?;
            Ok(DelegationToken {
                token_id: answer.token_id.to_string(),
                hmac: TokenHmac(answer.hmac),
                owner: principal(&answer.principal_type, &answer.principal_name),
                requester: requester(
                    &answer.token_requester_principal_type,
                    &answer.token_requester_principal_name,
                ),
                renewers: Vec::new(),
                issued_at: answer.issue_timestamp_ms,
                expires_at: answer.expiry_timestamp_ms,
                ends_at: answer.max_timestamp_ms,
            })
        };
        let creating = Operation::new("creating a delegation token")
            .needing(FIRST_VERSION_WITH_OWNER, has_owner);
        let mut created = self.ask(creating, To::Any, make, read).await?;
        created.renewers = token.renewers;
        Ok(created)
    }

    /// Lets a token live on from now on, for so long or as long as brokers do by themselves
    /// (`delegation.token.expiry.time.ms`), but not longer than it may; returns when it ends then, in milliseconds since 1970
    /// (KIP-48, `Admin.renewDelegationToken`). Cancel-safe, except that it may be renewed all the same.
    ///
    /// # Errors
    /// `DELEGATION_TOKEN_NOT_FOUND` for a secret that belongs to none, `DELEGATION_TOKEN_EXPIRED` for one that has ended,
    /// `DELEGATION_TOKEN_OWNER_MISMATCH` for who may not.
    pub async fn renew_delegation_token(
        &self,
        hmac: &TokenHmac,
        period: Option<Duration>,
    ) -> Result<i64> {
        let make = |_| RenewDelegationTokenRequest {
            hmac: hmac.0.clone(),
            renew_period_ms: period.map_or(-1, millis),
            ..Default::default()
        };
        let read = |answer: RenewDelegationTokenResponse| {
            check(answer.error_code, || "delegation token".to_owned())?;
            Ok(answer.expiry_timestamp_ms)
        };
        let renewing = Operation::new("renewing a delegation token");
        self.ask(renewing, To::Any, make, read).await
    }

    /// Lets a token end in so long, or at once; returns when it ends, in milliseconds since 1970 (KIP-48,
    /// `Admin.expireDelegationToken`). Connections that are open stay so. Cancel-safe, except that it may end all the same.
    ///
    /// # Errors
    /// As [`renew_delegation_token`](Self::renew_delegation_token).
    pub async fn expire_delegation_token(
        &self,
        hmac: &TokenHmac,
        period: Option<Duration>,
    ) -> Result<i64> {
        let make = |_| ExpireDelegationTokenRequest {
            hmac: hmac.0.clone(),
            expiry_time_period_ms: period.map_or(-1, millis),
            ..Default::default()
        };
        let read = |answer: ExpireDelegationTokenResponse| {
            check(answer.error_code, || "delegation token".to_owned())?;
            Ok(answer.expiry_timestamp_ms)
        };
        let ending = Operation::new("expiring a delegation token");
        self.ask(ending, To::Any, make, read).await
    }

    /// The tokens that we may see, with their secrets: all of them, or those of some owners, by their ids (KIP-48,
    /// `Admin.describeDelegationToken`). Cancel-safe.
    ///
    /// # Errors
    /// `DELEGATION_TOKEN_AUTH_DISABLED` where brokers have no `delegation.token.secret.key`;
    /// `DELEGATION_TOKEN_REQUEST_NOT_ALLOWED` for who did not authenticate, or by a token.
    pub async fn describe_delegation_tokens(
        &self,
        owners: Option<&[KafkaPrincipal]>,
    ) -> Result<Vec<DelegationToken>> {
        let owner = |principal: &KafkaPrincipal| DescribeDelegationTokenOwner {
            principal_type: principal.kind.as_str().into(),
            principal_name: principal.name.as_str().into(),
            ..Default::default()
        };
        let make = |_| DescribeDelegationTokenRequest {
            owners: owners.map(|owners| owners.iter().map(owner).collect()),
            ..Default::default()
        };
        let read = |answer: DescribeDelegationTokenResponse| {
            check(answer.error_code, || "delegation tokens".to_owned())?;
            let mut tokens: Vec<_> = answer.tokens.into_iter().map(described).collect();
            tokens.sort_by(|a, b| a.token_id.cmp(&b.token_id));
            Ok(tokens)
        };
        let describing = Operation::new("describing delegation tokens");
        self.ask(describing, To::Any, make, read).await
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn principal(kind: &str, name: &str) -> KafkaPrincipal {
    KafkaPrincipal {
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

fn requester(kind: &str, name: &str) -> Option<KafkaPrincipal> {
    (!kind.is_empty()).then(|| principal(kind, name))
}

fn described(token: DescribedDelegationToken) -> DelegationToken {
    let renewers = token.renewers.iter();
    let renewers =
        renewers.map(|renewer| principal(&renewer.principal_type, &renewer.principal_name));
    DelegationToken {
        renewers: renewers.collect(),
        token_id: token.token_id.to_string(),
        hmac: TokenHmac(token.hmac),
        owner: principal(&token.principal_type, &token.principal_name),
        requester: requester(
            &token.token_requester_principal_type,
            &token.token_requester_principal_name,
        ),
        issued_at: token.issue_timestamp,
        expires_at: token.expiry_timestamp,
        ends_at: token.max_timestamp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokens_secret_is_shown_nowhere_and_its_password_is_base64() {
        let hmac = TokenHmac::new(vec![251, 255, 0]);
        assert_eq!(format!("{hmac:?}"), "[hidden]");
        assert_eq!(hmac.password().expose(), "+/8A");
    }
}
