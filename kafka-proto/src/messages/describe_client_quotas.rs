//! DescribeClientQuotas: quotas of users and clients (API key 48).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for the quotas whose entity matches all components (KIP-546); if strict, the entity
    /// may have no others.
    DescribeClientQuotasRequest: request 48 -> DescribeClientQuotasResponse, versions "0-1", flexible "1+" {
        components: Vec<ComponentData>,
        strict: bool,
    }

    /// An entity type (`user`, `client-id` or `ip`) and what it must be: 0 the name in `match`,
    /// 1 the default, 2 any name.
    ComponentData {
        entity_type: ByteString,
        match_type: i8,
        r#match: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}

message! {
    /// The quotas; `None` with an error.
    DescribeClientQuotasResponse: response, versions "0-1", flexible "1+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        entries: Option<Vec<EntryData>> ["0+", nullable "0+"] = Some(Vec::new()),
    }

    /// An entity with its quotas.
    EntryData {
        entity: Vec<EntityData>,
        values: Vec<ValueData>,
    }

    /// A component of an entity; a name of `None` is the default.
    EntityData {
        entity_type: ByteString,
        entity_name: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }

    /// A quota, such as `producer_byte_rate`.
    ValueData {
        key: ByteString,
        value: f64,
    }
}
