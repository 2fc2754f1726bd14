//! The programs of others that this needs.

use std::env;
use std::path::Path;

/// Each with the Debian package that brings it.
const TOOLS: [(&str, &str); 4] = [
    ("chromium", "chromium"),
    ("Xvfb", "xvfb"),
    ("openbox", "openbox"),
    ("dbus-daemon", "dbus-daemon"),
];

/// The packages that are missing.
pub(crate) fn missing() -> Vec<&'static str> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let is_there = |tool: &str| folders.iter().any(|folder| Path::new(folder).join(tool).is_file());
    TOOLS.iter().filter(|it| !is_there(it.0)).map(|it| it.1).collect()
}
