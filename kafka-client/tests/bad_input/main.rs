//! What users get wrong: each is one clear typed error, quickly, with nothing half done, and the client goes on.

mod closed;
mod fixture;
mod groups;
mod producing;
mod transactions;
