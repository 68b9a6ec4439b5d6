use std::io;

use kafka_proto::error_code::ErrorCode;

/// What can go wrong with a broker itself; what goes wrong with a request is answered to the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The address could not be listened on.
    #[error("cannot listen on {host}:{port}: {source} (port 0 takes a free one)")]
    Listen {
        /// The host asked for.
        host: String,
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// What the broker is to listen on, or how clients log in there, makes no sense.
    #[error("cannot have such listeners: {reason}")]
    Listeners {
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Certificates, keys or authorities cannot be used.
    #[cfg(feature = "tls")]
    #[error("cannot speak TLS: {reason}")]
    Tls {
        /// What is wrong with which of them.
        reason: String,
    },
    /// There is no such listener.
    #[error(
        "there is no listener \"{listener}\": it has to be one of those given to BrokerBuilder::listener"
    )]
    NoSuchListener {
        /// The listener's name.
        listener: String,
    },
    /// The topic could not be created.
    #[error("cannot create topic \"{topic}\": {reason}")]
    CreateTopic {
        /// The topic's name.
        topic: String,
        /// What Kafka's protocol calls it.
        error: ErrorCode,
        /// What is wrong.
        reason: String,
    },
    /// The topic could not be given more partitions.
    #[error("cannot give topic \"{topic}\" more partitions: {reason}")]
    CreatePartitions {
        /// The topic's name.
        topic: String,
        /// What Kafka's protocol calls it.
        error: ErrorCode,
        /// What is wrong.
        reason: String,
    },
    /// Clients cannot be chosen that way.
    #[error("clients cannot be chosen by \"{selector}\": {reason}")]
    ClientSelector {
        /// What they were to be chosen by.
        selector: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such partition.
    #[error("there is no partition {partition} of topic \"{topic}\"")]
    NoSuchPartition {
        /// The topic's name.
        topic: String,
        /// The partition's number.
        partition: i32,
    },
    /// A share group cannot be set to this.
    #[error("cannot configure share group \"{group_id}\": {reason}")]
    ShareGroupConfig {
        /// The group's id.
        group_id: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no such broker, or it is down.
    #[error(
        "there is no broker {node} that is up (brokers count from 1, see BrokerBuilder::nodes)"
    )]
    NoSuchNode {
        /// The broker's id.
        node: i32,
    },
}
