//! What a share consumer promises, on whatever broker listens at an address. A function a promise.

pub(crate) mod acknowledging;
pub(crate) mod fixture;
pub(crate) mod sharing;
pub(crate) mod workers;
