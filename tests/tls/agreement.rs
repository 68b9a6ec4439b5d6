//! What both sides can agree on.

use rustls::version::{TLS12, TLS13};
use tests::tls::{Authority, KeyKind, Leaf, server_config};

use crate::fixture::{BOTH, producer, read, send, start, trusting};
use kafka_client::security::TlsVersion;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_go_there_and_back_by_each_version_and_kind_of_key_with_and_without_a_certificate_of_ours()
 {
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let authority = Authority::new(kind);
        let ours = authority.issue(Leaf {
            names: &["alice"],
            ..Leaf::default()
        });
        for version in [&TLS12, &TLS13] {
            for is_mutual in [false, true] {
                let clients = is_mutual.then_some(&authority);
                let config = server_config(&authority.issue_any(), &[version], clients);
                let (_broker, listener) = start(config).await;
                let mut tls = trusting(&authority);
                if is_mutual {
                    tls = tls.certificate_pem(ours.certificate.clone(), ours.key.clone());
                }
                let what = format!("{kind:?}, {version:?}, mutual {is_mutual}");
                let writer = producer(listener.address, tls.clone(), |builder| builder).await;
                // More than one record of TLS, which is 16 KiB long at most.
                let value = "v".repeat(100_000);
                send(&writer.expect(&what), &value).await;
                assert_eq!(read(listener.address, tls, 1).await, [value], "{what}");
                let shown = listener.shown();
                assert!(!shown.is_empty(), "{what}");
                assert!(
                    shown.iter().all(|shown| shown.is_some() == is_mutual),
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_name_is_accepted_only_where_names_are_not_checked() {
    let authority = Authority::new(KeyKind::P256);
    let elsewhere = authority.issue(Leaf {
        names: &["elsewhere"],
        ..Leaf::default()
    });
    let (_broker, listener) = start(server_config(&elsewhere, BOTH, None)).await;
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let tls = trusting(&authority).versions([version]);
        let error = producer(listener.address, tls.clone(), |builder| builder).await;
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("not for broker (it is for elsewhere)"),
            "{error}"
        );
        let unchecked = tls.check_host_name(false);
        let writer = producer(listener.address, unchecked.clone(), |builder| builder).await;
        send(&writer.unwrap(), "v").await;
        // Whoever has signed it is checked all the same.
        let stranger = trusting(&Authority::other())
            .check_host_name(false)
            .versions([version]);
        let error = producer(listener.address, stranger, |builder| builder).await;
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("no CA that is trusted"), "{error}");
    }
}
