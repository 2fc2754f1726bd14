//! What the example programs share.

pub mod arguments;
pub mod desktop;
pub mod farewell;
pub mod network;
pub mod on_screen;
pub mod radio;
pub mod record;
pub mod report;
pub mod runtime;
