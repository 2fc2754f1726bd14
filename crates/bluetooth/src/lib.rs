//! The system's Bluetooth for `fido-hybrid`: BlueZ on Linux, btleplug and WinRT on
//! Windows, btleplug on macOS.

mod adapter;
#[cfg(target_os = "linux")]
mod bluez;
#[cfg(any(windows, target_os = "macos"))]
mod btle;
#[cfg(target_os = "macos")]
mod central;
// Elsewhere for its tests alone.
#[cfg(any(windows, target_os = "macos", test))]
mod polled_scan;
mod settings;
mod system;
#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
mod unsupported;
#[cfg(windows)]
mod winrt;

pub use adapter::Adapter;
pub use system::Bluetooth;
