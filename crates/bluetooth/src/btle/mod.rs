//! Bluetooth through btleplug: the built-in scanner of Windows and macOS, and
//! (feature `btleplug`) a scanner for an adapter that the program brings.

#[cfg(not(target_os = "linux"))]
mod adverts;
mod error;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "linux"))]
mod receiver;
#[cfg(feature = "btleplug")]
mod scanner;
#[cfg(any(windows, target_os = "macos"))]
mod system;
#[cfg(windows)]
mod windows;

#[cfg(feature = "btleplug")]
pub use scanner::BtleplugScanner;
#[cfg(target_os = "macos")]
pub(crate) use system::advertise;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use system::{adapters, scan, state};
