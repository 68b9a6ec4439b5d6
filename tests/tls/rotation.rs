//! Certificates that are replaced while clients run.

use std::path::PathBuf;

use kafka_client::events::Event;
use kafka_client::security::Tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tests::tls::{Authority, Identity, Leaf, server_config};

use crate::fixture::{BOTH, authority, producer, read, send, start, within};

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(tests::kafka::unique(name));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn named(authority: &Authority, name: &str) -> Identity {
    authority.issue(Leaf {
        names: &[name],
        ..Leaf::default()
    })
}

fn der(identity: &Identity) -> Option<CertificateDer<'static>> {
    Some(CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_connections_show_the_new_certificate_and_a_broken_one_is_told_and_not_used() {
    let ca = authority();
    let folder = Folder::new("rotated");
    let (first, second) = (named(&ca, "first"), named(&ca, "second"));
    let roots = folder.write("ca.pem", &ca.pem());
    let keystore = folder.write("client.pem", &first.both());
    let config = server_config(&ca.issue_any(), BOTH, Some(&ca));
    let (broker, listener) = start(config).await;
    let tls = Tls::new().roots_file(&roots).keystore_file(&keystore);
    let producer = producer(listener.address, tls.clone(), |builder| builder)
        .await
        .unwrap();
    let mut events = producer.events();
    send(&producer, "first").await;
    assert!(listener.shown().iter().all(|shown| *shown == der(&first)));

    for (text, is_of_use, value) in [
        (second.key.clone(), false, "broken"),
        (second.both(), true, "second"),
    ] {
        folder.write("client.pem", &text);
        let before = listener.shown().len();
        broker.stop_node(1).await.unwrap();
        broker.start_node(1).await.unwrap();
        send(&producer, value).await;
        let told = within("news of the certificates", async {
            loop {
                match events.next().await.expect("events") {
                    Event::CertificatesReplaced => break None,
                    Event::CertificatesRefused { error } => break Some(error),
                    _ => {}
                }
            }
        })
        .await;
        assert_eq!(told.is_none(), is_of_use, "{told:?}");
        if let Some(error) = told {
            let told = error.to_string();
            assert!(
                told.contains("client.pem") && told.contains("CERTIFICATE"),
                "{told}"
            );
        }
        let expected = der(if is_of_use { &second } else { &first });
        let shown = listener.shown();
        assert!(shown.len() > before);
        assert!(
            shown[before..].iter().all(|shown| *shown == expected),
            "{value}"
        );
    }
    assert_eq!(
        read(listener.address, tls, 3).await,
        ["first", "broken", "second"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_may_move_to_another_ca_once_both_are_trusted() {
    let (old, new) = (authority(), Authority::other());
    let folder = Folder::new("moved");
    let roots = folder.write("ca.pem", &old.pem());
    let (broker, listener) = start(server_config(&old.issue_any(), BOTH, None)).await;
    let tls = Tls::new().roots_file(&roots);
    let producer = producer(listener.address, tls, |builder| builder)
        .await
        .unwrap();
    send(&producer, "old").await;
    folder.write("ca.pem", &format!("{}{}", old.pem(), new.pem()));
    listener.replace(server_config(&new.issue_any(), BOTH, None));
    broker.stop_node(1).await.unwrap();
    broker.start_node(1).await.unwrap();
    send(&producer, "new").await;
    assert_eq!(listener.failures(), [""; 0]);
}
