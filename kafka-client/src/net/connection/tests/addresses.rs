//! The addresses of a name.

use super::*;

#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    // On most systems the name is ::1 first, where nobody listens.
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer
    };
    let config = ClientConfig::default();
    let told = telemetry();
    let open = Connection::open("the broker".to_owned(), "localhost", port, &config, &told);
    let (connection, _peer) = tokio::join!(soon("the connection", open), peer);
    connection.unwrap();
}

/// Listens on another loopback address with the same port, and says nothing.
async fn silent(host: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn an_address_that_hangs_does_not_keep_the_next_one_waiting() {
    let (_hanging, first) = silent("127.0.0.1").await;
    let (listener, port) = listen().await;
    let good = SocketAddr::from(([127, 0, 0, 1], port));
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer
    };
    let config = ClientConfig {
        connection_setup_timeout: SOON * 6,
        ..Default::default()
    };
    let addresses = [first, good];
    let told = telemetry();
    let open = Connection::open_any("the broker".to_owned(), &addresses, &config, &told);
    let (connection, _peer) = tokio::join!(soon("the connection", open), peer);
    connection.unwrap();
}

#[tokio::test]
async fn why_each_address_of_a_name_failed_is_told() {
    let (_hanging, first) = silent("127.0.0.1").await;
    let (refusing, second) = silent("127.0.0.1").await;
    drop(refusing);
    let config = ClientConfig {
        connection_setup_timeout: SHORT,
        ..Default::default()
    };
    let addresses = [first, second];
    let telemetry = telemetry();
    let open = Connection::open_any("the broker".to_owned(), &addresses, &config, &telemetry);
    let told = reason(soon("the failure", open).await.unwrap_err());
    let (one, two) = told.split_once(", ").unwrap();
    assert!(one.starts_with(&format!("{first}: ApiVersions was not answered")));
    assert!(
        two.starts_with(&format!("{second}: ")) && two.contains("refused"),
        "{two}"
    );
    let none = Connection::open_any("the broker".to_owned(), &[], &config, &telemetry);
    assert_eq!(reason(none.await.unwrap_err()), "the name has no address");
}
