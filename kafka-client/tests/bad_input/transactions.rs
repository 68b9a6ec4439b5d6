//! Transactional misuse.

use kafka_client::Error;
use kafka_client::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};

use crate::fixture::*;

fn is_illegal(error: &Error) -> bool {
    matches!(error, Error::IllegalState { .. })
}

fn is_fenced(error: &Error) -> bool {
    matches!(error, Error::Fenced { .. })
}

async fn transact(producer: &Producer) {
    within("beginning", producer.begin_transaction())
        .await
        .unwrap();
    writes(producer).await;
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_does_not_go_together_with_the_state_of_the_transaction_changes_nothing() {
    let broker = start().await;
    let producer = producer(builder(&broker).transactional_id("tx")).await;
    let begin = producer.begin_transaction();
    refusal("beginning before initializing", begin).await.is(
        is_illegal,
        "init_transactions",
        AT_ONCE,
    );
    let send = producer.send(Record::to("t").value("v"));
    refusal("sending before initializing", send)
        .await
        .is(is_illegal, "transaction", AT_ONCE);
    within("initializing", producer.init_transactions())
        .await
        .unwrap();

    let outside = "begin_transaction";
    let send = producer.send(Record::to("t").value("v"));
    refusal("sending outside", send)
        .await
        .is(is_illegal, outside, AT_ONCE);
    let tried = producer.try_send(Record::to("t").value("v"));
    refused("trying outside", tried).is(is_illegal, outside, AT_ONCE);
    let all = producer.send_all([Record::to("t").value("v")]);
    refusal("sending many outside", all)
        .await
        .is(is_illegal, outside, AT_ONCE);
    refusal("committing nothing", producer.commit_transaction())
        .await
        .is(is_illegal, outside, AT_ONCE);
    refusal("aborting nothing", producer.abort_transaction())
        .await
        .is(is_illegal, outside, AT_ONCE);
    let group = ConsumerGroupMetadata::new("g");
    let partition = kafka_client::TopicPartition::new("t", 0);
    let offsets = [(partition, OffsetAndMetadata::new(1))];
    let positions = producer.send_offsets_to_transaction(offsets, &group);
    refusal("positions outside", positions)
        .await
        .is(is_illegal, outside, AT_ONCE);

    within("beginning", producer.begin_transaction())
        .await
        .unwrap();
    refusal("beginning twice", producer.begin_transaction())
        .await
        .is(is_illegal, "open", AT_ONCE);
    // Nothing of that stands in the way of the transaction that is open.
    assert_eq!(writes(&producer).await, 0);
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
    transact(&producer).await;
}

#[tokio::test]
async fn transactions_need_a_name() {
    let broker = start().await;
    let producer = producer(builder(&broker)).await;
    let is_expected =
        |error: &Error| matches!(error, Error::Config { key, .. } if key == "transactional.id");
    let text = "transactions need a name that this producer alone has";
    for what in ["init", "begin", "commit", "abort"] {
        let refusal = match what {
            "init" => refusal(what, producer.init_transactions()).await,
            "begin" => refusal(what, producer.begin_transaction()).await,
            "commit" => refusal(what, producer.commit_transaction()).await,
            _ => refusal(what, producer.abort_transaction()).await,
        };
        refusal.is(is_expected, text, AT_ONCE);
    }
    assert_eq!(writes(&producer).await, 0);
}

#[tokio::test]
async fn of_two_producers_with_one_transactional_id_the_older_is_fenced_and_told_so() {
    let broker = start().await;
    let older = producer(builder(&broker).transactional_id("tx")).await;
    within("initializing", older.init_transactions())
        .await
        .unwrap();
    within("beginning", older.begin_transaction())
        .await
        .unwrap();
    writes(&older).await;

    let newer = producer(builder(&broker).transactional_id("tx")).await;
    within("initializing", newer.init_transactions())
        .await
        .unwrap();

    let error = refusal("committing", older.commit_transaction()).await.is(
        is_fenced,
        "the producer of \"tx\" is fenced",
        AT_ONCE,
    );
    assert!(error.is_fatal() && !error.requires_abort(), "{error}");
    let send = older.send(Record::to("t").value("v"));
    refusal("sending", send)
        .await
        .is(is_fenced, "fenced", AT_ONCE);
    refusal("beginning", older.begin_transaction())
        .await
        .is(is_fenced, "fenced", AT_ONCE);
    let _ = within("closing", older.close(LIMIT)).await;

    transact(&newer).await;
    transact(&newer).await;
}
