//! Transactions.

use crate::*;

pub(crate) async fn transactions_are_described_and_ended_by_fencing(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let (name, id) = (topic(&admin, 1).await, unique("admin"));
    let at = TopicPartition::new(&*name, 0);
    let producer = Producer::builder()
        .bootstrap_servers(&kafka.servers)
        .transactional_id(&id);
    let producer = within("a producer", producer.build()).await.unwrap();
    within("its identity", producer.init_transactions())
        .await
        .unwrap();
    within("a transaction", producer.begin_transaction())
        .await
        .unwrap();
    let record = Record::to(&name).value(b"v");
    within("sending", producer.send(record)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();
    let wanted = ListTransactions {
        states: vec![TransactionState::Ongoing],
        ..ListTransactions::default()
    };
    let listed = within("listing", admin.list_transactions(wanted)).await;
    let listed = listed.unwrap();
    assert_eq!(
        listed
            .iter()
            .filter(|listed| listed.transactional_id == id)
            .count(),
        1
    );
    let described = within(
        "describing",
        admin.describe_transactions([&*id, "admin-missing"]),
    );
    let described = described.await.unwrap();
    assert_eq!(code(&described[1].1), ErrorCode::TransactionalIdNotFound);
    let open_in = &described[0].1.as_ref().unwrap().partitions;
    assert_eq!(open_in, std::slice::from_ref(&at));
    let open = async || {
        let producers = within("producers", admin.describe_producers([at.clone()]));
        let producers = only(producers.await.unwrap()).unwrap();
        producers[0].transaction_start_offset
    };
    assert_eq!(open().await, Some(0));
    let fenced = within("fencing", admin.fence_producers([&*id]));
    only(fenced.await.unwrap()).unwrap();
    assert_eq!(open().await, None);
    let error = within("the commit", producer.commit_transaction()).await;
    assert!(matches!(error, Err(Error::Fenced { .. })), "{error:?}");
}
