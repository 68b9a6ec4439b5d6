use kafka_broker::Broker;
use kafka_proto::messages::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::connection::{Connection, broker};

async fn lives(broker: &Broker) {
    let response = Connection::open(broker)
        .await
        .call(&ApiVersionsRequest::default(), 0)
        .await;
    assert_eq!(response.error_code, 0);
}

fn framed(content: &[u8]) -> Vec<u8> {
    [&(content.len() as i32).to_be_bytes()[..], content].concat()
}

#[tokio::test]
async fn what_is_no_request_ends_its_connection_and_nothing_else() {
    let broker = Broker::builder()
        .max_request_bytes(1 << 20)
        .start()
        .await
        .unwrap();
    let header = |key: i16, version: i16| {
        [
            &key.to_be_bytes()[..],
            &version.to_be_bytes(),
            &[0, 0, 0, 1, 0xff, 0xff],
        ]
        .concat()
    };
    for (what, bytes) in [
        ("negative length", (-1i32).to_be_bytes().to_vec()),
        ("giant length", i32::MAX.to_be_bytes().to_vec()),
        ("more than the limit", (1i32 << 21).to_be_bytes().to_vec()),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        ("empty frame", framed(&[])),
        ("short header", framed(&[0, 3, 0])),
        ("unknown API", framed(&header(999, 0))),
        ("API without an answer here", framed(&header(15, 0))),
        ("unknown version", framed(&header(3, 99))),
        ("negative version", framed(&header(3, -1))),
        (
            "version that is advertised and not served",
            framed(&header(0, 0)),
        ),
        ("missing body", framed(&header(12, 0))),
        (
            "giant array",
            framed(&[header(3, 1), vec![0x7f, 0xff, 0xff, 0xff]].concat()),
        ),
        (
            "bytes left over",
            framed(&[header(18, 0), vec![0; 5]].concat()),
        ),
    ] {
        let mut connection = Connection::open(&broker).await;
        connection.write(&bytes).await;
        assert_eq!(connection.next_frame().await, None, "{what}");
        lives(&broker).await;
    }
}

#[tokio::test]
async fn a_frame_that_does_not_come_holds_nobody_up() {
    let broker = broker().await;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut connection = Connection::open(&broker).await;
        connection.write(&(100i32 << 20).to_be_bytes()).await;
        connection.write(&[0, 3]).await;
        waiting.push(connection);
    }
    lives(&broker).await;
}

#[test]
fn random_bytes_do_no_harm() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let broker = runtime.block_on(broker());
    // Half of them look like a request up to their body.
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    let strategy = (any::<bool>(), 0i16..40, 0i16..19, body);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(300)
    });
    let result = runner.run(&strategy, |(plausible, key, version, body)| {
        let header = [
            &key.to_be_bytes()[..],
            &version.to_be_bytes(),
            &[0, 0, 0, 1, 0, 1, b'c', 0],
        ]
        .concat();
        let content = if plausible {
            [header, body].concat()
        } else {
            body
        };
        runtime.block_on(async {
            let mut connection = Connection::open(&broker).await;
            connection.write(&framed(&content)).await;
            connection.write(&framed(&[])).await;
        });
        Ok(())
    });
    result.unwrap();
    runtime.block_on(lives(&broker));
}
