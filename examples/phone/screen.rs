//! A picture of the screen, by whatever this desktop has for that.
//!
//! The desktop portal works under Wayland and X11 and may ask its user first.
//! Without a portal, the usual programs are tried. The picture is deleted
//! once it is read: there is a secret on it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fido_hybrid::secret::SecretText;
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

use super::picture::{self, PictureError};

/// Why there is no code to answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScreenError {
    /// There is no picture: what was tried, line by line.
    #[error(
        "cannot take a picture of the screen:{0}\nInstall xdg-desktop-portal with the backend \
         for your desktop, or one of grim (Wayland), gnome-screenshot, spectacle, or ImageMagick \
         (X11). Or take a picture yourself, and use --picture."
    )]
    NoPicture(String),
    /// The search for a picture broke off.
    #[error("reading the screen failed")]
    NotLooked,
    #[error("the picture of the screen: {0}")]
    Picture(#[from] PictureError),
}

/// A program that puts a picture of the screen into the file that is its last
/// argument.
struct Tool {
    program: &'static str,
    arguments: &'static [&'static str],
    /// What must be in the environment, and what must not: under Wayland, X11's
    /// programs see X11's windows alone, on black.
    needs: Option<&'static str>,
    without: Option<&'static str>,
}

#[cfg(target_os = "macos")]
const TOOLS: &[Tool] =
    &[Tool { program: "screencapture", arguments: &["-x"], needs: None, without: None }];

#[cfg(not(target_os = "macos"))]
const TOOLS: &[Tool] = &[
    Tool { program: "grim", arguments: &[], needs: Some("WAYLAND_DISPLAY"), without: None },
    Tool {
        program: "spectacle",
        arguments: &["--background", "--nonotify", "--fullscreen", "--output"],
        needs: None,
        without: None,
    },
    Tool { program: "gnome-screenshot", arguments: &["--file"], needs: None, without: None },
    Tool {
        program: "import",
        arguments: &["-window", "root"],
        needs: Some("DISPLAY"),
        without: Some("WAYLAND_DISPLAY"),
    },
];

/// The one code for passkeys that the screen shows.
pub(crate) fn read() -> Result<SecretText, ScreenError> {
    let mut tried = String::new();
    // Writing to a string cannot fail.
    let mut note = |what: &str, why: &str| {
        let _infallible = write!(tried, "\n  {what}: {why}");
    };
    #[cfg(target_os = "linux")]
    match super::portal::screenshot() {
        Ok(file) => return read_once(&file),
        Err(why) => note("desktop portal", &why),
    }
    let folder = match Folder::new() {
        Ok(folder) => folder,
        Err(why) => {
            note("folder for the picture", &why.to_string());
            return Err(ScreenError::NoPicture(tried));
        }
    };
    for tool in TOOLS {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(missing) = tool.needs.filter(|name| !is_set(name)) {
            note(tool.program, &format!("{missing} is not set"));
            continue;
        }
        if tool.without.iter().any(is_set) {
            continue;
        }
        let file = folder.0.join("screen.png");
        match tool.run(&file) {
            Ok(()) => return read_once(&file),
            Err(why) => note(tool.program, &why),
        }
    }
    Err(ScreenError::NoPicture(tried))
}

/// Reads a picture and deletes it. A file that is not a picture is not deleted,
/// even if the portal named it.
fn read_once(file: &Path) -> Result<SecretText, ScreenError> {
    let code = picture::read(file);
    if !matches!(code, Err(PictureError::Io(_) | PictureError::Format | PictureError::TooLarge)) {
        let _dropped_already = fs::remove_file(file);
    }
    Ok(code?)
}

impl Tool {
    fn run(&self, file: &Path) -> Result<(), String> {
        let mut command = Command::new(self.program);
        command.args(self.arguments).arg(file).stdin(Stdio::null());
        match command.stdout(Stdio::null()).stderr(Stdio::null()).status() {
            Ok(status) if status.success() && file.exists() => Ok(()),
            Ok(status) if status.success() => Err("it saved no picture".to_owned()),
            Ok(status) => Err(format!("it failed ({status})")),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                Err("not installed".to_owned())
            }
            Err(why) => Err(why.to_string()),
        }
    }
}

/// A folder that no other user can read. Dropping this value deletes it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let name = format!("fido-hybrid-{:016x}", UnwrapErr(SysRng).next_u64());
        let folder = std::env::temp_dir().join(name);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        // Fails if it is there already, even as a link.
        builder.create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _nothing_to_do = fs::remove_dir_all(&self.0);
    }
}
