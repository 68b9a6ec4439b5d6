//! What the suites that cross crates share.

pub mod allocation;
pub mod apis;
pub mod golden;
pub mod hostile;
pub mod jar;
pub mod kafka;
pub mod nodes;
pub mod registry;
pub mod tls;
pub mod tokens;
pub mod wire;
