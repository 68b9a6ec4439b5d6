//! The state machine on a clock of its own.
