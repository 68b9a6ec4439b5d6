//! The form in which messages are declared.
//!
//! ```text
//! message! {
//!     /// What it is for.
//!     HeartbeatRequest: request 12 -> HeartbeatResponse, versions "0-4", flexible "4+" {
//!         group_id: ByteString,
//!         generation_id: i32,
//!         member_id: ByteString,
//!         group_instance_id: Option<ByteString> ["3+", nullable "3+"] = None,
//!     }
//! }
//! ```
//!
//! A field is `name: Type [versions, attributes] = default`. Without versions it is in all of them, without a default it
//! has its type's (zero, empty). Attributes: `nullable "V"`, `tag N "V"` (tagged in these versions), `ignorable` (dropped
//! where a version lacks it), `rigid` (never in the compact form). Structs inside of a message follow it in the same block.

/// Declares a message and the structs in it.
macro_rules! message {
    ($(#[$meta:meta])* $name:ident: request $key:literal -> $response:ident,
     versions $versions:literal, flexible $flexible:literal $(, unstable $unstable:literal)? { $($fields:tt)* }
     $($rest:tt)*) => {
        $crate::codec::message!(@message $(#[$meta])* $name, $versions, $flexible { $($fields)* } $($rest)*);
        impl $crate::codec::Request for $name {
            const KEY: i16 = $key;
            const STABLE: $crate::codec::Versions = $crate::codec::message!(@stable $versions $($unstable)?);
            type Response = $response;
        }
    };
    ($(#[$meta:meta])* $name:ident: response,
     versions $versions:literal, flexible $flexible:literal { $($fields:tt)* } $($rest:tt)*) => {
        $crate::codec::message!(@message $(#[$meta])* $name, $versions, $flexible { $($fields)* } $($rest)*);
    };
    ($(#[$meta:meta])* $name:ident: data,
     versions $versions:literal, flexible $flexible:literal { $($fields:tt)* } $($rest:tt)*) => {
        $crate::codec::message!(@message $(#[$meta])* $name, $versions, $flexible { $($fields)* } $($rest)*);
    };
    (@message $(#[$meta:meta])* $name:ident, $versions:literal, $flexible:literal { $($fields:tt)* }
     $($(#[$inner_meta:meta])* $inner:ident { $($inner_fields:tt)* })*) => {
        $crate::codec::structure! { $(#[$meta])* $name { $($fields)* } }
        $($crate::codec::structure! { $(#[$inner_meta])* $inner { $($inner_fields)* } })*
        impl $crate::codec::Message for $name {
            const VERSIONS: $crate::codec::Versions = $crate::codec::Versions::parse($versions);
            const FLEXIBLE: $crate::codec::Versions = $crate::codec::Versions::parse($flexible);
        }
    };
    (@stable $versions:literal) => {
        $crate::codec::Versions::parse($versions)
    };
    (@stable $versions:literal $unstable:literal) => {
        $crate::codec::Versions {
            max: $unstable - 1,
            ..$crate::codec::Versions::parse($versions)
        }
    };
}

/// Declares a struct: its fields, what they are by default, how they are written and read.
macro_rules! structure {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $ty:ty $([$($attribute:tt)*])? $(= $default:expr)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
            /// Tagged fields that the definition does not name, as they came.
            pub unknown_tagged_fields: Vec<$crate::codec::RawTaggedField>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $crate::codec::default!($($default)?),)*
                    unknown_tagged_fields: Vec::new(),
                }
            }
        }

        impl $crate::codec::Struct for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [$crate::codec::Field] = &[$($crate::codec::attributes!(
                $crate::codec::Field::new(stringify!($field), stringify!($ty));
                $($($attribute)*)?
            )),*];
        }

        impl $crate::codec::Value for $name {
            fn write(
                &self,
                to: &mut $crate::codec::Encoder,
                cx: $crate::codec::Context,
            ) -> Result<(), $crate::codec::EncodeError> {
                #[allow(unused_mut, reason = "structs without fields")]
                let mut fields = <Self as $crate::codec::Struct>::FIELDS.iter();
                let mut tagged = $crate::codec::TaggedFields::default();
                $(if let Some(field) = fields.next() {
                    let default = || -> $ty { $crate::codec::default!($($default)?) };
                    field.write(&self.$field, default, to, &mut tagged, cx)?;
                })*
                if cx.flexible {
                    tagged.finish(&self.unknown_tagged_fields, to);
                }
                Ok(())
            }

            fn read(
                from: &mut $crate::codec::Decoder,
                cx: $crate::codec::Context,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let mut this = Self::default();
                let mut fields = <Self as $crate::codec::Struct>::FIELDS.iter();
                $(if let Some(field) = fields.next() {
                    field.read(&mut this.$field, from, cx)?;
                })*
                if cx.flexible {
                    this.unknown_tagged_fields = from.tagged_fields(|tag, value| {
                        let mut fields = <Self as $crate::codec::Struct>::FIELDS.iter();
                        $(if let Some(field) = fields.next()
                            && field.tag_in(cx.version) == Some(tag)
                        {
                            field.read_tagged(&mut this.$field, value, cx)?;
                            return Ok(true);
                        })*
                        Ok(false)
                    })?;
                }
                Ok(this)
            }
        }

        impl $crate::codec::Nullable for $name {
            fn write_nullable(
                value: Option<&Self>,
                to: &mut $crate::codec::Encoder,
                cx: $crate::codec::Context,
            ) -> Result<(), $crate::codec::EncodeError> {
                $crate::codec::write_nullable_struct(value, to, cx)
            }

            fn read_nullable(
                from: &mut $crate::codec::Decoder,
                cx: $crate::codec::Context,
            ) -> Result<Option<Self>, $crate::codec::DecodeError> {
                $crate::codec::read_nullable_struct(from, cx)
            }
        }

        $crate::codec::json_form! { $name { $($field: $ty = $crate::codec::default!($($default)?)),* } }
    };
}

/// A field's default: the one that is declared, or its type's.
macro_rules! default {
    () => {
        Default::default()
    };
    ($default:expr) => {
        $default
    };
}

/// Adds a field's attributes, one after another, to what is known of it.
macro_rules! attributes {
    ($field:expr;) => { $field };
    ($field:expr; $versions:literal $($rest:tt)*) => {
        $crate::codec::attributes!($crate::codec::Field {
            versions: $crate::codec::Versions::parse($versions), ..$field
        }; $($rest)*)
    };
    ($field:expr; , nullable $versions:literal $($rest:tt)*) => {
        $crate::codec::attributes!($crate::codec::Field {
            nullable: $crate::codec::Versions::parse($versions), ..$field
        }; $($rest)*)
    };
    ($field:expr; , tag $tag:literal $versions:literal $($rest:tt)*) => {
        $crate::codec::attributes!($crate::codec::Field {
            tag: Some(($tag, $crate::codec::Versions::parse($versions))), ..$field
        }; $($rest)*)
    };
    ($field:expr; , ignorable $($rest:tt)*) => {
        $crate::codec::attributes!($crate::codec::Field { ignorable: true, ..$field }; $($rest)*)
    };
    ($field:expr; , rigid $($rest:tt)*) => {
        $crate::codec::attributes!($crate::codec::Field { rigid: true, ..$field }; $($rest)*)
    };
}

/// A struct's JSON form, with the feature `serde`.
#[cfg(feature = "serde")]
macro_rules! json_form {
    ($name:ident { $($field:ident: $ty:ty = $default:expr),* }) => {
        impl $crate::codec::json::JsonValue for $name {
            fn write_json(&self, cx: $crate::codec::Context) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                let mut fields = <Self as $crate::codec::Struct>::FIELDS.iter();
                $(if let Some(field) = fields.next() {
                    let default = || -> $ty { $default };
                    $crate::codec::json::write_field(field, &self.$field, default, &mut object, cx);
                })*
                serde_json::Value::Object(object)
            }

            fn read_json(
                json: &serde_json::Value,
                cx: $crate::codec::Context,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let mut this = Self::default();
                let object = $crate::codec::json::object::<Self>(json)?;
                let mut fields = <Self as $crate::codec::Struct>::FIELDS.iter();
                $(if let Some(field) = fields.next() {
                    $crate::codec::json::read_field(field, &mut this.$field, object, cx)?;
                })*
                Ok(this)
            }
        }
    };
}

#[cfg(not(feature = "serde"))]
macro_rules! json_form {
    ($($form:tt)*) => {};
}

pub(crate) use {attributes, default, json_form, message, structure};
