//! What concerns many operators at once: each against a plain recomputation, and the mistakes that can be made with them.

mod mistakes;
mod operators;
