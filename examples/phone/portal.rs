//! The desktop portal's screenshot (`org.freedesktop.portal.Screenshot`), on
//! the session's D-Bus.
//!
//! ```text
//! phone ── Screenshot("", {handle_token, interactive: false}) ──► portal
//!       ◄── Response(0, {uri: "file:///…"}) ── the request's object
//! ```
//!
//! The request's object has a name that follows from the token, so that its
//! answer can be listened for before it can come.

use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use dbus::Path;
use dbus::arg::{PropMap, RefArg as _, Variant};
use dbus::blocking::Connection;
use dbus::message::MatchRule;
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const REQUEST: &str = "org.freedesktop.portal.Request";

/// For the call itself, which is answered at once.
const CALL: Duration = Duration::from_secs(5);

/// For the picture: the desktop may ask its user for permission first.
const PICTURE: Duration = Duration::from_secs(60);

/// The longest path taken, in bytes, as the system has it.
const MAX_PATH: usize = 4096;

/// The file with the picture, or what to say about it.
pub(crate) fn screenshot() -> Result<PathBuf, String> {
    // Without this, libdbus may start a bus of its own, without any service.
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none()
        && std::env::var_os("XDG_RUNTIME_DIR").is_none()
    {
        return Err("no session bus was found".to_owned());
    }
    let failed = |why: dbus::Error| why.message().unwrap_or("it failed").to_owned();
    let bus = Connection::new_session().map_err(failed)?;
    let token = format!("fido_hybrid_{:016x}", UnwrapErr(SysRng).next_u64());
    let caller = bus.unique_name().trim_start_matches(':').replace('.', "_");
    let request = format!("/org/freedesktop/portal/desktop/request/{caller}/{token}");
    let request = Path::new(request).map_err(|_| "cannot make a request".to_owned())?;

    let (answer, answers) = mpsc::channel();
    let rule = MatchRule::new_signal(REQUEST, "Response").with_sender(PORTAL).with_path(request);
    bus.add_match(rule, move |(code, results): (u32, PropMap), _, _| {
        answer.send((code, results)).is_ok()
    })
    .map_err(failed)?;

    let mut options = PropMap::new();
    options.insert("handle_token".to_owned(), Variant(Box::new(token)));
    options.insert("interactive".to_owned(), Variant(Box::new(false)));
    let portal = bus.with_proxy(PORTAL, "/org/freedesktop/portal/desktop", CALL);
    let asked: Result<(Path<'_>,), _> =
        portal.method_call("org.freedesktop.portal.Screenshot", "Screenshot", ("", options));
    asked.map_err(failed)?;

    let deadline = Instant::now() + PICTURE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("it did not answer".to_owned());
        }
        bus.process(left).map_err(failed)?;
        match answers.try_recv() {
            Ok((0, results)) => {
                let uri = results.get("uri").and_then(|uri| uri.0.as_str());
                return uri.and_then(path).ok_or_else(|| "its answer contains no file".to_owned());
            }
            Ok((1, _)) => return Err("taking a picture was refused".to_owned()),
            Ok(_) => return Err("it failed".to_owned()),
            Err(_) => {}
        }
    }
}

/// The path of a `file:` URI.
fn path(uri: &str) -> Option<PathBuf> {
    let text = uri.strip_prefix("file://").filter(|path| path.starts_with('/'))?;
    if text.len() > MAX_PATH {
        return None;
    }
    let mut path = Vec::new();
    let mut parts = text.split('%');
    path.extend(parts.next()?.bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        path.push(u8::from_str_radix(digits, 16).ok()?);
        path.extend(rest.bytes());
    }
    Some(std::ffi::OsString::from_vec(path).into())
}
