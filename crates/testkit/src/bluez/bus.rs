//! A machine's system bus: a `dbus-daemon` of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dbus::Message;
use dbus::channel::Channel;

/// For what the bus itself answers: it waits for no program.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whom the bus lets through to BlueZ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Every user is allowed, as in distributions that trust all who are logged in.
    Open,
    /// No call is allowed, as in a sandbox or outside the group `bluetooth`.
    Closed,
    /// Every call is allowed but those to this interface.
    Without(&'static str),
}

impl Policy {
    fn rule(&self) -> String {
        match self {
            Self::Open => String::new(),
            Self::Closed => r#"<deny send_destination="org.bluez"/>"#.into(),
            Self::Without(interface) => {
                format!(r#"<deny send_destination="org.bluez" send_interface="{interface}"/>"#)
            }
        }
    }
}

/// Whether this machine has a `dbus-daemon`. Without one the tests that need it
/// are left out, which this says where the test harness cannot swallow it; where
/// `CI` is set, they fail.
pub fn is_installed() -> bool {
    let installed = Command::new("dbus-daemon")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !installed {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no dbus-daemon: install the package `dbus`"
        );
        // The harness captures what goes through `eprintln!` alone.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(
            std::io::stderr(),
            "LEFT OUT: {test}: there is no dbus-daemon; install the package `dbus`"
        );
    }
    installed
}

/// The daemon; dropped, it ends.
#[derive(Debug)]
pub struct Bus {
    daemon: Child,
    folder: PathBuf,
}

impl Bus {
    pub fn start(machine: &str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        // A socket's path has 108 bytes at most. Folders below `target` can be
        // longer.
        let folder = std::env::temp_dir().join(format!(
            "bluez-{}-{}-{machine}",
            std::process::id(),
            STARTED.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&folder).unwrap();
        write_config(&folder, &Policy::Open);
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config(&folder).display()))
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It tells of each refused message and of limits that it may not raise.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "dbus-daemon did not start");
        Self { daemon, folder }
    }

    pub fn address(&self) -> String {
        format!("unix:path={}", socket(&self.folder).display())
    }

    /// From the next message on, for those who are connected, too.
    pub fn set_policy(&self, policy: &Policy) {
        write_config(&self.folder, policy);
        let channel = self.connect().unwrap();
        channel.send_with_reply_and_block(question("ReloadConfig"), PATIENCE).unwrap();
    }

    /// Waits until the bus has seen that BlueZ disconnected, if the bus still runs.
    pub fn wait_until_bluez_has_stopped(&self) {
        let until = Instant::now() + PATIENCE;
        while let Some(channel) = self.connect() {
            let question = question("NameHasOwner").append1("org.bluez");
            match channel.send_with_reply_and_block(question, PATIENCE) {
                Ok(answer) if answer.get1() == Some(true) => {
                    assert!(Instant::now() < until, "org.bluez is still there");
                }
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn connect(&self) -> Option<Channel> {
        let mut channel = Channel::open_private(&self.address()).ok()?;
        channel.register().ok()?;
        Some(channel)
    }

    /// It stands still: it accepts nothing, and answers nothing.
    pub fn freeze(&self) {
        let process = self.daemon.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &process]).status().unwrap().success());
    }

    /// It has ended when this returns.
    pub fn kill(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn question(member: &str) -> Message {
    let bus = "org.freedesktop.DBus";
    Message::new_method_call(bus, "/org/freedesktop/DBus", bus, member).unwrap()
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("bus")
}

fn config(folder: &Path) -> PathBuf {
    folder.join("bus.conf")
}

fn write_config(folder: &Path, policy: &Policy) {
    let text = format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true"/>
    <allow receive_type="method_call"/>
    <allow receive_type="signal"/>
    <allow receive_requested_reply="true"/>
    {rule}
  </policy>
</busconfig>
"#,
        socket = socket(folder).display(),
        rule = policy.rule(),
    );
    std::fs::write(config(folder), text).unwrap();
}
