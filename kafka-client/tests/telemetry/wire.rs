//! A wire between clients and a broker that changes what the broker answers, or swallows it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kafka_broker::{Broker, BrokerBuilder};
use kafka_proto::codec::Request;
use kafka_proto::frame;
use kafka_proto::messages::{FetchRequest, ProduceRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::start;

/// Where a wire listens. Another loopback address than the broker's, so that both can have the same port.
const ADVERTISED: &str = "127.0.0.2";

/// What a wire does to answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Answers to Produce ask for so many milliseconds of quiet.
    Throttle(i32),
    /// Fetches are not answered.
    NoFetch,
}

/// A wire to a broker.
pub(crate) struct Wire {
    pub(crate) servers: String,
    fault: Arc<Mutex<Fault>>,
}

impl Wire {
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

/// A broker with the topic `t` at the end of a wire.
pub(crate) async fn wired(
    partitions: i32,
    set: impl FnOnce(BrokerBuilder) -> BrokerBuilder,
) -> (Broker, Wire) {
    let broker = start(partitions, |broker| set(broker.advertised_host(ADVERTISED))).await;
    let address = broker.local_addr();
    let listener = TcpListener::bind((ADVERTISED, address.port()))
        .await
        .unwrap();
    let servers = listener.local_addr().unwrap().to_string();
    let fault = Arc::new(Mutex::new(Fault::None));
    let present = fault.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, address, present.clone()));
        }
    });
    (broker, Wire { servers, fault })
}

async fn carry(
    client: TcpStream,
    broker: SocketAddr,
    fault: Arc<Mutex<Fault>>,
) -> std::io::Result<()> {
    let broker = TcpStream::connect(broker).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    // The API and the version of each request that is not answered.
    let asked = Mutex::new(VecDeque::new());
    let requests = async {
        loop {
            let request = read_frame(&mut from_client).await?;
            let field = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
            asked.lock().unwrap().push_back((field(0), field(2)));
            write_frame(&mut to_broker, &request).await?;
        }
    };
    let answers = async {
        loop {
            let answer = read_frame(&mut from_broker).await?;
            let asked = asked.lock().unwrap().pop_front();
            let fault = *fault.lock().unwrap();
            let answer = match (fault, asked) {
                (Fault::NoFetch, Some((FetchRequest::KEY, _))) => continue,
                (Fault::Throttle(millis), Some((ProduceRequest::KEY, version))) => {
                    throttled(answer, version, millis)
                }
                _ => answer,
            };
            write_frame(&mut to_client, &answer).await?;
        }
    };
    tokio::select! {
        result = requests => result,
        result = answers => result,
    }
}

async fn read_frame(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Bytes> {
    let length = from.read_u32().await?;
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame).await?;
    Ok(frame.into())
}

async fn write_frame(to: &mut (impl AsyncWriteExt + Unpin), frame: &Bytes) -> std::io::Result<()> {
    to.write_u32(frame.len() as u32).await?;
    to.write_all(frame).await
}

fn throttled(answer: Bytes, version: i16, millis: i32) -> Bytes {
    let correlation_id = frame::correlation_id(&answer).unwrap();
    let mut answer = frame::decode_response::<ProduceRequest>(answer, version).unwrap();
    answer.throttle_time_ms = millis;
    let frame = frame::encode_response::<ProduceRequest>(&answer, version, correlation_id);
    frame.unwrap().into_bytes().slice(4..)
}
