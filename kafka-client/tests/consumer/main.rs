//! What the consumer promises, with the embedded broker and a wire that can be cut and damaged.

mod closing;
mod cooperative;
mod faults;
mod fixture;
mod groups;
mod hazards;
mod interceptors;
mod leaders;
mod patterns;
mod protocol;
mod reading;
