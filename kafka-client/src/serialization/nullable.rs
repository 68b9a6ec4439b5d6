use super::{Context, Deserializer, Payload, Refused, Serializer};

/// Gives a format null: `None` is a tombstone, or no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nullable<S>(
    /// The format of what is not null.
    pub S,
);

impl<T, S: Serializer<T>> Serializer<Option<T>> for Nullable<S> {
    fn serialize(
        &self,
        context: &Context<'_>,
        value: &Option<T>,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        match value {
            Some(value) => self.0.serialize(context, value, bytes),
            None => Ok(Payload::Null),
        }
    }
}

impl<'a, T, D: Deserializer<'a, T>> Deserializer<'a, Option<T>> for Nullable<D> {
    fn deserialize(
        &self,
        context: &Context<'_>,
        bytes: Option<&'a [u8]>,
    ) -> Result<Option<T>, Refused> {
        bytes
            .map(|bytes| self.0.deserialize(context, Some(bytes)))
            .transpose()
    }
}
