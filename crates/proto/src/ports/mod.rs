//! Traits for the world outside of a transaction. A program implements them, or
//! takes them from the crates that do.

pub mod bluetooth;
pub mod data_channel;
pub mod related_origins;
pub mod tunnel;

use std::pin::Pin;

/// A boxed future, as these traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
