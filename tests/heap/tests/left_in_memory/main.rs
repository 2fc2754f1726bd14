//! Whole ceremonies of both roles, and what they leave of their secrets in the
//! heap: nothing, once everything is dropped.
//!
//! * [`planted`]: what is left behind is found;
//! * [`machines`]: both transactions, those that succeed and those that end at
//!   each stage;
//! * [`objects`]: the async objects, from a relying party's JSON to the answer's;
//! * [`linked`]: a link that is made, and the linked phone that is called.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod known;
mod linked;
mod machines;
mod objects;
mod planted;
