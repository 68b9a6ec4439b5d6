//! ECDSA certificates, and brokers that want to see ours.

use tests::tls::Authority;

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_broker_that_wants_a_certificate_takes_ours_and_refuses_others_by_each_version() {
    let _turn = turn().await;
    for options in [
        &[
            "--mtls",
            "--ecdsa",
            "--conf",
            "ssl.enabled.protocols=TLSv1.2",
        ][..],
        &[
            "--mtls",
            "--ecdsa",
            "--conf",
            "ssl.enabled.protocols=TLSv1.3",
        ],
        &["--mtls", "--conf", "ssl.enabled.protocols=TLSv1.2"],
        &["--mtls"],
    ] {
        println!("{options:?}");
        let node = node(options).await;
        let servers = node.tls();
        write_and_read(&servers, &identified(&node), "mutual").await;

        let error = refusal(&servers, &trusting(&node)).await;
        is_refused(&error, &servers, "ssl.keystore.location");
        let foreign = Authority::other().issue_any();
        let settings = with(
            &trusting(&node),
            "ssl.keystore.certificate.chain",
            &foreign.certificate,
        );
        let settings = with(&settings, "ssl.keystore.key", &foreign.key);
        let error = refusal(&servers, &settings).await;
        is_refused(&error, &servers, "refused our certificate");

        let newer = with(&identified(&node), "ssl.enabled.protocols", "TLSv1.3");
        if options.contains(&"ssl.enabled.protocols=TLSv1.2") {
            is_refused(
                &refusal(&servers, &newer).await,
                &servers,
                "ssl.enabled.protocols",
            );
        } else {
            write_and_read(&servers, &newer, "newer").await;
        }
        stop(node).await;
    }
}
