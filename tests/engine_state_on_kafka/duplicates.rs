//! A topic that has each record twice.

use std::time::Duration;

use kafka_client::producer::Record;
use stream_engine::Trigger;
use stream_engine::kafka::KafkaSink;

use crate::program::{Program, create, read, source, write};

pub(crate) async fn a_record_written_twice_comes_out_once(servers: &str, trigger: Trigger) {
    let input = create(servers, "orders", 2).await;
    let output = create(servers, "once", 2).await;
    let sink = KafkaSink::topic(&output).bootstrap_servers(servers);
    let mut program = Program::start(source(servers, &input), trigger, |orders| {
        let long = Duration::from_secs(3600);
        let once = orders.deduplicate_by(|order| order.key().unwrap_or_default().to_vec(), long)?;
        once.map(|order| {
            (
                order.key().map(<[u8]>::to_vec),
                order.value().map(<[u8]>::to_vec),
            )
        })
        .save_to_kafka(sink);
        Ok(())
    });
    // The copy comes at once, in the same partition or in the other one, or when the first has been committed.
    let rounds: [Vec<(u64, i32)>; 2] = [
        (0..200)
            .flat_map(|n| [(n, 0), (n, n as i32 % 2)])
            .chain((200..300).map(|n| (n, 1)))
            .collect(),
        (200..300).map(|n| (n, n as i32 % 2)).collect(),
    ];
    let mut written = 0;
    for round in rounds {
        let numbers: Vec<String> = round.iter().map(|(n, _)| n.to_string()).collect();
        let records = round.iter().zip(&numbers).map(|((_, partition), number)| {
            Record::to(&input)
                .partition(*partition)
                .key(number)
                .value(number)
        });
        write(servers, records).await;
        written += round.len();
        program.records(written).await;
    }
    assert_eq!(written, 600);
    program.stop().await;
    let mut orders = read(servers, &output).await;
    orders.sort_by_key(|order| order.1);
    let expected: Vec<_> = (0..300).map(|n: u64| (n.to_string(), n)).collect();
    assert_eq!(orders, expected);
}
