use std::ffi::{CStr, c_char};
use std::sync::mpsc::{Receiver, Sender, channel};

use fido_hybrid::blocking::Client;
use fido_hybrid_embedders::{ORIGIN, SIGN_IN, World};

use super::{CancelHandle, fido_close, fido_sign_in};

/// A bound against hanging.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// What a C program has behind its context.
struct Context {
    world: World,
    scans: bool,
    events: Sender<(String, String)>,
}

extern "C" fn on_event(context: usize, id: *const c_char, text: *const c_char) {
    // SAFETY: the test's context outlives the sign-in, and the texts end with NUL.
    let (context, id, text) = unsafe {
        let context = &*std::ptr::with_exposed_provenance::<Context>(context);
        (context, CStr::from_ptr(id), CStr::from_ptr(text))
    };
    let [id, text] = [id, text].map(|it| it.to_str().unwrap().to_owned());
    if id == "waiting-for-scan" && context.scans {
        context.world.scan(&text);
    }
    context.events.send((id, text)).unwrap();
}

fn start(
    world: &World,
    options: &CStr,
    scans: bool,
) -> (Option<Box<CancelHandle>>, Receiver<(String, String)>) {
    let client = Client::new(world.air.clone(), world.relay.clone()).unwrap();
    let (events, received) = channel();
    // It is used until the last event: it stays.
    let context = Box::leak(Box::new(Context { world: world.clone(), scans, events }));
    let context = std::ptr::from_mut(context).expose_provenance();
    let origin = std::ffi::CString::new(ORIGIN).unwrap();
    // SAFETY: both end with NUL.
    let handle =
        unsafe { fido_sign_in(&client, origin.as_ptr(), options.as_ptr(), on_event, context) };
    (handle, received)
}

fn last(received: &Receiver<(String, String)>, is_last: impl Fn(&str) -> bool) -> String {
    loop {
        let (id, text) = received.recv_timeout(PATIENCE).unwrap();
        if is_last(&id) {
            return text;
        }
    }
}

#[test]
fn the_last_event_is_the_answer() {
    let world = World::new();
    world.register();
    let options = std::ffi::CString::new(SIGN_IN).unwrap();
    let (handle, received) = start(&world, &options, true);
    assert!(handle.is_some());
    assert!(last(&received, |id| id == "signed-in").contains("\"signature\""));
}

#[test]
fn options_that_are_not_json_are_an_error_and_no_handle() {
    let (handle, received) = start(&World::new(), c"{", true);
    assert!(handle.is_none());
    assert!(received.recv().unwrap().0.starts_with("options"));
}

#[test]
fn closing_the_handle_cancels() {
    let options = std::ffi::CString::new(SIGN_IN).unwrap();
    let (handle, received) = start(&World::new(), &options, false);
    fido_close(handle);
    last(&received, |id| id == "cancelled.by-user");
}
