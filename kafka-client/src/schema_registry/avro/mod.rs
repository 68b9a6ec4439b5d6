mod deserializer;
mod schema;
mod serializer;

pub use deserializer::AvroDeserializer;
pub use schema::AvroSchema;
pub use serializer::AvroSerializer;
