//! What an admin asks, and what tells how far a transaction is.

use super::*;

impl Script {
    /// What the broker supports, and what is finalized, of `transaction.version`.
    pub(super) async fn transaction_version(&mut self) -> (Option<(i16, i16)>, Option<(i16, i16)>) {
        const NAME: &str = "transaction.version";
        let request = ApiVersionsRequest {
            client_software_name: "script".into(),
            client_software_version: "1".into(),
            ..Default::default()
        };
        let answer = self.wire.call(&request, 4).await;
        let mut supported = answer.supported_features.iter();
        let supported = supported.find(|feature| feature.name == NAME);
        let mut finalized = answer.finalized_features.iter();
        let finalized = finalized.find(|feature| feature.name == NAME);
        (
            supported.map(|feature| (feature.min_version, feature.max_version)),
            finalized.map(|feature| (feature.min_version_level, feature.max_version_level)),
        )
    }

    pub(crate) async fn features(&mut self) {
        let (supported, finalized) = self.transaction_version().await;
        self.line(format!(
            "transaction.version: supported {supported:?}, finalized {finalized:?}"
        ));
    }

    /// Sets the cluster's `transaction.version`, and waits until the broker knows.
    pub(crate) async fn set_transaction_version(&mut self, level: i16) {
        let wanted = (level > 0).then_some((level, level));
        let current = self.transaction_version().await.1.map_or(0, |(_, max)| max);
        let update = FeatureUpdateKey {
            feature: "transaction.version".into(),
            max_version_level: level,
            upgrade_type: if level < current { 2 } else { 1 },
            ..Default::default()
        };
        let request = UpdateFeaturesRequest {
            feature_updates: vec![update],
            ..Default::default()
        };
        if level != current {
            let updated = self.wire.call(&request, 2).await;
            assert_eq!(error(updated.error_code), "NONE", "{updated:?}");
        }
        let wait = async { while self.transaction_version().await.1 != wanted {} };
        timeout(WAIT, wait).await.expect("the feature in time");
    }

    pub(super) async fn state(&mut self, id: &str) -> describe_transactions::TransactionState {
        let request = DescribeTransactionsRequest {
            transactional_ids: vec![self.id(id).into()],
            ..Default::default()
        };
        let mut answer = self
            .wire
            .call_coordinator(&request, 0, |answer| {
                answer.transaction_states[0].error_code
            })
            .await;
        answer.transaction_states.remove(0)
    }

    /// Waits until the transaction's markers are written.
    pub(super) async fn settled(&mut self, id: &str) {
        let wait = async {
            while self
                .state(id)
                .await
                .transaction_state
                .starts_with("Prepare")
            {}
        };
        timeout(WAIT, wait).await.expect("markers in time");
    }

    /// Waits until the broker has aborted the transaction.
    pub(crate) async fn timed_out(&mut self, id: &str) {
        let wait = async { while self.state(id).await.transaction_state != "CompleteAbort" {} };
        timeout(WAIT, wait).await.expect("an abort in time");
    }

    pub(crate) async fn describe(&mut self, id: &str) {
        let state = self.state(id).await;
        let producer = self.producer(Producer {
            id: state.producer_id,
            epoch: state.producer_epoch,
        });
        let topics: Vec<_> = state
            .topics
            .iter()
            .map(|topic| {
                let mut partitions = topic.partitions.clone();
                partitions.sort_unstable();
                match &*topic.topic {
                    "__consumer_offsets" => "offsets".to_owned(),
                    _ => format!("{partitions:?}"),
                }
            })
            .collect();
        self.line(format!(
            "describe {id:?}: {} {:?} {producer} {} ms started={} {topics:?}",
            error(state.error_code),
            &*state.transaction_state,
            state.transaction_timeout_ms,
            state.transaction_start_time_ms > 0
        ));
    }

    /// Lists those transactions that are of this script.
    pub(crate) async fn list(&mut self, version: i16, mut request: ListTransactionsRequest) {
        let what = format!(
            "states {:?} producers {} older than {} pattern {:?}",
            request.state_filters,
            request.producer_id_filters.len(),
            request.duration_filter,
            request.transactional_id_pattern
        );
        let pattern = request.transactional_id_pattern.take();
        request.transactional_id_pattern =
            pattern.map(|pattern| pattern.replace("NAME", &self.name).into());
        let mut answer = self.wire.call(&request, version).await;
        answer.unknown_state_filters.sort_unstable();
        let prefix = format!("{}-", self.name);
        let mut states: Vec<_> = answer
            .transaction_states
            .iter()
            .filter_map(|state| {
                let id = state.transactional_id.strip_prefix(prefix.as_str())?;
                Some((id, &*state.transaction_state))
            })
            .collect();
        states.sort_unstable();
        let line = format!(
            "list v{version} {what}: {} unknown {:?} {states:?}",
            error(answer.error_code),
            answer.unknown_state_filters
        );
        self.line(line);
    }

    pub(crate) async fn producers(&mut self, partition: i32) {
        let topic = TopicRequest {
            name: self.topic.as_str().into(),
            partition_indexes: vec![partition],
            ..Default::default()
        };
        let request = DescribeProducersRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.wire.call(&request, 0).await;
        let described = &answer.topics[0].partitions[0];
        let mut producers: Vec<_> = described
            .active_producers
            .iter()
            .map(|state| {
                let producer = self.producer(Producer {
                    id: state.producer_id,
                    epoch: state.producer_epoch as i16,
                });
                let timestamp = match state.last_timestamp - self.base_timestamp {
                    MARKERS.. => "marker".to_owned(),
                    other => other.to_string(),
                };
                format!(
                    "{producer} #{} at {timestamp} coordinator {} since @{}",
                    state.last_sequence, state.coordinator_epoch, state.current_txn_start_offset
                )
            })
            .collect();
        producers.sort_unstable();
        self.line(format!(
            "producers of {partition}: {} {producers:?}",
            error(described.error_code)
        ));
    }
}
