//! AlterClientQuotas: changes quotas of users and clients (API key 49).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Sets and removes quotas, or only checks whether it could (KIP-546).
    AlterClientQuotasRequest: request 49 -> AlterClientQuotasResponse, versions "0-1", flexible "1+" {
        entries: Vec<EntryData>,
        validate_only: bool,
    }

    /// An entity and what to do with its quotas.
    EntryData {
        entity: Vec<EntityData>,
        ops: Vec<OpData>,
    }

    /// A component of an entity: type `user`, `client-id` or `ip`; a name of `None` is the
    /// default.
    EntityData {
        entity_type: ByteString,
        entity_name: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }

    /// A quota to set or to remove.
    OpData {
        key: ByteString,
        value: f64,
        remove: bool,
    }
}

message! {
    /// What became of each entity.
    AlterClientQuotasResponse: response, versions "0-1", flexible "1+" {
        throttle_time_ms: i32,
        entries: Vec<ResponseEntryData>,
    }

    /// What became of an entity's quotas.
    ResponseEntryData {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        entity: Vec<EntityData>,
    }
}
