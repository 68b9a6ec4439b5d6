//! The producer's settings.

use std::time::Duration;

use kafka_proto::compression::{Codec, Compression, CompressionError};

use crate::config::{
    ClientConfig, RETRIES, Setting, apply, boolean, one_of, parse, parse_millis, positive,
};
use crate::error::{Error, Result};

/// Who has to have written a batch before it counts as written (`acks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acks {
    /// Nobody: batches may be lost without a word.
    None,
    /// The partition's leader.
    Leader,
    /// All replicas in sync.
    #[default]
    All,
}

impl Acks {
    pub(super) fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// How records are gathered, sent and retried. Defaults are those of the Java client.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerConfig {
    /// What all clients have.
    pub client: ClientConfig,
    /// `acks`.
    pub acks: Acks,
    /// `enable.idempotence`: retries neither repeat nor reorder records. Needs acks of all replicas.
    pub idempotence: bool,
    /// `batch.size`, in bytes: a batch is closed when the next record would make it larger.
    pub batch_size: usize,
    /// `linger.ms`: how long a batch waits for more records.
    pub linger: Duration,
    /// `compression.type` and its level (`compression.gzip.level`, `compression.zstd.level`).
    pub compression: Codec,
    /// `buffer.memory`, in bytes: what may wait to be acknowledged before `send` waits too.
    pub buffer_memory: usize,
    /// `max.block.ms`: how long `send` waits for room or for the topic to be known.
    pub max_block: Duration,
    /// `max.request.size`, in bytes: the largest request, and so the largest record.
    pub max_request_size: usize,
    /// `delivery.timeout.ms`: a batch that is not acknowledged by then has failed.
    pub delivery_timeout: Duration,
    /// `max.in.flight.requests.per.connection`: 1 to 5.
    pub max_in_flight: usize,
    /// `partitioner.adaptive.partitioning.enable`: records without a key go to partitions the less often the more batches
    /// wait for them (KIP-794).
    pub partitioner_adaptive: bool,
    /// `partitioner.availability.timeout.ms`: records without a key pass over the partitions of a broker that has something
    /// to answer and has not answered for this long. Zero: never. Only where partitioning is adaptive.
    pub partitioner_availability_timeout: Duration,
    /// `partitioner.ignore.keys`: records with a key are spread as those without.
    pub partitioner_ignore_keys: bool,
    /// `partitioner.rack.aware`: records without a key go to partitions with their leader in this client's rack, if there
    /// are any (KIP-1123).
    pub partitioner_rack_aware: bool,
    /// `client.rack`: where the client stands.
    pub client_rack: Option<String>,
    /// `transactional.id`: who the producer is over restarts. Records are written in transactions only where it is set.
    pub transactional_id: Option<String>,
    /// `transaction.timeout.ms`: a transaction that takes longer is aborted by the cluster, and its producer fenced.
    pub transaction_timeout: Duration,
}

/// What a frame can hold, and some room for what surrounds the records.
const MAX_REQUEST_SIZE: usize = i32::MAX as usize - (1 << 20);

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            client: ClientConfig::default(),
            acks: Acks::All,
            idempotence: true,
            batch_size: 16 << 10,
            linger: Duration::from_millis(5),
            compression: Codec::default(),
            buffer_memory: 32 << 20,
            max_block: Duration::from_secs(60),
            max_request_size: 1 << 20,
            delivery_timeout: Duration::from_secs(120),
            max_in_flight: 5,
            partitioner_adaptive: true,
            partitioner_availability_timeout: Duration::ZERO,
            partitioner_ignore_keys: false,
            partitioner_rack_aware: false,
            client_rack: None,
            transactional_id: None,
            transaction_timeout: Duration::from_secs(60),
        }
    }
}

impl ProducerConfig {
    /// Applies settings by their Kafka names.
    ///
    /// # Errors
    /// [`Error::Config`] names the first that is unknown or invalid.
    pub fn set<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        let set = |config: &mut Self, key: &str, value: &str| {
            Setting::find(PRODUCER_SETTINGS, config, key, value)
                .or_else(|| config.client.set(key, value))
                .or_else(|| Setting::find(RETRIES, &mut config.client, key, value))
        };
        // A level counts for the compression that is chosen, wherever among the settings that stands.
        let own = |(key, value): (K, V)| (key.as_ref().to_owned(), value.as_ref().to_owned());
        let mut properties: Vec<(String, String)> = properties.into_iter().map(own).collect();
        properties.sort_by_key(|(key, _)| key != "compression.type");
        apply(self, set, properties)
    }

    /// The same with times that can be added to a clock's: "for ever" is a century.
    pub(super) fn bounded(mut self) -> Self {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        for time in [
            &mut self.linger,
            &mut self.max_block,
            &mut self.client.request_timeout,
            &mut self.client.connection_setup_timeout,
            &mut self.client.connection_setup_timeout_max,
            &mut self.client.metadata_max_age,
            &mut self.client.retry_backoff,
            &mut self.client.retry_backoff_max,
            &mut self.client.api_timeout,
        ] {
            *time = CENTURY.min(*time);
        }
        // It has to have room for the linger and a request.
        self.delivery_timeout = self.delivery_timeout.min(CENTURY * 2 + self.linger);
        self
    }

    /// Whether it matters how long a broker says nothing.
    pub(super) fn looks_for_silence(&self) -> bool {
        self.partitioner_adaptive && !self.partitioner_availability_timeout.is_zero()
    }

    /// How large a batch may get before it is compressed, however small it is expected to be then: there has to be room for
    /// some of them.
    pub(super) fn largest_batch(&self) -> usize {
        self.batch_size.max(self.buffer_memory / 4)
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.client.validate()?;
        let refused = |key: &str, value: String, reason: &str| {
            Err(Error::Config {
                key: key.to_owned(),
                value,
                reason: reason.to_owned(),
            })
        };
        if self.idempotence && self.acks != Acks::All {
            return refused(
                "acks",
                self.acks.code().to_string(),
                "an idempotent producer needs \"all\": set that, or enable.idempotence to false",
            );
        }
        if let Some(id) = &self.transactional_id {
            if id.is_empty() {
                let reason = "expected a name that this producer alone has";
                return refused("transactional.id", id.clone(), reason);
            }
            if !self.idempotence {
                let reason = "transactions need an idempotent producer: set enable.idempotence to true and acks to all";
                return refused("transactional.id", id.clone(), reason);
            }
        }
        let compression = self.compression.compression();
        if !compression.is_built_in() {
            let reason = CompressionError::LeftOut(compression).to_string();
            return refused("compression.type", compression.to_string(), &reason);
        }
        let timeout = self.transaction_timeout.as_millis();
        if !(1..=i32::MAX as u128).contains(&timeout) {
            let reason = "expected 1 to 2147483647 milliseconds";
            return refused("transaction.timeout.ms", timeout.to_string(), reason);
        }
        if !(1..=5).contains(&self.max_in_flight) {
            let value = self.max_in_flight.to_string();
            return refused(
                "max.in.flight.requests.per.connection",
                value,
                "expected 1 to 5",
            );
        }
        if self.max_request_size > MAX_REQUEST_SIZE {
            let value = self.max_request_size.to_string();
            return refused(
                "max.request.size",
                value,
                "a batch of Kafka has 2 GiB at most",
            );
        }
        if self.batch_size > self.max_request_size {
            let value = self.batch_size.to_string();
            return refused(
                "batch.size",
                value,
                "a batch does not fit into a request (max.request.size)",
            );
        }
        if self.delivery_timeout < self.linger + self.client.request_timeout {
            let value = self.delivery_timeout.as_millis().to_string();
            return refused(
                "delivery.timeout.ms",
                value,
                "expected at least linger.ms and request.timeout.ms together",
            );
        }
        Ok(())
    }
}

fn set_level(
    config: &mut ProducerConfig,
    of: Compression,
    value: &str,
) -> std::result::Result<(), String> {
    let codec = match value.trim() {
        // What gzip's default is called.
        "-1" if of == Compression::Gzip => Codec::new(of),
        level => {
            Codec::with_level(of, parse(level, "a level")?).map_err(|error| error.to_string())?
        }
    };
    if config.compression.compression() == of {
        config.compression = codec;
    }
    Ok(())
}

const PRODUCER_SETTINGS: &[Setting<ProducerConfig>] = &[
    Setting {
        name: "acks",
        apply: |config, value| {
            let names = [
                ("0", Acks::None),
                ("1", Acks::Leader),
                ("all", Acks::All),
                ("-1", Acks::All),
            ];
            one_of(value, &names).map(|acks| config.acks = acks)
        },
    },
    Setting {
        name: "enable.idempotence",
        apply: |config, value| boolean(value).map(|on| config.idempotence = on),
    },
    Setting {
        name: "batch.size",
        apply: |config, value| {
            parse(value, "a number of bytes").map(|size| config.batch_size = size)
        },
    },
    Setting {
        name: "linger.ms",
        apply: |config, value| parse_millis(value).map(|time| config.linger = time),
    },
    Setting {
        name: "compression.type",
        apply: |config, value| {
            let names = Compression::ALL.map(|compression| (compression.name(), compression));
            one_of(value, &names).map(|compression| config.compression = Codec::new(compression))
        },
    },
    Setting {
        name: "compression.gzip.level",
        apply: |config, value| set_level(config, Compression::Gzip, value),
    },
    Setting {
        name: "compression.zstd.level",
        apply: |config, value| set_level(config, Compression::Zstd, value),
    },
    Setting {
        name: "buffer.memory",
        apply: |config, value| {
            parse(value, "a number of bytes").map(|size| config.buffer_memory = size)
        },
    },
    Setting {
        name: "max.block.ms",
        apply: |config, value| parse_millis(value).map(|time| config.max_block = time),
    },
    Setting {
        name: "max.request.size",
        apply: |config, value| {
            parse(value, "a number of bytes").map(|size| config.max_request_size = size)
        },
    },
    Setting {
        name: "delivery.timeout.ms",
        apply: |config, value| parse_millis(value).map(|time| config.delivery_timeout = time),
    },
    Setting {
        name: "max.in.flight.requests.per.connection",
        apply: |config, value| positive(value, "1 to 5").map(|count| config.max_in_flight = count),
    },
    Setting {
        name: "partitioner.adaptive.partitioning.enable",
        apply: |config, value| boolean(value).map(|on| config.partitioner_adaptive = on),
    },
    Setting {
        name: "partitioner.availability.timeout.ms",
        apply: |config, value| {
            parse_millis(value).map(|time| config.partitioner_availability_timeout = time)
        },
    },
    Setting {
        name: "partitioner.ignore.keys",
        apply: |config, value| boolean(value).map(|on| config.partitioner_ignore_keys = on),
    },
    Setting {
        name: "partitioner.rack.aware",
        apply: |config, value| boolean(value).map(|on| config.partitioner_rack_aware = on),
    },
    Setting {
        name: "client.rack",
        apply: |config, value| {
            config.client_rack = Some(value.to_owned()).filter(|rack| !rack.is_empty());
            Ok(())
        },
    },
    Setting {
        name: "transactional.id",
        apply: |config, value| {
            config.transactional_id = Some(value.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "transaction.timeout.ms",
        apply: |config, value| parse_millis(value).map(|time| config.transaction_timeout = time),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_their_kafka_names() {
        let mut config = ProducerConfig::default();
        let properties = [
            ("bootstrap.servers", "a:1,b:2"),
            ("acks", "1"),
            ("compression.type", "zstd"),
            ("linger.ms", "7"),
        ];
        config.set(properties).unwrap();
        assert_eq!(config.client.bootstrap_servers, ["a:1", "b:2"]);
        assert_eq!(
            (config.acks, config.linger),
            (Acks::Leader, Duration::from_millis(7))
        );
        assert_eq!(config.compression.compression(), Compression::Zstd);
    }

    #[test]
    fn a_level_counts_for_its_compression_whichever_is_set_first() {
        let mut properties = [
            ("compression.gzip.level", "9"),
            ("compression.zstd.level", "1"),
            ("compression.type", "gzip"),
        ];
        for _ in 0..3 {
            let mut config = ProducerConfig::default();
            config.set(properties).unwrap();
            assert_eq!(config.compression.level(), Some(9), "{properties:?}");
            properties.rotate_left(1);
        }
        let mut config = ProducerConfig::default();
        config
            .set([
                ("compression.type", "gzip"),
                ("compression.gzip.level", "-1"),
            ])
            .unwrap();
        assert_eq!(config.compression, Codec::new(Compression::Gzip));
    }

    #[test]
    fn what_is_unknown_or_invalid_is_refused_by_name() {
        for (key, value, message) in [
            (
                "acks",
                "2",
                "setting \"acks\" = \"2\": expected one of 0, 1, all, -1",
            ),
            (
                "ack",
                "all",
                "setting \"ack\" = \"all\": there is no such setting",
            ),
            (
                "linger.ms",
                "soon",
                "setting \"linger.ms\" = \"soon\": expected a number of milliseconds",
            ),
        ] {
            let error = ProducerConfig::default().set([(key, value)]).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let mut config = ProducerConfig::default();
        config
            .set([("bootstrap.servers", "a:1"), ("acks", "1")])
            .unwrap();
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("idempotent")
        );
        config.idempotence = false;
        config.validate().unwrap();
        config.set([("transactional.id", "t")]).unwrap();
        let error = config.validate().unwrap_err().to_string();
        assert!(
            error.starts_with("setting \"transactional.id\" = \"t\": transactions need"),
            "{error}"
        );
    }
}
