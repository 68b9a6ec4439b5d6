//! Records in which a coordinator keeps its state, each in a topic of its own.

/// Declares the records of a coordinator's topic: an enum with a variant for each type, and how it is read.
///
/// The key begins with the number of the type; the value, if there is one, with the version of its own layout. A
/// coordinator adds types, and tagged fields to values; it does not change the layout of a key.
macro_rules! coordinator_records {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $number:literal => $variant:ident($key:ty, $value:ty),)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant($key, Option<$crate::payloads::Versioned<$value>>),)*
            /// Of a type that a newer Kafka has added; what it holds was not read.
            Unknown {
                /// The type's number.
                record_type: i16,
            },
        }

        impl $name {
            /// Reads a record's key and value. Both are shared and not copied.
            ///
            /// # Errors
            /// When the key or the value is not of the form that its type has, or the value has a version that we do not
            /// know: the error then names the value and the versions known, and the record's other readers must not guess.
            #[inline]
            pub fn parse(
                key: bytes::Bytes,
                value: Option<bytes::Bytes>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                use $crate::payloads::{Versioned, versioned};
                let mut key = $crate::codec::Decoder::new(&key);
                let record_type = versioned::number(&mut key, stringify!($name))?;
                Ok(match record_type {
                    $($number => Self::$variant(
                        versioned::last(key, 0)?,
                        value.map(Versioned::decode).transpose()?,
                    ),)*
                    record_type => Self::Unknown { record_type },
                })
            }

            /// The number of the record's type.
            pub fn record_type(&self) -> i16 {
                match self {
                    $(Self::$variant(..) => $number,)*
                    Self::Unknown { record_type } => *record_type,
                }
            }

            /// The record as `kafka-dump-log` prints it: `key` with type and data, `value` with version and data, or null.
            ///
            /// # Errors
            /// When a value was given a version that it does not have, or that cannot express it.
            #[cfg(feature = "serde")]
            #[inline]
            pub fn to_json(&self) -> Result<serde_json::Value, $crate::codec::EncodeError> {
                use $crate::codec::Message;
                let (key, value) = match self {
                    $(Self::$variant(key, value) => {
                        let value = value.as_ref().map(|value| {
                            let version = value.version.to_string();
                            let data = value.message.to_json(value.version);
                            data.map(|data| serde_json::json!({"version": version, "data": data}))
                        });
                        (Some(key.to_json(0)?), value.transpose()?)
                    })*
                    Self::Unknown { .. } => (None, None),
                };
                let record_type = self.record_type().to_string();
                Ok(serde_json::json!({"key": {"type": record_type, "data": key}, "value": value}))
            }
        }
    };
}

pub(super) use coordinator_records;
