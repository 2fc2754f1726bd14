//! The system's Bluetooth for `fido-hybrid`: BlueZ on Linux, btleplug and WinRT on
//! Windows, btleplug on macOS. Feature `btleplug` adds a scanner for a btleplug
//! adapter that the program brings, on any system that btleplug supports.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod adapter;
#[cfg(target_os = "linux")]
mod bluez;
#[cfg(any(windows, target_os = "macos", feature = "btleplug"))]
mod btle;
#[cfg(target_os = "macos")]
mod central;
#[cfg(target_os = "linux")]
mod dbus_error;
// Elsewhere for its tests alone.
#[cfg(any(windows, target_os = "macos", feature = "btleplug", test))]
mod polled_scan;
mod settings;
mod system;
#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
mod unsupported;
#[cfg(windows)]
mod winrt;

pub use adapter::Adapter;
#[cfg(feature = "btleplug")]
pub use btle::BtleplugScanner;
/// The version of btleplug whose adapters [`BtleplugScanner`] takes.
#[cfg(feature = "btleplug")]
pub use btleplug;
pub use system::Bluetooth;
