//! What it costs to hand a record of 100 bytes over, until it lies in its batch. The sender does not run meanwhile: its
//! runtime has one thread, which is busy appending.

use std::time::Duration;

use divan::counter::ItemsCount;
use kafka_broker::Broker;
use kafka_client::producer::{Producer, Record};
use tokio::runtime::{Builder, Runtime};

const RECORDS: usize = 10_000;

fn main() {
    divan::main();
}

struct Bench {
    runtime: Runtime,
    _broker: Broker,
    producer: Producer,
}

impl Bench {
    fn start(batch_size: usize) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (broker, producer) = runtime.block_on(async {
            let broker = Broker::builder()
                .retention_bytes(1 << 20)
                .start()
                .await
                .expect("a broker");
            broker.create_topic("t", 4).expect("a topic");
            let builder = Producer::builder().bootstrap_servers(broker.bootstrap_servers());
            let builder = builder
                .linger(Duration::from_secs(60))
                .batch_size(batch_size);
            let producer = builder.build().await.expect("a producer");
            producer.partition_count("t").await.expect("the topic");
            (broker, producer)
        });
        Self {
            runtime,
            _broker: broker,
            producer,
        }
    }

    fn flush(&self) {
        self.runtime
            .block_on(self.producer.flush())
            .expect("everything is written");
    }
}

/// One by one, each with its delivery.
#[divan::bench(args = [16 << 10, 1 << 20], sample_count = 50, sample_size = 1)]
fn try_send(bencher: divan::Bencher<'_, '_>, batch_size: usize) {
    let bench = Bench::start(batch_size);
    let value = [7; 100];
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(|| bench.flush())
        .bench_local_values(|()| {
            for _ in 0..RECORDS {
                let delivery = bench.producer.try_send(Record::to("t").value(&value));
                drop(divan::black_box(delivery.expect("room")));
            }
        });
}

/// With keys, which choose the partition.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn try_send_keyed(bencher: divan::Bencher<'_, '_>) {
    let bench = Bench::start(16 << 10);
    let value = [7; 100];
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(|| bench.flush())
        .bench_local_values(|()| {
            for n in 0..RECORDS {
                let delivery = bench
                    .producer
                    .try_send(Record::to("t").key(&n.to_be_bytes()).value(&value));
                drop(divan::black_box(delivery.expect("room")));
            }
        });
}

/// Many at once.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn send_all(bencher: divan::Bencher<'_, '_>) {
    let bench = Bench::start(16 << 10);
    let value = [7; 100];
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(|| bench.flush())
        .bench_local_values(|()| {
            let records = (0..RECORDS).map(|_| Record::to("t").value(&value));
            let taken = bench.runtime.block_on(bench.producer.send_all(records));
            assert_eq!(taken, Ok(RECORDS));
        });
}
