//! `phone --screen` with a desktop portal, played on a session bus of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use dbus::arg::{PropMap, RefArg as _, Variant};
use dbus::channel::Channel;
use dbus::{Message, Path};

use crate::pictures::{Canvas, code, modules};
use crate::programs::{Ended, Program, Scratch};

const PORTAL: &str = "org.freedesktop.portal.Desktop";

/// What the portal answers: the response's code, and the file if there is one.
type Response = (u32, Option<String>);

/// A session bus with a portal on it. Dropped, both end.
struct Desktop {
    daemon: Child,
    address: String,
    done: Arc<AtomicBool>,
    portal: Option<JoinHandle<()>>,
}

impl Desktop {
    /// `None` where there is no D-Bus daemon, of which the tests of ceremonies
    /// speak.
    fn answering(response: Response) -> Option<Self> {
        let daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut daemon) = daemon else {
            assert!(std::env::var_os("CI").is_none(), "there is no dbus-daemon");
            return None;
        };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        let mut channel = Channel::open_private(&address).unwrap();
        channel.register().unwrap();
        let name = Message::call_with_args(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "RequestName",
            (PORTAL, 0_u32),
        );
        channel.send_with_reply_and_block(name, Duration::from_secs(20)).unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        let portal = std::thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                let message = channel.blocking_pop_message(Duration::from_millis(100));
                if let Ok(Some(message)) = message
                    && message.member().as_deref() == Some("Screenshot")
                {
                    answer(&channel, &message, &response);
                }
            }
        });
        Some(Self { daemon, address, done, portal: Some(portal) })
    }

    fn phone(&self, scratch: &Scratch) -> Ended {
        Program::new("phone")
            .environment("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .environment("PATH", "/nonexistent")
            .arguments(["--screen", "--store", &scratch.file("store")])
            .run()
    }
}

/// As a portal does: the request's object first, then its response.
fn answer(channel: &Channel, call: &Message, (code, file): &Response) {
    let (_window, options): (String, PropMap) = call.read2().unwrap();
    assert_eq!(options["interactive"].0.as_u64(), Some(0));
    let token = options["handle_token"].0.as_str().unwrap();
    let caller = call.sender().unwrap().trim_start_matches(':').replace('.', "_");
    let request = format!("/org/freedesktop/portal/desktop/request/{caller}/{token}");
    let request = Path::new(request).unwrap();
    let mut results = PropMap::new();
    if let Some(file) = file {
        results.insert("uri".into(), Variant(Box::new(format!("file://{file}"))));
    }
    let interface = "org.freedesktop.portal.Request".into();
    let response =
        Message::signal(&request, &interface, &"Response".into()).append2(*code, results);
    channel.send(call.method_return().append1(request)).unwrap();
    channel.send(response).unwrap();
    channel.flush();
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.done.store(true, Ordering::SeqCst);
        if let Some(portal) = self.portal.take() {
            let _panicked = portal.join();
        }
        let _dropped = self.daemon.kill();
        let _dropped = self.daemon.wait();
    }
}

#[test]
fn the_portals_picture_is_read_and_deleted() {
    let scratch = Scratch::new();
    let mut canvas = Canvas::new(1280, 1000);
    canvas.draw((700, 500), &modules(&code(1)));
    let picture = scratch.write("Screen shot.png", canvas.png());
    let response = (0, Some(picture.replace(' ', "%20")));
    let Some(desktop) = Desktop::answering(response) else { return };
    let ended = desktop.phone(&scratch);
    // It goes on to the store, where this test chooses no PIN.
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(!std::fs::exists(picture).unwrap(), "there is a secret on it");
}

#[test]
fn what_the_portal_names_and_is_no_picture_is_left_alone() {
    let scratch = Scratch::new();
    let diary = scratch.write("diary.txt", "Dear diary");
    let Some(desktop) = Desktop::answering((0, Some(diary.clone()))) else { return };
    let ended = desktop.phone(&scratch);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("neither PNG nor JPEG"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(diary).unwrap(), "Dear diary");
}

#[test]
fn a_user_who_permits_no_picture_is_told_what_else_there_is() {
    let scratch = Scratch::new();
    let Some(desktop) = Desktop::answering((1, None)) else { return };
    let ended = desktop.phone(&scratch);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    for expected in [
        "desktop portal: taking a picture was refused\n",
        "grim: WAYLAND_DISPLAY is not set\n",
        "gnome-screenshot: not installed\n",
        "and use --picture.",
    ] {
        assert!(ended.stderr.contains(expected), "{expected:?} in {}", ended.stderr);
    }
}

#[test]
fn a_portal_that_names_no_file_of_this_machine_is_not_believed() {
    let scratch = Scratch::new();
    for file in [None, Some("elsewhere/picture.png".to_owned()), Some("/%zz".to_owned())] {
        let Some(desktop) = Desktop::answering((0, file)) else { return };
        let ended = desktop.phone(&scratch);
        assert_eq!(ended.code, Some(5), "{ended:?}");
        let expected = "desktop portal: its answer contains no file\n";
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[test]
fn a_desktop_without_a_portal_is_told_what_to_install() {
    let scratch = Scratch::new();
    let ended = Program::new("phone")
        .environment("PATH", "/nonexistent")
        .arguments(["--screen", "--store", &scratch.file("store")])
        .run();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("Install xdg-desktop-portal"), "{}", ended.stderr);
}
