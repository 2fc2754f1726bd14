//! What a transaction's outputs ask of the world: traits that a program implements,
//! or takes from the crates that do.

pub mod bluetooth;
pub mod data_channel;
pub mod tunnel;

use std::pin::Pin;

/// A boxed future, as these traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
