//! Fetching: sessions with brokers, and what their answers bring.

mod chunk;
mod session;

pub(crate) use chunk::{Chunk, Decoding, Piece, glance};
pub(crate) use session::{FIRST_WITH_TOPIC_IDS, FetchSession, SessionRequest};
