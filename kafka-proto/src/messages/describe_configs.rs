//! DescribeConfigs: settings of topics, brokers and groups (API key 32).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for settings (KIP-133). Any broker answers for a topic; settings and loggers of a
    /// broker are known to that broker alone.
    DescribeConfigsRequest: request 32 -> DescribeConfigsResponse, versions "1-4", flexible "4+" {
        resources: Vec<DescribeConfigsResource>,
        include_synonyms: bool ["1+"],
        include_documentation: bool ["3+"],
    }

    /// A resource and the names of its settings, `None` for all. Types: 2 topic, 4 broker, 8
    /// broker's loggers, 16 client metrics, 32 group. The broker of name "" stands for the
    /// defaults of all.
    DescribeConfigsResource {
        resource_type: i8,
        resource_name: ByteString,
        configuration_keys: Option<Vec<ByteString>> ["0+", nullable "0+"] = Some(Vec::new()),
    }
}

message! {
    /// The settings, resource by resource.
    DescribeConfigsResponse: response, versions "1-4", flexible "4+" {
        throttle_time_ms: i32,
        results: Vec<DescribeConfigsResult>,
    }

    /// A resource with its settings.
    DescribeConfigsResult {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        resource_type: i8,
        resource_name: ByteString,
        configs: Vec<DescribeConfigsResourceResult>,
    }

    /// A setting. Sources: 1 topic, 2 broker, 3 default of all brokers, 4 broker's file, 5
    /// Kafka's default, 6 logger, 7 client metrics, 8 group. Types: 1 boolean, 2 string, 3 int,
    /// 4 short, 5 long, 6 double, 7 list, 8 class, 9 password. The value of a sensitive one is
    /// not told.
    DescribeConfigsResourceResult {
        name: ByteString,
        value: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        read_only: bool,
        config_source: i8 ["1+", ignorable] = -1,
        is_sensitive: bool,
        synonyms: Vec<DescribeConfigsSynonym> ["1+", ignorable],
        config_type: i8 ["3+", ignorable],
        documentation: Option<ByteString> ["3+", nullable "0+", ignorable] = Some(ByteString::new()),
    }

    /// A setting that would hold if those before it were not set (KIP-226).
    DescribeConfigsSynonym {
        name: ByteString ["1+"],
        value: Option<ByteString> ["1+", nullable "0+"] = Some(ByteString::new()),
        source: i8 ["1+"],
    }
}
