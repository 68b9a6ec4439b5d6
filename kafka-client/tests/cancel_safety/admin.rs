//! The admin client.

use kafka_broker::Broker;
use kafka_client::admin::{
    Admin, CreatedTopic, ListGroups, ListTransactions, NewTopic, OffsetAndMetadata, OffsetSpec,
};
use kafka_client::{Error, ErrorCode, Result};

use crate::dropping::*;

async fn admin(broker: &Broker) -> Admin {
    let builder = Admin::builder().bootstrap_servers(broker.bootstrap_servers());
    within("an admin", builder.build()).await.unwrap()
}

/// Whether a topic is there now, be it by this call or by the one that was dropped.
fn is_there(created: &[(String, Result<CreatedTopic>)]) -> bool {
    let exists = ErrorCode::TopicAlreadyExists;
    created.iter().all(|(_, result)| match result {
        Ok(_) => true,
        Err(Error::Broker { code, .. }) => *code == exists,
        Err(_) => false,
    })
}

fn is_gone(deleted: &[(String, Result<()>)]) -> bool {
    let missing = ErrorCode::UnknownTopicOrPartition;
    deleted.iter().all(|(_, result)| match result {
        Ok(()) => true,
        Err(Error::Broker { code, .. }) => *code == missing,
        Err(_) => false,
    })
}

#[tokio::test]
async fn topics_are_created_and_deleted_at_most_once_wherever_it_was_dropped() {
    let broker = start().await;
    for waits in 0..POINTS {
        let admin = admin(&broker).await;
        let topic = || [NewTopic::new("new").partitions(3)];
        let created = dropped_after(waits, admin.create_topics(topic())).await;
        let again = within("creating", admin.create_topics(topic()))
            .await
            .unwrap();
        assert!(is_there(&again), "{again:?}");
        let described = within("describing", admin.describe_topics(["new"]))
            .await
            .unwrap();
        assert_eq!(described[0].1.as_ref().unwrap().partitions.len(), 3);
        let deleted = dropped_after(waits, admin.delete_topics(["new"])).await;
        let again = within("deleting", admin.delete_topics(["new"]))
            .await
            .unwrap();
        assert!(is_gone(&again), "{again:?}");
        let left = within("listing", admin.list_topics()).await.unwrap();
        assert!(left.iter().all(|topic| topic.name != "new"), "{left:?}");
        if created.is_some() && deleted.is_some() {
            return;
        }
    }
    panic!("never done");
}

#[tokio::test]
async fn asking_can_be_dropped_and_done_again() {
    let broker = start().await;
    for waits in 0..POINTS {
        let mut ended = true;
        let new = admin(&broker).await;
        ended &= dropped_after(waits, new.brokers()).await.is_some();
        assert_eq!(within("brokers", new.brokers()).await.unwrap().len(), 1);

        let new = admin(&broker).await;
        ended &= dropped_after(waits, new.list_topics()).await.is_some();
        assert_eq!(within("topics", new.list_topics()).await.unwrap().len(), 1);

        let new = admin(&broker).await;
        ended &= dropped_after(waits, new.describe_topics(["t"]))
            .await
            .is_some();
        let found = within("a topic", new.describe_topics(["t"])).await.unwrap();
        assert!(found[0].1.is_ok());

        let new = admin(&broker).await;
        let latest = || [(partition(), OffsetSpec::Latest)];
        ended &= dropped_after(waits, new.list_offsets(latest()))
            .await
            .is_some();
        let found = within("offsets", new.list_offsets(latest())).await.unwrap();
        let found = found[0].1.as_ref().unwrap();
        assert_eq!(found.map(|found| found.offset), Some(0));

        let build = Admin::builder().bootstrap_servers(broker.bootstrap_servers());
        ended &= dropped_after(waits, build.build()).await.is_some();
        if ended {
            return;
        }
    }
    panic!("never answered");
}

#[tokio::test]
async fn groups_are_set_up_asked_about_and_deleted_wherever_it_was_dropped() {
    let broker = start().await;
    for waits in 0..POINTS {
        let mut ended = true;
        let new = admin(&broker).await;
        let offsets = || [(partition(), OffsetAndMetadata::new(5))];
        let altering = new.alter_group_offsets("g", offsets());
        ended &= dropped_after(waits, altering).await.is_some();
        let altered = within("altering", new.alter_group_offsets("g", offsets()));
        assert!(altered.await.unwrap()[0].1.is_ok());

        let new = admin(&broker).await;
        ended &= dropped_after(waits, new.list_group_offsets("g", None))
            .await
            .is_some();
        let listed = within("listing", new.list_group_offsets("g", None));
        assert_eq!(listed.await.unwrap().len(), 1);

        let new = admin(&broker).await;
        ended &= dropped_after(waits, new.list_groups(ListGroups::default()))
            .await
            .is_some();
        let listed = within("listing", new.list_groups(ListGroups::default()));
        assert_eq!(listed.await.unwrap().len(), 1);
        let described = dropped_after(waits, new.describe_groups(["g"])).await;
        ended &= described.is_some();
        let described = within("describing", new.describe_groups(["g"])).await;
        assert!(described.unwrap()[0].1.is_ok());

        let any = ListTransactions::default;
        let listed = dropped_after(waits, new.list_transactions(any())).await;
        ended &= listed.is_some();
        let listed = within("listing", new.list_transactions(any())).await;
        assert!(listed.unwrap().is_empty());

        let deleted = dropped_after(waits, new.delete_groups(["g"])).await;
        ended &= deleted.is_some();
        within("deleting", new.delete_groups(["g"])).await.unwrap();
        let left = within("listing", new.list_groups(ListGroups::default()));
        assert!(left.await.unwrap().is_empty());
        if ended {
            return;
        }
    }
    panic!("never answered");
}
