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
///
/// Everything is marked for inlining so that it is compiled where it is used: a program pays for the messages it speaks.
macro_rules! structure {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $ty:ty $([$($attribute:tt)*])? $(= $default:expr)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
            /// Tagged fields that the definition does not name, as they came.
            pub unknown_tagged_fields: $crate::codec::UnknownTaggedFields,
        }

        impl Default for $name {
            #[inline]
            fn default() -> Self {
                Self {
                    $($field: $crate::codec::default!($ty $(, $default)?),)*
                    unknown_tagged_fields: Default::default(),
                }
            }
        }

        impl $crate::codec::Struct for $name {
            const SCHEMA: &'static $crate::codec::Schema = &$crate::codec::Schema {
                name: stringify!($name),
                fields: &[$($crate::codec::attributes!(
                    $crate::codec::Field::new(
                        stringify!($field),
                        <$ty as $crate::codec::Value>::TYPE,
                        stringify!($ty),
                        stringify!($($default)?),
                    );
                    $($($attribute)*)?
                )),*],
            };

            #[inline]
            fn write_fields(&self, to: &mut $crate::codec::Encoder, cx: $crate::codec::Context) {
                let [$($field),*] = Self::SCHEMA.fields else { return };
                $($crate::codec::put!(&self.$field, to, $field, cx $(, $default)?);)*
                if cx.flexible {
                    #[allow(unused_mut, reason = "structs without tagged fields")]
                    let mut tags = $crate::codec::TaggedFields::default();
                    $($crate::codec::tagged!(($($($attribute)*)?)
                        if let Some(tag) = $field.tag_in(cx.version)
                            && self.$field != $crate::codec::default!($ty $(, $default)?)
                        {
                            tags.add(tag, to, |to| {
                                $crate::codec::Value::write(&self.$field, to, $field, cx);
                            });
                        }
                    );)*
                    tags.finish(&self.unknown_tagged_fields, Self::SCHEMA, to, cx);
                }
            }

            #[inline]
            fn read_fields(from: &mut $crate::codec::Decoder<'_>, cx: $crate::codec::Context) -> Self {
                let mut this = Self::default();
                let [$($field),*] = Self::SCHEMA.fields else { return this };
                $($crate::codec::get(&mut this.$field, from, $field, cx);)*
                let mut tags = from.tags(cx);
                while let Some(_tag) = tags.next(from, Self::SCHEMA, cx, &mut this.unknown_tagged_fields) {
                    $($crate::codec::tagged!(($($($attribute)*)?)
                        if $field.tag_in(cx.version) == Some(_tag) {
                            this.$field = $crate::codec::Value::read(from, $field, cx);
                        }
                    );)*
                }
                this
            }
        }
    };
}

/// Writes a field that has a default of its own, or its type's.
macro_rules! put {
    ($value:expr, $to:ident, $field:ident, $cx:ident) => {
        $crate::codec::put($value, $to, $field, $cx)
    };
    ($value:expr, $to:ident, $field:ident, $cx:ident, $default:expr) => {
        $crate::codec::put_unless($value, $default, $to, $field, $cx)
    };
}

/// A field's default: the one that is declared, or its type's.
macro_rules! default {
    ($ty:ty) => {
        <$ty as Default>::default()
    };
    ($ty:ty, $default:expr) => {
        $default
    };
}

/// What is only there for a field with a tag.
macro_rules! tagged {
    (($versions:literal, tag $($rest:tt)*) $($code:tt)*) => { $($code)* };
    (($versions:literal, nullable $nullable:literal, tag $($rest:tt)*) $($code:tt)*) => { $($code)* };
    (($($untagged:tt)*) $($code:tt)*) => {};
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

pub(crate) use {attributes, default, message, put, structure, tagged};
