//! Certificates of both sides that are replaced while a client runs.

use std::sync::Arc;
use std::time::Duration;

use kafka_client::events::Event;
use kafka_client::producer::Record;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_producer_goes_on_while_both_sides_get_new_certificates() {
    let _turn = turn().await;
    let node = Arc::new(node(&["--mtls", "--ecdsa"]).await);
    let servers = node.tls();
    // So that connections are made anew, now and then.
    let settings = with(&identified(&node), "connections.max.idle.ms", "200");
    create_topic(&servers, &settings, "rotated").await;
    let producer = producer(&servers, &settings).await;
    let mut events = producer.events();
    let mut sent = 0;
    for round in 0..3 {
        for _ in 0..5 {
            let value = sent.to_string();
            let delivery = producer
                .send(Record::to("rotated").value(&value))
                .await
                .unwrap();
            within("a delivery", delivery).await.unwrap();
            sent += 1;
        }
        if round == 2 {
            break;
        }
        blocking(&node, Nodes::reissue).await;
        if round == 0 {
            // The listener takes its new one without a restart.
            let keystore = node.certificate("keystore.pem").display().to_string();
            let config = format!("listener.name.ssl.ssl.keystore.location={keystore}");
            blocking(&node, move |node| {
                let arguments = [
                    "--bootstrap-server",
                    &node.bootstrap,
                    "--entity-type",
                    "brokers",
                    "--entity-name",
                    "1",
                    "--alter",
                    "--add-config",
                    &config,
                ];
                node.tool("configs", &arguments)
            })
            .await;
        } else {
            blocking(&node, |node| {
                node.kill(1);
                node.restart(1);
            })
            .await;
        }
        // The client's own certificate is news for the next connection, which takes the broker's new one as well.
        let value = sent.to_string();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let delivery = producer
            .send(Record::to("rotated").value(&value))
            .await
            .unwrap();
        within("a delivery", delivery).await.unwrap();
        sent += 1;
        within("news of the certificates", async {
            while events.next().await.expect("events") != Event::CertificatesReplaced {}
        })
        .await;
    }
    within("closing", producer.close(LIMIT)).await.unwrap();
    let expected: Vec<String> = (0..sent).map(|n| n.to_string()).collect();
    assert_eq!(read(&servers, &settings, "rotated", sent).await, expected);
    let node = Arc::into_inner(node).expect("nobody else has it");
    stop(node).await;
}
