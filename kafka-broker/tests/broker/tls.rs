//! TLS listeners, as a client of rustls sees them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kafka_broker::{
    Broker, BrokerError, ClientAuth, Listener, SaslMechanism, SecurityProtocol, Tls,
};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    ApiVersionsRequest, CreateDelegationTokenRequest, MetadataRequest, SaslAuthenticateRequest,
    SaslHandshakeRequest,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::connection::{Connection, within};

const CLIENT: &str = r"1.2.840.113549.1.9.1=#160d7a406578616d706c652e6f7267,CN=Zoë Client,OU=a\+b,O=Ex\, Inc,ST=Bayern,C=DE";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/broker/certificates")
        .join(name)
}

fn server() -> Tls {
    Tls::from_files(file("server.pem"), file("server.key"))
}

async fn start(protocol: SecurityProtocol, tls: Tls) -> Broker {
    Broker::builder()
        .listener(Listener::new("SECURE", protocol))
        .sasl_mechanisms([SaslMechanism::Plain])
        .user("alice", "secret")
        .delegation_tokens("key")
        .tls(tls)
        .start()
        .await
        .unwrap()
}

fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_file_iter(file(name)).unwrap();
    certificates.map(Result::unwrap).collect()
}

/// A client that trusts our authority, and shows this certificate.
fn client(shows: Option<&str>, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificates("ca.pem").remove(0)).unwrap();
    // The one that every machine can run.
    let provider = Arc::new(oxitls_rustcrypto_provider::provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    match shows {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let key = PrivateKeyDer::from_pem_file(file(&format!("{name}.key"))).unwrap();
            let chain = certificates(&format!("{name}.pem"));
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

async fn connect(broker: &Broker, client: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(broker.local_addr()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    within("a handshake", connector.connect(name, socket)).await
}

/// Whether requests are answered. Of TLS 1.3 the client knows only then whether its certificate is liked.
async fn is_served(c: &mut Connection) -> bool {
    let request = ApiVersionsRequest::default();
    c.send(&request, 0).await;
    c.next_frame().await.is_some()
}

/// What somebody is called who asks for a token.
async fn name(c: &mut Connection) -> Result<String, ErrorCode> {
    let request = CreateDelegationTokenRequest {
        owner_principal_type: None,
        owner_principal_name: None,
        ..Default::default()
    };
    let response = c.call(&request, 3).await;
    match ErrorCode::from(response.error_code) {
        ErrorCode::None => Ok(response.principal_name.to_string()),
        error => Err(error),
    }
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken() {
    let broker = start(SecurityProtocol::Ssl, server()).await;
    for version in [&TLS12, &TLS13] {
        let stream = connect(&broker, client(None, &[version])).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let mut c = Connection::over(stream);
        assert!(is_served(&mut c).await);
        let refused = ErrorCode::DelegationTokenRequestNotAllowed;
        assert_eq!(name(&mut c).await, Err(refused), "nobody in particular");
        // More than a buffer of TLS holds.
        broker
            .create_topic(&format!("t{:?}", version.version), 2000)
            .unwrap();
        let all = MetadataRequest {
            topics: None,
            ..Default::default()
        };
        let metadata = c.call(&all, 12).await;
        assert_eq!(metadata.topics[0].partitions.len(), 2000);
    }
}

#[tokio::test]
async fn a_certificate_says_who_a_client_is_where_it_is_asked_for() {
    for (asked, shows, served) in [
        (
            ClientAuth::None,
            Some("client"),
            Some(Err(ErrorCode::DelegationTokenRequestNotAllowed)),
        ),
        (
            ClientAuth::Requested,
            None,
            Some(Err(ErrorCode::DelegationTokenRequestNotAllowed)),
        ),
        (
            ClientAuth::Requested,
            Some("client"),
            Some(Ok(CLIENT.to_owned())),
        ),
        (ClientAuth::Requested, Some("stranger"), None),
        (ClientAuth::Required, None, None),
        (
            ClientAuth::Required,
            Some("client"),
            Some(Ok(CLIENT.to_owned())),
        ),
        (ClientAuth::Required, Some("stranger"), None),
    ] {
        let tls = server().client_auth(asked).trusted_file(file("ca.pem"));
        let broker = start(SecurityProtocol::Ssl, tls).await;
        for version in [&TLS12, &TLS13] {
            let row = format!("{asked:?}, {shows:?}, {version:?}");
            let connected = connect(&broker, client(shows, &[version])).await;
            let Ok(stream) = connected else {
                assert_eq!(served, None, "{row}");
                continue;
            };
            let mut c = Connection::over(stream);
            match &served {
                None => assert!(!is_served(&mut c).await, "{row}"),
                Some(served) => assert_eq!(name(&mut c).await, *served, "{row}"),
            }
        }
    }
}

#[tokio::test]
async fn within_tls_clients_log_in_by_sasl() {
    let tls = server().client_auth(ClientAuth::Requested);
    let broker = start(SecurityProtocol::SaslSsl, tls.trusted_file(file("ca.pem"))).await;
    let stream = connect(&broker, client(Some("client"), &[&TLS13]))
        .await
        .unwrap();
    let mut c = Connection::over(stream);
    let handshake = SaslHandshakeRequest {
        mechanism: "PLAIN".into(),
        ..Default::default()
    };
    assert_eq!(c.call(&handshake, 1).await.error_code, 0);
    let token = SaslAuthenticateRequest {
        auth_bytes: "\0alice\0secret".into(),
        ..Default::default()
    };
    assert_eq!(c.call(&token, 2).await.error_code, 0);
    assert_eq!(name(&mut c).await.as_deref(), Ok("alice"));
}

#[tokio::test]
async fn plain_text_gets_no_answer_and_holds_nobody_up() {
    let broker = start(SecurityProtocol::Ssl, server()).await;
    let mut c = Connection::open(&broker).await;
    c.send(&ApiVersionsRequest::default(), 0).await;
    // An alert of TLS is no frame of Kafka's: its length is absurd, and nothing follows it.
    let mut silent = Connection::open(&broker).await;
    silent.write(b"\x16\x03").await;
    let stream = connect(&broker, client(None, &[&TLS13])).await.unwrap();
    assert!(is_served(&mut Connection::over(stream)).await);
}

#[tokio::test]
async fn certificates_are_changed_while_it_runs() {
    let folder = std::env::temp_dir().join(format!("kafka-broker-{}", fastrand::u64(..)));
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str| {
        for kind in ["pem", "key"] {
            let from = file(&format!("{name}.{kind}"));
            std::fs::copy(from, folder.join(format!("used.{kind}"))).unwrap();
        }
    };
    put("server");
    let tls = Tls::from_files(folder.join("used.pem"), folder.join("used.key"));
    let broker = start(SecurityProtocol::Ssl, tls).await;
    let shown = async || {
        let stream = connect(&broker, client(None, &[&TLS13])).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap().to_vec()
    };
    assert_eq!(shown().await, certificates("server.pem"));
    put("renewed");
    assert_eq!(shown().await, certificates("server.pem"));
    broker.reload_certificates().unwrap();
    assert_eq!(shown().await, certificates("renewed.pem"));
    std::fs::write(folder.join("used.key"), "nothing").unwrap();
    let error = broker.reload_certificates().unwrap_err().to_string();
    assert!(error.contains("used.key"), "{error}");
    assert_eq!(shown().await, certificates("renewed.pem"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_certificates_is_named() {
    let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    for (tls, because) in [
        (None, "BrokerBuilder::tls"),
        (
            Some(Tls::from_files(file("none.pem"), file("server.key"))),
            "none.pem",
        ),
        (
            Some(Tls::from_files(file("server.key"), file("server.key"))),
            "no certificate",
        ),
        (
            Some(Tls::from_files(file("server.pem"), file("server.pem"))),
            "no private key",
        ),
        (
            Some(Tls::from_files(file("server.pem"), file("client.key"))),
            "client.key",
        ),
        (
            Some(Tls::from_pem(text("server.pem"), "geheim")),
            "the text given",
        ),
        (
            Some(server().client_auth(ClientAuth::Required)),
            "no authority is trusted",
        ),
        (
            Some(
                server()
                    .client_auth(ClientAuth::Requested)
                    .trusted_pem("geheim"),
            ),
            "no certificate",
        ),
    ] {
        let mut builder = Broker::builder().listener(Listener::new("S", SecurityProtocol::Ssl));
        if let Some(tls) = tls {
            assert!(!format!("{tls:?}").contains("geheim"));
            builder = builder.tls(tls);
        }
        let error = builder.start().await.unwrap_err();
        assert!(matches!(error, BrokerError::Tls { .. }), "{error:?}");
        let told = error.to_string();
        assert!(told.contains(because) && !told.contains("geheim"), "{told}");
    }
}
