//! What can be said of certificates and keys before anything is connected to.

use super::*;

const ROOT: &str = include_str!("../testdata/ca.pem");
const CERTIFICATE: &str = include_str!("../testdata/client.pem");
const KEY: &str = include_str!("../testdata/client.key");

async fn refusal(tls: Tls) -> String {
    let error = TlsClient::load(tls).await.expect_err("of no use");
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    let told = format!("{error} {error:?}");
    let secret = KEY.lines().nth(1).unwrap();
    assert!(!told.contains(secret) && !told.contains("geheim"), "{told}");
    error.to_string()
}

/// A PKCS#8 key of the same kind, and another one.
fn other_key() -> String {
    let mut der = pem::private_key(KEY, None).unwrap().secret_der().to_vec();
    // One of the bytes of the secret number: what it is the key of is another point then.
    der[40] ^= 1;
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

#[tokio::test]
async fn what_is_of_no_use_is_refused_by_the_name_of_its_setting() {
    let roots = || Tls::new().roots_pem(ROOT);
    for (tls, setting, because) in [
        (
            Tls::new().roots_file("no-such.pem"),
            "ssl.truststore.location",
            "No such file",
        ),
        (
            Tls::new().roots_pem("geheim"),
            "ssl.truststore.certificates",
            "no line BEGIN",
        ),
        (
            Tls::new().roots_pem(KEY),
            "ssl.truststore.certificates",
            "expected a CERTIFICATE",
        ),
        (
            roots().certificate_pem(CERTIFICATE, "geheim"),
            "ssl.keystore.key",
            "no line BEGIN",
        ),
        (
            roots().certificate_pem(CERTIFICATE, other_key()),
            "ssl.keystore.key",
            "",
        ),
        (
            roots().keystore_file("no-such.pem"),
            "ssl.keystore.location",
            "No such file",
        ),
        (
            roots().versions([]),
            "ssl.enabled.protocols",
            "expected TLSv1.2",
        ),
    ] {
        let shown = format!("{tls:?}");
        let told = refusal(tls).await;
        assert!(told.contains(&format!("\"{setting}\"")), "{shown}: {told}");
        assert!(told.contains(because), "{because:?} in: {told}");
    }
    for (key, missing) in [
        ("ssl.keystore.certificate.chain", "ssl.keystore.key"),
        ("ssl.keystore.key", "ssl.keystore.certificate.chain"),
    ] {
        let mut tls = roots();
        tls.set(
            key,
            if key.ends_with("key") {
                KEY
            } else {
                CERTIFICATE
            },
        )
        .unwrap();
        let told = refusal(tls).await;
        assert!(
            told.contains(&format!("\"{missing}\"")) && told.contains(key),
            "{told}"
        );
    }
}

#[tokio::test]
async fn files_that_have_not_changed_are_no_news_and_broken_ones_are_told_once() {
    let folder = std::env::temp_dir().join(format!("kafka-client-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (roots, keys) = (folder.join("ca.pem"), folder.join("me.pem"));
    let whole = format!("{KEY}{CERTIFICATE}");
    std::fs::write(&roots, ROOT).unwrap();
    std::fs::write(&keys, &whole).unwrap();
    let tls = Tls::new().roots_file(&roots).keystore_file(&keys);
    let client = TlsClient::load(tls).await.unwrap();
    assert_eq!(client.reload().await, None);

    let used = client.state().config.clone();
    for broken in ["", KEY, CERTIFICATE, &whole[..300]] {
        std::fs::write(&keys, broken).unwrap();
        let told = client.reload().await;
        assert!(
            matches!(told, Some(Event::CertificatesRefused { .. })),
            "{told:?}"
        );
        assert_eq!(client.reload().await, None, "told once");
        assert!(Arc::ptr_eq(&used, &client.state().config));
    }
    std::fs::remove_file(&keys).unwrap();
    let told = client.reload().await;
    assert!(
        matches!(told, Some(Event::CertificatesRefused { .. })),
        "{told:?}"
    );

    std::fs::write(&keys, &whole).unwrap();
    assert_eq!(client.reload().await, None, "the same as before it broke");
    std::fs::write(&keys, format!("{CERTIFICATE}{KEY}")).unwrap();
    assert_eq!(client.reload().await, Some(Event::CertificatesReplaced));
    assert!(!Arc::ptr_eq(&used, &client.state().config));
    std::fs::remove_dir_all(&folder).unwrap();
}
