//! What is between a producer and its broker, and may fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use kafka_broker::Broker;
use kafka_client::producer::{Producer, ProducerBuilder};
use kafka_proto::codec::Request;
use kafka_proto::frame;
use kafka_proto::messages::{ApiVersionsRequest, MetadataRequest, ProduceRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::start_with;

/// Where a wire listens. Another loopback address than the broker's, so that both can have the same port.
pub(crate) const ADVERTISED: &str = "127.0.0.2";

/// A wire between clients and a broker, on which connections break: after so many more answers, over and over.
#[derive(Clone)]
pub(crate) struct Wire {
    address: SocketAddr,
    /// Answers that still come through; what comes after them is lost, with its connection unless the wire is silent.
    pub(crate) after: Arc<AtomicI64>,
    is_silent: bool,
    /// Whether it makes the broker one of the time of Kafka 2.1, with the oldest versions that we speak.
    is_old: bool,
}

impl Wire {
    pub(crate) fn silent() -> Self {
        Self {
            is_silent: true,
            ..Self::breaking()
        }
    }

    pub(crate) fn to_an_old_broker() -> Self {
        Self {
            is_old: true,
            ..Self::breaking()
        }
    }

    pub(crate) fn breaking() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 2], 0));
        Self {
            address,
            after: Arc::new(AtomicI64::new(i64::MAX)),
            is_silent: false,
            is_old: false,
        }
    }

    pub(crate) async fn producer(
        &self,
        set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
    ) -> Producer {
        set(Producer::builder().bootstrap_servers(self.address.to_string()))
            .build()
            .await
            .unwrap()
    }

    async fn carry(self, client: TcpStream, broker: SocketAddr) -> std::io::Result<()> {
        let broker = TcpStream::connect(broker).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_broker, mut to_broker) = broker.into_split();
        let answers = async {
            for first in std::iter::once(true).chain(std::iter::repeat(false)) {
                let length = from_broker.read_u32().await?;
                let mut answer = vec![0; length as usize];
                from_broker.read_exact(&mut answer).await?;
                if first && self.is_old {
                    to_client.write_all(&aged(answer.into())).await?;
                    continue;
                }
                if self.after.fetch_sub(1, Ordering::SeqCst) > 0 {
                    to_client.write_all(&length.to_be_bytes()).await?;
                    to_client.write_all(&answer).await?;
                } else if !self.is_silent {
                    self.after.store(7, Ordering::SeqCst);
                    break;
                }
            }
            std::io::Result::Ok(())
        };
        tokio::select! {
            result = copy(&mut from_client, &mut to_broker) => result.map(drop),
            result = answers => result,
        }
    }
}

/// An answer to ApiVersions as a broker gives it that knows the oldest versions only.
fn aged(answer: Bytes) -> Bytes {
    let version = ApiVersionsRequest::STABLE.max;
    let correlation_id = frame::correlation_id(&answer).unwrap();
    let mut answer = frame::decode_response::<ApiVersionsRequest>(answer, version).unwrap();
    for api in &mut answer.api_keys {
        let newest = match api.api_key {
            ProduceRequest::KEY => 3,
            // Before version 10 topics have no ids.
            MetadataRequest::KEY => 1,
            _ => api.min_version,
        };
        api.max_version = newest.max(api.min_version);
    }
    frame::encode_response::<ApiVersionsRequest>(&answer, version, correlation_id)
        .unwrap()
        .into_bytes()
}

pub(crate) async fn wired(wire: Wire) -> (Broker, Wire) {
    let broker = start_with(|broker| broker.advertised_host(ADVERTISED)).await;
    let address = broker.local_addr();
    let listener = TcpListener::bind((ADVERTISED, address.port()))
        .await
        .unwrap();
    let wire = Wire {
        address: listener.local_addr().unwrap(),
        ..wire
    };
    let carrier = wire.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carrier.clone().carry(client, address));
        }
    });
    (broker, wire)
}
