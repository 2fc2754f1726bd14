//! The program's choices for the system's Bluetooth.
//!
//! Apart from `Bluetooth`, which is made of it: each system reads it, and
//! `Bluetooth` calls the systems.

#[cfg(target_os = "macos")]
use std::sync::Arc;

#[cfg(target_os = "macos")]
use super::central::Central;

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// The id of the only adapter to use.
    pub(super) adapter: Option<String>,
    /// Whether adapters that are off are switched on.
    pub(super) switch_on: bool,
    /// Another D-Bus than the system's.
    pub(super) bus_address: Option<String>,
    /// The part that the clones share.
    #[cfg(target_os = "macos")]
    pub(super) central: Arc<Central>,
}
