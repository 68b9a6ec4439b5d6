//! The settings of a subscription to clients' metrics (KIP-714).

use super::{ConfigType, Definition, Valid};

/// By name.
pub(crate) const CLIENT_METRICS_CONFIGS: &[Definition] = &[
    Definition {
        name: "interval.ms",
        config_type: ConfigType::Int,
        default: Some("300000"),
        valid: Valid::Any,
        synonym: "",
        documentation: "How often clients push their metrics, in milliseconds.",
    },
    Definition {
        name: "match",
        config_type: ConfigType::List,
        default: Some(""),
        valid: Valid::Any,
        synonym: "",
        documentation: "Which clients push: key=pattern pairs that all have to match, all clients if there are none.",
    },
    Definition {
        name: "metrics",
        config_type: ConfigType::List,
        default: Some(""),
        valid: Valid::Any,
        synonym: "",
        documentation: "Prefixes of the names of the metrics that are pushed; * for all.",
    },
];
