//! Share groups (KIP-932) on the embedded broker.

mod share_promises;

use std::sync::Arc;
use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::Error;
use share_promises::fixture::Site;
use share_promises::{acknowledging, sharing, workers};

fn site(broker: &Arc<Broker>) -> Site {
    let groups = broker.clone();
    let set = move |group: &str, name: &str, value: &str| {
        let set = groups.set_share_group_config(group, name, Some(value));
        set.map_err(|error| Error::Config {
            key: name.to_owned(),
            value: value.to_owned(),
            reason: error.to_string(),
        })
    };
    Site {
        bootstrap: broker.bootstrap_servers(),
        set_of_group: Some(Arc::new(set)),
    }
}

macro_rules! promises {
    ($($promise:ident of $module:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $promise() {
            let broker = Broker::builder()
                .share_group_heartbeat_interval(Duration::from_millis(200))
                .share_group_session_timeout(Duration::from_secs(5));
            let broker = Arc::new(broker.start().await.unwrap());
            $module::$promise(&site(&broker)).await;
        }
    )*};
}

promises! {
    the_next_poll_accepts_what_was_handed_out of acknowledging;
    a_commit_accepts_what_was_handed_out of acknowledging;
    a_released_record_is_delivered_again of acknowledging;
    a_rejected_record_is_never_delivered_again of acknowledging;
    what_is_delivered_too_often_is_given_up of acknowledging;
    misuse_is_told_by_name_and_changes_nothing of acknowledging;
    a_lock_that_ends_gives_the_record_to_others of acknowledging;
    a_renewed_lock_keeps_the_record of acknowledging;
    closing_gives_back_what_was_not_acknowledged of acknowledging;
    offsets_without_a_record_are_done_with of acknowledging;
    more_members_than_partitions_share_the_records of sharing;
    a_group_begins_where_its_setting_says of sharing;
    a_subscription_is_changed_and_given_up of sharing;
    a_stream_has_all_batches_and_ends_with_the_consumer of sharing;
    a_poll_that_is_dropped_loses_nothing of sharing;
    what_happens_is_measured of sharing;
    ten_workers_that_crash_accept_every_record_once of workers;
}
