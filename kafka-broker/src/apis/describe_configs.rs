//! DescribeConfigs: the settings of topics, brokers, groups and subscriptions to clients' metrics.

use kafka_proto::messages::describe_configs::{
    DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
    DescribeConfigsSynonym,
};
use kafka_proto::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::config_resources;
use crate::configs::Entry;
use crate::node::Call;

/// From this version on settings have types and documentation.
const FIRST_VERSION_WITH_TYPES: i16 = 3;

pub(super) fn answer(call: &Call<'_>, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let (synonyms, documentation) = (
        request.include_synonyms,
        request.include_documentation && call.version >= FIRST_VERSION_WITH_TYPES,
    );
    let describe = |wanted: DescribeConfigsResource| {
        let found = config_resources::describe(call, wanted.resource_type, &wanted.resource_name);
        let mut result = DescribeConfigsResult {
            error_message: None,
            resource_type: wanted.resource_type,
            ..Default::default()
        };
        match found {
            Ok(entries) => {
                let keys = wanted.configuration_keys.unwrap_or_default();
                let is_wanted =
                    |entry: &Entry| keys.is_empty() || keys.iter().any(|key| **key == *entry.name);
                let entries = entries.into_iter().filter(is_wanted);
                result.configs = entries
                    .map(|entry| told(entry, synonyms, documentation))
                    .collect();
            }
            Err(refusal) => {
                result.error_code = refusal.error.code();
                result.error_message = Some(refusal.message.into());
            }
        }
        result.resource_name = wanted.resource_name;
        result
    };
    DescribeConfigsResponse {
        results: request.resources.into_iter().map(describe).collect(),
        ..Default::default()
    }
}

fn told(entry: Entry, synonyms: bool, documentation: bool) -> DescribeConfigsResourceResult {
    let all = entry
        .synonyms
        .into_iter()
        .take(if synonyms { usize::MAX } else { 0 });
    let all = all.map(|synonym| DescribeConfigsSynonym {
        name: synonym.name.into(),
        value: Some(synonym.value.into()),
        source: synonym.source as i8,
        ..Default::default()
    });
    DescribeConfigsResourceResult {
        name: entry.name.into(),
        value: entry.value.map(Into::into),
        read_only: entry.is_read_only,
        config_source: entry.source as i8,
        is_sensitive: entry.is_sensitive,
        synonyms: all.collect(),
        config_type: entry.config_type,
        documentation: documentation.then(|| entry.documentation.into()),
        ..Default::default()
    }
}
