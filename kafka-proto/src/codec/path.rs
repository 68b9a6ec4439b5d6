//! Where in a message a reader or writer is, so that an error can say it.

use std::fmt::Write as _;

use super::schema::Field;

/// Structs inside of each other that are told apart, a power of two; no message of Kafka's has as many.
const DEPTH: usize = 8;
/// Not in an array.
const NO_INDEX: usize = usize::MAX;

/// The fields that lead to a place, outermost first. Kept while all goes well, so it costs a store and no allocation.
#[derive(Debug, Default)]
pub(crate) struct Path {
    fields: [Option<&'static Field>; DEPTH],
    indexes: [usize; DEPTH],
    depth: usize,
}

impl Path {
    /// Goes into a field that is a struct, or an array of structs.
    #[inline]
    pub(crate) fn enter(&mut self, field: &'static Field) {
        self.fields[self.depth % DEPTH] = Some(field);
        self.indexes[self.depth % DEPTH] = NO_INDEX;
        self.depth = self.depth.wrapping_add(1);
    }

    /// Goes to an element of the array.
    #[inline]
    pub(crate) fn at(&mut self, index: usize) {
        self.indexes[self.depth.wrapping_sub(1) % DEPTH] = index;
    }

    /// Goes back to where the field is.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.wrapping_sub(1);
    }

    /// `topics[2].partitions[0].leader_id`, for the field `last` of this place.
    #[cold]
    pub(crate) fn describe(&self, last: Option<&Field>) -> String {
        let mut text = String::new();
        for (field, index) in self.fields.iter().zip(self.indexes).take(self.depth) {
            text.push_str(field.map_or("", |field| field.name));
            if index != NO_INDEX {
                // Writing to a string does not fail.
                let _ = write!(text, "[{index}]");
            }
            text.push('.');
        }
        text.push_str(last.map_or("", |field| field.name));
        text.trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::APIS;
    use crate::codec::{Schema, Type};

    #[test]
    fn no_message_is_deeper_than_what_is_told_apart() {
        fn depth(schema: &Schema) -> usize {
            let depths = schema.fields.iter().map(|field| of(field.ty));
            depths.max().unwrap_or_default()
        }
        fn of(ty: Type) -> usize {
            match ty {
                Type::Struct(schema) => 1 + depth(schema),
                Type::Array(element) => of(*element),
                _ => 0,
            }
        }
        let deepest = APIS
            .iter()
            .flat_map(|api| [depth(api.request), depth(api.response)]);
        assert!(
            deepest
                .max()
                .is_some_and(|depth| (4..=DEPTH).contains(&depth))
        );
    }
}
