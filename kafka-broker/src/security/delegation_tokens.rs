//! Delegation tokens (KIP-48): a user who has logged in lends somebody a password that ends by itself.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use hmac::Hmac;
use kafka_proto::error_code::ErrorCode;
use sha2::Sha512;

use super::sasl::{ScramCredential, ScramMechanism, signed};
use super::{Principal, Secret, SecuritySettings, same};
use crate::lock::lock;
use crate::topics::random_id;

/// How long a token that has run out is still known, so that who uses it learns why it is no good
/// (`delegation.token.expiry.check.interval.ms`).
const FORGOTTEN_AFTER_MS: i64 = 60 * 60 * 1000;

/// A token. Times are in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct DelegationToken {
    pub(crate) id: ByteString,
    pub(crate) owner: Principal,
    pub(crate) requester: Principal,
    pub(crate) renewers: Vec<Principal>,
    pub(crate) issued: i64,
    pub(crate) expires: i64,
    /// Nobody can renew it beyond this.
    pub(crate) ends: i64,
    hmac: Secret,
}

impl DelegationToken {
    /// What proves that somebody has it.
    pub(crate) fn hmac(&self) -> Bytes {
        STANDARD
            .decode(self.hmac.expose())
            .unwrap_or_default()
            .into()
    }

    /// Whether somebody may do with it whatever can be done.
    pub(crate) fn is_of(&self, principal: &Principal) -> bool {
        [&self.owner, &self.requester].contains(&principal) || self.renewers.contains(principal)
    }

    fn is_over(&self, now: i64) -> bool {
        self.expires < now || self.ends < now
    }
}

/// A token that is wanted.
#[derive(Debug)]
pub(crate) struct NewToken {
    pub(crate) owner: Principal,
    pub(crate) requester: Principal,
    pub(crate) renewers: Vec<Principal>,
    /// In milliseconds; the longest that there is, unless it is positive.
    pub(crate) max_lifetime: i64,
}

/// The tokens of a cluster.
#[derive(Debug)]
pub(crate) struct DelegationTokens {
    secret_key: Option<Secret>,
    max_lifetime: i64,
    expiry_time: i64,
    tokens: Mutex<BTreeMap<ByteString, DelegationToken>>,
}

impl DelegationTokens {
    pub(crate) fn new(settings: &SecuritySettings) -> Self {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self {
            secret_key: settings.delegation_token_secret_key.clone(),
            max_lifetime: millis(settings.delegation_token_max_lifetime),
            expiry_time: millis(settings.delegation_token_expiry_time),
            tokens: Mutex::default(),
        }
    }

    /// What tokens are made with, if there are any.
    pub(crate) fn check_enabled(&self) -> Result<&Secret, ErrorCode> {
        let key = self.secret_key.as_ref();
        key.ok_or(ErrorCode::DelegationTokenAuthDisabled)
    }

    pub(crate) fn create(&self, new: NewToken, now: i64) -> Result<DelegationToken, ErrorCode> {
        let key = self.check_enabled()?;
        let lifetime = match new.max_lifetime {
            1.. => new.max_lifetime.min(self.max_lifetime),
            _ => self.max_lifetime,
        };
        let ends = now.saturating_add(lifetime);
        let id = ByteString::from(random_id().to_string());
        let hmac = signed::<Hmac<Sha512>>(key.expose().as_bytes(), id.as_bytes());
        let token = DelegationToken {
            id: id.clone(),
            owner: new.owner,
            requester: new.requester,
            renewers: new.renewers,
            issued: now,
            expires: now.saturating_add(self.expiry_time).min(ends),
            ends,
            hmac: Secret::new(STANDARD.encode(hmac)),
        };
        let mut tokens = lock(&self.tokens);
        tokens.retain(|_, token| !token.is_over(now.saturating_sub(FORGOTTEN_AFTER_MS)));
        tokens.insert(id, token.clone());
        Ok(token)
    }

    /// Does something with the token of this HMAC, if `principal` may.
    fn with<T>(
        &self,
        hmac: &[u8],
        principal: &Principal,
        now: i64,
        act: impl FnOnce(&mut BTreeMap<ByteString, DelegationToken>, &ByteString) -> T,
    ) -> Result<T, ErrorCode> {
        self.check_enabled()?;
        let mut tokens = lock(&self.tokens);
        let mut known = tokens.values();
        let token = known.find(|token| same(&token.hmac(), hmac));
        let token = token.ok_or(ErrorCode::DelegationTokenNotFound)?;
        if !token.is_of(principal) {
            return Err(ErrorCode::DelegationTokenOwnerMismatch);
        }
        if token.is_over(now) {
            return Err(ErrorCode::DelegationTokenExpired);
        }
        let id = token.id.clone();
        Ok(act(&mut tokens, &id))
    }

    /// Has a token expire later; when is told.
    pub(crate) fn renew(
        &self,
        hmac: &[u8],
        period: i64,
        principal: &Principal,
        now: i64,
    ) -> Result<i64, ErrorCode> {
        let period = match period {
            1.. => period.min(self.expiry_time),
            _ => self.expiry_time,
        };
        self.with(hmac, principal, now, |tokens, id| {
            expire_at(tokens, id, now.saturating_add(period))
        })
    }

    /// Has a token expire after `period`, or at once where that is negative; when is told.
    pub(crate) fn expire(
        &self,
        hmac: &[u8],
        period: i64,
        principal: &Principal,
        now: i64,
    ) -> Result<i64, ErrorCode> {
        self.with(hmac, principal, now, |tokens, id| {
            if period < 0 {
                tokens.remove(id);
                return now;
            }
            expire_at(tokens, id, now.saturating_add(period))
        })
    }

    /// All that there are.
    pub(crate) fn all(&self) -> Vec<DelegationToken> {
        lock(&self.tokens).values().cloned().collect()
    }

    /// A token that somebody wants to log in by, and what is known of it as a password.
    pub(crate) fn credential(
        &self,
        id: &str,
        mechanism: ScramMechanism,
        now: i64,
    ) -> Option<(ScramCredential, DelegationToken)> {
        let token = lock(&self.tokens).get(id).cloned();
        let token = token.filter(|token| !token.is_over(now))?;
        let credential = ScramCredential::of_password(mechanism, token.hmac.expose());
        Some((credential, token))
    }
}

fn expire_at(
    tokens: &mut BTreeMap<ByteString, DelegationToken>,
    id: &ByteString,
    expires: i64,
) -> i64 {
    tokens.get_mut(id).map_or(expires, |token| {
        token.expires = expires.min(token.ends);
        token.expires
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1000;

    fn tokens() -> DelegationTokens {
        DelegationTokens::new(&SecuritySettings {
            delegation_token_secret_key: Some(Secret::new("key")),
            ..Default::default()
        })
    }

    fn wanted(max_lifetime: i64) -> NewToken {
        NewToken {
            owner: Principal::user("alice"),
            requester: Principal::user("admin"),
            renewers: vec![Principal::user("bob")],
            max_lifetime,
        }
    }

    #[test]
    fn a_token_is_renewed_up_to_its_end_and_expires() {
        let tokens = tokens();
        let token = tokens.create(wanted(30 * HOUR), 0).unwrap();
        assert_eq!((token.expires, token.ends), (24 * HOUR, 30 * HOUR));
        let bob = Principal::user("bob");
        let renewed = |period, now| tokens.renew(&token.hmac(), period, &bob, now);
        assert_eq!(renewed(HOUR, 10 * HOUR), Ok(11 * HOUR));
        assert_eq!(renewed(-1, 10 * HOUR), Ok(30 * HOUR));
        let mallory = Principal::user("mallory");
        for (hmac, principal, now, error) in [
            (&b"other"[..], &bob, 0, ErrorCode::DelegationTokenNotFound),
            (
                &token.hmac(),
                &mallory,
                0,
                ErrorCode::DelegationTokenOwnerMismatch,
            ),
            (
                &token.hmac(),
                &bob,
                31 * HOUR,
                ErrorCode::DelegationTokenExpired,
            ),
        ] {
            assert_eq!(tokens.renew(hmac, 1, principal, now), Err(error));
            assert_eq!(tokens.expire(hmac, 1, principal, now), Err(error));
        }
        let expired = |period| tokens.expire(&token.hmac(), period, &bob, HOUR);
        assert_eq!(expired(5), Ok(HOUR + 5));
        let credential = |now| tokens.credential(&token.id, ScramMechanism::Sha256, now);
        assert!(credential(HOUR).is_some() && credential(HOUR + 6).is_none());
        assert_eq!(expired(-1), Ok(HOUR));
        assert!(credential(0).is_none() && tokens.all().is_empty());
    }

    #[test]
    fn a_token_that_has_run_out_is_forgotten_after_a_while() {
        let tokens = tokens();
        tokens.create(wanted(HOUR), 0).unwrap();
        tokens.create(wanted(-1), HOUR + 1).unwrap();
        assert_eq!(tokens.all().len(), 2);
        tokens.create(wanted(-1), 2 * HOUR + 1).unwrap();
        assert_eq!(tokens.all().len(), 2);
        let token = &tokens.all()[0];
        assert_eq!(token.ends - token.issued, 7 * 24 * HOUR);
    }

    #[test]
    fn without_a_key_there_are_no_tokens() {
        let tokens = DelegationTokens::new(&SecuritySettings::default());
        let disabled = ErrorCode::DelegationTokenAuthDisabled;
        assert_eq!(tokens.create(wanted(1), 0).unwrap_err(), disabled);
        let alice = Principal::user("alice");
        assert_eq!(tokens.renew(b"", 1, &alice, 0), Err(disabled));
    }
}
