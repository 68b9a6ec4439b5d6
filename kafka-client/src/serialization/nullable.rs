use super::{Context, Deserializer, Payload, Preparing, Refused, Serializer};

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

    fn prepare<'s>(&'s self, context: &Context<'_>) -> Option<Preparing<'s>> {
        self.0.prepare(context)
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

    fn prepare<'s>(
        &'s self,
        context: &Context<'_>,
        bytes: Option<&'a [u8]>,
    ) -> Option<Preparing<'s>> {
        bytes.and_then(|bytes| self.0.prepare(context, Some(bytes)))
    }
}
