//! The resources that have settings, as requests name them.

use kafka_proto::error_code::ErrorCode;

use crate::authorizer::{Operation, Resource};
use crate::configs::{Change, Entry, Given};
use crate::node::Call;
use crate::nodes::Endpoint;
use crate::refusal::Refusal;
use crate::topics::check_name;

pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const BROKER_LOGGER: i8 = 8;
pub(super) const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;

/// The settings of a resource.
pub(super) fn describe(call: &Call<'_>, kind: i8, name: &str) -> Result<Vec<Entry>, Refusal> {
    check_allowed(call, Operation::DescribeConfigs, kind, name)?;
    let configs = &call.cluster().configs;
    let only = call.cluster().nodes.only();
    match kind {
        TOPIC => {
            check_topic_name(name)?;
            let topic = call.cluster().topics.by_name(name);
            let topic = topic
                .ok_or_else(|| Refusal::new(ErrorCode::UnknownTopicOrPartition, String::new()))?;
            Ok(configs.describe_topic(&topic.config, only))
        }
        BROKER if name.is_empty() => Ok(configs.describe_all_brokers()),
        BROKER => {
            let broker = broker_id(call, name)?;
            Ok(configs.describe_broker(broker, &own_settings(call)))
        }
        BROKER_LOGGER => {
            broker_id(call, name)?;
            // What is logged is the program's own business, which the broker is a part of.
            Ok(Vec::new())
        }
        CLIENT_METRICS if name.is_empty() => Err(invalid(
            "Client metrics subscription name must not be empty",
        )),
        CLIENT_METRICS => Ok(configs.describe_client_metrics(name)),
        GROUP if name.is_empty() => Err(invalid("Group name must not be empty")),
        GROUP => Ok(configs.describe_group(name, only)),
        unknown => Err(invalid(format!("Unsupported resource type: {unknown}"))),
    }
}

/// Changes the settings of a resource.
pub(super) fn alter(
    call: &Call<'_>,
    kind: i8,
    name: &str,
    change: &Change,
    validate_only: bool,
) -> Result<(), Refusal> {
    check_allowed(call, Operation::AlterConfigs, kind, name)?;
    let cluster = call.cluster();
    match kind {
        TOPIC if name.is_empty() => Err(invalid("Default topic resources are not allowed.")),
        TOPIC => {
            check_topic_name(name)?;
            cluster.alter_topic(name, change, validate_only)
        }
        BROKER if name.is_empty() => cluster.alter_broker(None, change, validate_only),
        BROKER => {
            let broker = broker_id(call, name)?;
            cluster.alter_broker(Some(broker), change, validate_only)
        }
        BROKER_LOGGER => {
            broker_id(call, name)?;
            Err(Refusal::new(
                ErrorCode::InvalidConfig,
                "This broker's log is that of the program that it runs in: it has no loggers to set.",
            ))
        }
        CLIENT_METRICS if name.is_empty() => Err(invalid("Subscription name can't be empty")),
        CLIENT_METRICS => cluster.alter_client_metrics(name, change, validate_only),
        GROUP if name.is_empty() => Err(invalid("Default group resources are not allowed.")),
        GROUP => cluster.alter_group(name, change, validate_only),
        unknown => Err(invalid(format!("Unsupported resource type: {unknown}"))),
    }
}

/// Whether the client may do this to the settings. Whatever is no topic and no group belongs to the cluster.
fn check_allowed(
    call: &Call<'_>,
    operation: Operation,
    kind: i8,
    name: &str,
) -> Result<(), ErrorCode> {
    let resource = match kind {
        TOPIC => Resource::topic(name),
        GROUP => Resource::group(name),
        _ => Resource::CLUSTER,
    };
    call.check(operation, resource)
}

fn check_topic_name(name: &str) -> Result<(), Refusal> {
    check_name(name).map_err(|problem| {
        let message = format!("Topic name is invalid: {problem}");
        Refusal::new(ErrorCode::InvalidTopicException, message)
    })
}

/// Settings of a broker are known to that broker alone.
fn broker_id(call: &Call<'_>, name: &str) -> Result<i32, Refusal> {
    let id: i32 = name
        .parse()
        .map_err(|_| invalid(format!("Broker id must be an integer, but it is: {name}")))?;
    if id == call.node.id {
        Ok(id)
    } else {
        Err(invalid(format!(
            "Unexpected broker id, expected {} or empty string, but received {id}",
            call.node.id
        )))
    }
}

/// What a broker does not share with the others.
fn own_settings(call: &Call<'_>) -> Given {
    let id = call.node.id;
    let mut own = Given::from([
        ("broker.id".to_owned(), id.to_string()),
        ("node.id".to_owned(), id.to_string()),
        (
            "log.dirs".to_owned(),
            super::describe_log_dirs::LOG_DIR.to_owned(),
        ),
    ]);
    if let Some(endpoint) = call.cluster().nodes.get(id) {
        let listeners = call.cluster().settings.listeners.iter().zip(0..);
        let told = listeners.map(|(listener, index)| {
            let Endpoint { host, port, .. } = endpoint.clone().at(index);
            format!("{}://{host}:{port}", listener.name)
        });
        let told = told.collect::<Vec<_>>().join(",");
        own.insert("advertised.listeners".to_owned(), told.clone());
        own.insert("listeners".to_owned(), told);
        own.extend(
            endpoint
                .rack
                .map(|rack| ("broker.rack".to_owned(), rack.to_string())),
        );
    }
    own
}

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, message)
}
