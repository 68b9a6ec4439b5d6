//! What a client tells of itself, against the embedded broker and a wire that damages what goes over it.

mod events;
mod fixture;
mod metrics;
mod names;
mod protobuf;
mod push;
mod stalls;
mod troubles;
mod wire;
