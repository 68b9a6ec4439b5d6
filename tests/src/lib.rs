//! What the suites that cross crates share.

pub mod golden;
pub mod kafka;
