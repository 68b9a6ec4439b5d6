//! Members against a model of the coordinator.
