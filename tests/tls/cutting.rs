//! Connections that are cut, truncated and delayed at places that a seed decides: nothing that was acknowledged is lost or there
//! twice, and half a stream is never taken for a whole one.

use std::time::Duration;

use kafka_client::Error;
use kafka_client::admin::Admin;
use kafka_client::producer::Record;
use tests::tls::{Harm, RoughNetwork, TlsListener, server_config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{BOTH, authority, producer, read, start, trusting, within};

const RECORDS: usize = 320;

fn harm(random: &mut fastrand::Rng, reach: usize) -> Option<Harm> {
    // Some in the handshake, most of them later.
    let at = if random.u8(..4) == 0 {
        random.usize(..2_000)
    } else {
        random.usize(..reach)
    };
    Some(match random.u8(..4) {
        0 => Harm::Cut(at),
        1 | 2 => Harm::Truncate(at),
        _ => Harm::Delay(at, Duration::from_millis(random.u64(1..60))),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_and_in_order_however_connections_are_harmed() {
    let mut harmed = 0;
    for seed in 0..6 {
        let ca = authority();
        let config = server_config(&ca.issue_any(), BOTH, None);
        let (_broker, listener) = start(config).await;
        let mut random = fastrand::Rng::with_seed(seed);
        let network = RoughNetwork::start(listener.address, move |connection| {
            // The first may be the one to learn the cluster from, and a client gives up building without it.
            if connection == 0 || connection > 40 {
                return [None, None];
            }
            let reach = 60_000;
            if random.bool() {
                [harm(&mut random, reach), None]
            } else {
                [None, harm(&mut random, reach / 4)]
            }
        });
        let network = network.await.unwrap();
        let writer = producer(network.address, trusting(&ca), |builder| {
            builder
                .linger(Duration::ZERO)
                .properties([("reconnect.backoff.ms", "1"), ("retry.backoff.ms", "1")])
                .unwrap()
        });
        let writer = writer.await.unwrap();
        let mut deliveries = Vec::new();
        let values: Vec<String> = (0..RECORDS)
            .map(|n| format!("{n}-{}", "x".repeat(900)))
            .collect();
        for (n, value) in values.iter().enumerate() {
            deliveries.push(writer.send(Record::to("t").value(value)).await.unwrap());
            if n % 8 == 7 {
                for delivery in deliveries.drain(..) {
                    let delivered = within("a delivery", delivery).await;
                    delivered.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                }
            }
        }
        within("the end", writer.close(Duration::from_secs(10)))
            .await
            .unwrap();
        // By way of the same network, which goes on to do harm.
        let seen = read(network.address, trusting(&ca), RECORDS).await;
        harmed += network.harmed();
        assert!(seen == values, "seed {seed}: {} records", seen.len());
    }
    println!("{harmed} connections were harmed");
    assert!(harmed >= 15, "only {harmed} connections were harmed");
}

/// A broker that begins an answer, and is cut off by somebody who can close TCP connections and has no keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_cut_off_is_no_answer() {
    let ca = authority();
    let config = server_config(&ca.issue_any(), BOTH, None);
    let listener = TlsListener::start(config, |mut stream| {
        tokio::spawn(async move {
            let mut request = [0; 8];
            let _ = stream.read_exact(&mut request).await;
            // The head of an answer of 100 bytes, and none of them.
            let _ = stream.write_all(&[0, 0, 0, 100, request[4], 0]).await;
            let _ = stream.flush().await;
            // Dropped like this, it says no close_notify.
        });
    });
    let listener = listener.await.unwrap();
    let builder = Admin::builder().bootstrap_servers(listener.address.to_string());
    let built = within("a failure", builder.tls(trusting(&ca)).build()).await;
    let error = built.map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("cut off") || told.contains("reset"), "{told}");
}
