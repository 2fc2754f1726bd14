//! A D-Bus that says nothing.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Connections to it are made and are not answered. Those that a test accepts are
/// the test's.
pub struct SilentBus {
    pub listener: UnixListener,
    path: PathBuf,
}

impl SilentBus {
    pub fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("silent-{}-{number}", std::process::id()));
        Self { listener: UnixListener::bind(&path).unwrap(), path }
    }

    pub fn address(&self) -> String {
        format!("unix:path={}", self.path.display())
    }

    /// Waits for the next connection.
    pub fn accept(&self) -> UnixStream {
        self.listener.accept().unwrap().0
    }
}

impl Drop for SilentBus {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_file(&self.path);
    }
}
