//! The transactional producer against two nodes that keep to a script: what is asked in which version and order, and what
//! becomes of answers that say no, or do not come.

mod ending;
mod nodes;
mod protocols;
mod stopping;
