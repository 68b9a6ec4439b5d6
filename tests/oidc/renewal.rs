//! New tokens in time.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_seconds_are_renewed_under_load_and_nothing_is_lost() {
    let server = TokenServer::start("alice", SECRET).await;
    server.lifetime(Duration::from_secs(3));
    let broker = secured().connections_max_reauth(Duration::from_secs(3600));
    let broker = broker.start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    broker.create_topic("renewed", 1).unwrap();
    let sasl = Sasl::oauth_bearer_oidc(credentials(&server));
    let sent = write(&servers, &sasl, "renewed", Duration::from_secs(8)).await;
    let asked = server.take_asked().len();
    // About every 2.5 s: the first one, and three more or so.
    assert!((3..=6).contains(&asked), "{asked}");
    assert_eq!(count(&servers, &sasl, "renewed", sent).await, sent);
    println!("{sent} records, {asked} tokens");
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_still_good_is_used_on_while_the_endpoint_is_down() {
    let server = TokenServer::start("alice", SECRET).await;
    server.lifetime(Duration::from_secs(6));
    let broker = secured().start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    // To be renewed at once, which fails at once.
    let brief = Duration::from_millis(1);
    let always = credentials(&server).refresh_window(0.5, 0.0);
    let sasl = Sasl::oauth_bearer_oidc(always.retry_backoff(brief, brief));
    create_topic(&servers, &sasl, "before").await;
    server.fail_next(std::iter::repeat_n((503, String::new()), 1000));
    server.take_asked();
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    create_topic(&servers, &sasl, "meanwhile").await;
    assert!(!server.take_asked().is_empty(), "a new one was asked for");
    broker.shutdown().await;
}
