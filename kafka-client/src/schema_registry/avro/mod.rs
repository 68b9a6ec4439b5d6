mod datum;
mod deserializer;
mod schema;
mod serializer;

pub use datum::AvroDatum;
pub use deserializer::AvroDeserializer;
pub use schema::AvroSchema;
pub use serializer::AvroSerializer;
