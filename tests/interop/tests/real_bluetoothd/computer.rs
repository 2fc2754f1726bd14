//! The machine's Bluetooth, as its owner handles it: controllers, daemon, power.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Between two looks at what other programs do: they report nothing to us.
const LOOK: Duration = Duration::from_millis(200);

/// Generous: the machine is emulated. Longer than the kernel keeps a dead
/// daemon's discovery (10.24 s) and bluetoothd takes to start.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Disturbance {
    /// The adapter is switched off, seen off, and switched on.
    PowerOffAndOn,
    /// Both controllers are taken away and come back.
    RemoveAndReturn,
    /// bluetoothd ends in good order and is started again.
    Terminate,
    /// bluetoothd is killed, leaving its work in the kernel, and started again.
    Kill {
        /// How long there is no bluetoothd.
        seconds_away: u64,
    },
}

/// Two virtual controllers and a bluetoothd. Dropping it takes them away.
pub(crate) struct Bluetooth {
    controllers: Process,
    daemon: Process,
}

impl Bluetooth {
    /// Both adapters are on.
    pub(crate) async fn start() -> Self {
        let controllers = controllers().await;
        let daemon = daemon();
        let this = Self { controllers, daemon };
        this.until_on("hci0").await;
        this.until_on("hci1").await;
        this
    }

    /// Does it to the adapter, or to all of Bluetooth; afterwards the adapter is
    /// on again.
    pub(crate) async fn disturb(&mut self, adapter: &str, disturbance: Disturbance) {
        match disturbance {
            Disturbance::PowerOffAndOn => {
                self.switch(adapter, false).await;
                self.switch(adapter, true).await;
            }
            Disturbance::RemoveAndReturn => {
                self.controllers.end("KILL");
                until("the adapters are removed", || {
                    property(adapter, ADAPTER, "Powered").is_none()
                })
                .await;
                self.controllers = controllers().await;
            }
            Disturbance::Terminate => {
                self.daemon.end("TERM");
                self.daemon = daemon();
            }
            Disturbance::Kill { seconds_away } => {
                self.daemon.end("KILL");
                // The case itself: for how long the kernel is without a daemon.
                tokio::time::sleep(Duration::from_secs(seconds_away)).await;
                self.daemon = daemon();
            }
        }
        self.until_on("hci0").await;
        self.until_on("hci1").await;
    }

    /// Waits until BlueZ says that this adapter is discovering, or that it is not.
    pub(crate) async fn until_discovering(&self, adapter: &str, wanted: bool) {
        let wanted = wanted.to_string();
        let is_so = || property(adapter, ADAPTER, "Discovering").as_deref() == Some(&*wanted);
        until("a change of Discovering", is_so).await;
    }

    /// Waits until BlueZ says that this adapter has so many adverts.
    pub(crate) async fn until_adverts(&self, adapter: &str, wanted: u8) {
        let wanted = wanted.to_string();
        let is_so =
            || property(adapter, ADVERTISING, "ActiveInstances").as_deref() == Some(&*wanted);
        until("a change of ActiveInstances", is_so).await;
    }

    pub(crate) async fn switch(&self, adapter: &str, on: bool) {
        let set = format!("variant:boolean:{on}");
        let path = path(adapter);
        until("the adapter takes its power state", || {
            let done = bluez(
                &path,
                &["org.freedesktop.DBus.Properties.Set"],
                &[&format!("string:{ADAPTER}"), "string:Powered", &set],
            );
            done.status.success()
                && property(adapter, ADAPTER, "Powered").as_deref() == Some(&*on.to_string())
        })
        .await;
    }

    /// BlueZ switches adapters on by itself when they come, unless they were
    /// switched off by its user.
    async fn until_on(&self, adapter: &str) {
        until("the adapter is there", || property(adapter, ADAPTER, "Powered").is_some()).await;
        self.switch(adapter, true).await;
    }
}

const ADAPTER: &str = "org.bluez.Adapter1";
const ADVERTISING: &str = "org.bluez.LEAdvertisingManager1";

fn path(adapter: &str) -> String {
    format!("/org/bluez/{adapter}")
}

/// A property as dbus-send prints it; `None` if BlueZ does not have it now.
fn property(adapter: &str, interface: &str, name: &str) -> Option<String> {
    let got = bluez(
        &path(adapter),
        &["--print-reply=literal", "org.freedesktop.DBus.Properties.Get"],
        &[&format!("string:{interface}"), &format!("string:{name}")],
    );
    let printed = String::from_utf8(got.stdout).unwrap();
    got.status.success().then(|| printed.split_whitespace().last().unwrap_or_default().to_owned())
}

fn bluez(path: &str, method: &[&str], arguments: &[&str]) -> Output {
    let (method, options) = method.split_last().unwrap();
    Command::new("dbus-send")
        .args(["--system", "--print-reply", "--reply-timeout=20000", "--dest=org.bluez"])
        .args(options)
        .args([path, method])
        .args(arguments)
        .output()
        .unwrap()
}

fn daemon() -> Process {
    Process::start("/usr/libexec/bluetooth/bluetoothd", &["-n", "-E"])
}

/// Two controllers that the kernel has taken: on an emulated processor it often
/// gives the first one up.
async fn controllers() -> Process {
    for _ in 0..5 {
        let controllers = Process::start("btvirt", &["-L", "-l2"]);
        let both = || {
            let shown = Command::new("hciconfig").output().unwrap().stdout;
            String::from_utf8(shown).unwrap().matches("Address: 00:AA").count() == 2
        };
        if tokio::time::timeout(Duration::from_secs(10), look_until(both)).await.is_ok() {
            return controllers;
        }
    }
    panic!("the kernel takes no controllers");
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = tokio::time::timeout(PATIENCE, look_until(is_so));
    assert!(looking.await.is_ok(), "timed out waiting until {what}");
}

async fn look_until(is_so: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(LOOK);
    while !is_so() {
        looks.tick().await;
    }
}

/// Another program; dropping it kills it.
struct Process(Child);

impl Process {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let silent = || Stdio::null();
        let child = Command::new(program).args(arguments).stdout(silent()).stderr(silent()).spawn();
        Self(child.unwrap())
    }

    /// Sends a signal, and waits for the program's end.
    fn end(&mut self, signal: &str) {
        let sent =
            Command::new("kill").args([&format!("-{signal}"), &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
}
