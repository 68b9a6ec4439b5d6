//! Certificates of both sides that are replaced while a client runs.

use std::sync::Arc;

use kafka_client::events::Event;
use kafka_client::producer::{Producer, Record};
use tests::nodes::Nodes;

use crate::fixture::*;

async fn blocking<T: Send + 'static>(
    node: &Arc<Nodes>,
    work: impl FnOnce(&Nodes) -> T + Send + 'static,
) -> T {
    let node = node.clone();
    tokio::task::spawn_blocking(move || work(&node))
        .await
        .unwrap()
}

async fn send(producer: &Producer, sent: &mut usize) {
    for _ in 0..5 {
        let value = sent.to_string();
        let delivery = producer.send(Record::to("rotated").value(&value)).await;
        within("a delivery", delivery.unwrap()).await.unwrap();
        *sent += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_producer_goes_on_while_both_sides_get_new_certificates() {
    let _turn = turn().await;
    let node = Arc::new(node(&["--mtls", "--ecdsa"]).await);
    let servers = node.tls();
    let settings = identified(&node);
    create_topic(&servers, &settings, "rotated").await;
    let producer = producer(&servers, &settings).await;
    let mut events = producer.events();
    let mut sent = 0;
    send(&producer, &mut sent).await;

    // The listener takes its new certificate without a restart: new clients see it, and show their own new one.
    blocking(&node, Nodes::reissue).await;
    let keystore = node.certificate("keystore.pem").display().to_string();
    let config = format!("listener.name.ssl.ssl.keystore.location={keystore}");
    blocking(&node, move |node| {
        let to = ["--bootstrap-server", &node.bootstrap, "--alter"];
        let of = ["--entity-type", "brokers", "--entity-name", "1"];
        node.tool(
            "configs",
            &[&to[..], &of, &["--add-config", &config]].concat(),
        )
    })
    .await;
    send(&producer, &mut sent).await;
    write_and_read(&servers, &settings, "of-new-clients").await;

    // The producer's own connection is made anew, too.
    blocking(&node, Nodes::reissue).await;
    blocking(&node, |node| {
        node.kill(1);
        node.restart(1);
    })
    .await;
    send(&producer, &mut sent).await;
    within("news of the certificates", async {
        while events.next().await.expect("events") != Event::CertificatesReplaced {}
    })
    .await;
    within("closing", producer.close(LIMIT)).await.unwrap();
    let expected: Vec<String> = (0..sent).map(|n| n.to_string()).collect();
    assert_eq!(read(&servers, &settings, "rotated", sent).await, expected);
    let node = Arc::into_inner(node).expect("nobody else has it");
    stop(node).await;
}
