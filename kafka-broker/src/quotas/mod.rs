//! What clients may use: bytes written and read, time of the broker, changes to topics, connections (KIP-13, KIP-124,
//! KIP-599, KIP-612). Who uses more is told to wait, and is not listened to for as long (KIP-219).
//!
//! Without any quota nothing is counted: requests look at one flag.

mod entity;
mod meter;

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytestring::ByteString;

use entity::EntityMatch;
pub(crate) use entity::{Entity, Filter};

use crate::lock::lock;
use crate::refusal::Refusal;
use meter::{Rate, TokenBucket, WINDOWS};

/// The longest that a client waits because of the time that its requests took.
const MAX_REQUEST_THROTTLE: Duration = Duration::from_secs(1);
/// Meters that have nothing to say are forgotten when there are so many.
const MANY: usize = 1024;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Quota {
    ProducerByteRate,
    ConsumerByteRate,
    RequestPercentage,
    ControllerMutationRate,
    ConnectionCreationRate,
}

impl Quota {
    pub(crate) const ALL: [Self; 5] = [
        Self::ConnectionCreationRate,
        Self::ConsumerByteRate,
        Self::ControllerMutationRate,
        Self::ProducerByteRate,
        Self::RequestPercentage,
    ];

    /// Kafka's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }

    /// Whether only whole numbers make sense.
    fn is_whole(self) -> bool {
        !matches!(self, Self::RequestPercentage | Self::ControllerMutationRate)
    }
}

/// Who has sent a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuotaSubject<'a> {
    pub(crate) user: &'a str,
    pub(crate) client_id: &'a str,
}

/// The quotas, and what was used.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    /// Whether there is any quota.
    is_limiting: AtomicBool,
    state: Mutex<State>,
}

/// Whom a meter is of: quotas of a user count all of the user's clients together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MeterKey {
    quota: Quota,
    user: String,
    client_id: String,
}

#[derive(Debug, Default)]
struct State {
    limits: BTreeMap<Entity, BTreeMap<Quota, f64>>,
    rates: HashMap<MeterKey, Rate>,
    buckets: HashMap<MeterKey, TokenBucket>,
}

impl State {
    /// The limit that holds for a client, and whose meter counts: the most particular one, users before client ids.
    fn limit(&self, quota: Quota, client: QuotaSubject<'_>) -> Option<(f64, MeterKey)> {
        if self.limits.is_empty() {
            return None;
        }
        let QuotaSubject { user, client_id } = client;
        let of = |user: EntityMatch<'_>, client_id: EntityMatch<'_>| {
            let entity = Entity::of_client(user, client_id);
            self.limits.get(&entity)?.get(&quota).copied()
        };
        use EntityMatch::{Absent, Default, Named};
        let candidates = [
            (Named(user), Named(client_id)),
            (Named(user), Default),
            (Named(user), Absent),
            (Default, Named(client_id)),
            (Default, Default),
            (Default, Absent),
            (Absent, Named(client_id)),
            (Absent, Default),
        ];
        candidates.into_iter().find_map(|(by_user, by_client)| {
            let limit = of(by_user, by_client)?;
            let part = |by: EntityMatch<'_>, name: &str| match by {
                Absent => String::new(),
                _ => name.to_owned(),
            };
            let key = MeterKey {
                quota,
                user: part(by_user, user),
                client_id: part(by_client, client_id),
            };
            Some((limit, key))
        })
    }

    fn rate(&mut self, key: MeterKey, now: Instant) -> &mut Rate {
        if self.rates.len() >= MANY && !self.rates.contains_key(&key) {
            self.rates.retain(|_, rate| rate.is_in_use(now));
        }
        self.rates.entry(key).or_default()
    }
}

impl Quotas {
    /// The state, if anything is limited.
    fn limiting<T>(&self, work: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        if !self.is_limiting.load(Ordering::Relaxed) {
            return None;
        }
        work(&mut lock(&self.state))
    }

    /// Whether anything is limited.
    pub(crate) fn is_limiting(&self) -> bool {
        self.is_limiting.load(Ordering::Relaxed)
    }

    /// Counts bytes that a client has written or read. Answers for how long it has to wait.
    pub(crate) fn bytes(
        &self,
        quota: Quota,
        client: QuotaSubject<'_>,
        bytes: usize,
        now: Instant,
    ) -> Duration {
        let throttle = self.limiting(|state| {
            let (limit, key) = state.limit(quota, client)?;
            let rate = state.rate(key, now);
            rate.record(bytes as f64, now);
            Some(rate.throttle(limit, now))
        });
        throttle.unwrap_or_default()
    }

    /// How many bytes a client may get at once, so that a single answer does not use up more than all there is.
    pub(crate) fn fetch_limit(&self, client: QuotaSubject<'_>) -> Option<usize> {
        self.limiting(|state| {
            let (limit, _) = state.limit(Quota::ConsumerByteRate, client)?;
            Some((limit * (WINDOWS - 1) as f64) as usize)
        })
    }

    /// Counts the time that a client's request took. Answers for how long it has to wait.
    pub(crate) fn time(&self, client: QuotaSubject<'_>, took: Duration, now: Instant) -> Duration {
        let throttle = self.limiting(|state| {
            let (limit, key) = state.limit(Quota::RequestPercentage, client)?;
            let rate = state.rate(key, now);
            // A hundred percent is one thread that does nothing else.
            rate.record(took.as_secs_f64() * 100.0, now);
            Some(rate.throttle(limit, now).min(MAX_REQUEST_THROTTLE))
        });
        throttle.unwrap_or_default()
    }

    /// Counts partitions that a client creates or deletes. Answers for how long it has to wait.
    ///
    /// # Errors
    /// The same, where it has used up what it may and is told so (`is_strict`): nothing is counted then.
    pub(crate) fn mutation(
        &self,
        client: QuotaSubject<'_>,
        partitions: usize,
        is_strict: bool,
        now: Instant,
    ) -> Result<Duration, Duration> {
        let result = self.limiting(|state| {
            let (limit, key) = state.limit(Quota::ControllerMutationRate, client)?;
            let bucket = state
                .buckets
                .entry(key)
                .or_insert_with(|| TokenBucket::full(limit, now));
            Some(bucket.take(partitions as f64, limit, is_strict, now))
        });
        result.unwrap_or(Ok(Duration::ZERO))
    }

    /// Counts a connection from an address. Answers for how long it has to wait.
    pub(crate) fn connection(&self, ip: &str, now: Instant) -> Duration {
        let quota = Quota::ConnectionCreationRate;
        let throttle = self.limiting(|state| {
            let of = |entity: Entity| state.limits.get(&entity)?.get(&quota).copied();
            let own = of(Entity::of_ip(EntityMatch::Named(ip)));
            let limit = own.or_else(|| of(Entity::of_ip(EntityMatch::Default)))?;
            let key = MeterKey {
                quota,
                user: String::new(),
                client_id: ip.to_owned(),
            };
            let rate = state.rate(key, now);
            rate.record(1.0, now);
            Some(rate.throttle(limit, now))
        });
        throttle.unwrap_or_default()
    }

    /// Changes the quotas of an entity; without a value a quota is taken away.
    pub(crate) fn alter(
        &self,
        entity: &Entity,
        changes: &[(ByteString, Option<f64>)],
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let mut checked = Vec::new();
        for (name, value) in changes {
            if let Some(change) = entity.check(name, *value)? {
                checked.push(change);
            }
        }
        if validate_only {
            return Ok(());
        }
        let state = &mut *lock(&self.state);
        let limits = state.limits.entry(entity.clone()).or_default();
        for (quota, value) in checked {
            match value {
                Some(value) => limits.insert(quota, value),
                None => limits.remove(&quota),
            };
            // What was used under the old limit is no measure for the new one.
            state.buckets.retain(|key, _| key.quota != quota);
        }
        state.limits.retain(|_, limits| !limits.is_empty());
        let is_limiting = !state.limits.is_empty();
        self.is_limiting.store(is_limiting, Ordering::Relaxed);
        if !is_limiting {
            *state = State::default();
        }
        Ok(())
    }

    /// The quotas of the entities that a filter lets through.
    pub(crate) fn describe(&self, filter: &Filter) -> Vec<(Entity, BTreeMap<Quota, f64>)> {
        let state = lock(&self.state);
        let found = state.limits.iter();
        found
            .filter(|(entity, _)| filter.lets_through(entity))
            .map(|(entity, limits)| (entity.clone(), limits.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
