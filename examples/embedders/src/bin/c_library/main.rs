//! The shape of a C library: texts, a handle, and one callback that another thread calls.

#![allow(unsafe_code, reason = "texts from C are pointers")]

use std::ffi::{CStr, CString, c_char};
use std::thread;

use fido_hybrid::blocking::{Ceremony, Client};
use fido_hybrid::client::ClientUpdate;
use fido_hybrid::webauthn::{Assertion, Origin, RequestOptions};
use fido_hybrid::{CancelHandle, Canceller, Error};

#[cfg(test)]
mod tests;

/// Gets ids that never change, with texts for people. The id `waiting-for-scan` has the
/// code to show; the last one is that of an error, or `signed-in` with the answer.
type OnEvent = extern "C" fn(context: usize, id: *const c_char, text: *const c_char);

/// Starts a sign-in; null after an error, which the callback got.
///
/// # Safety
/// `origin` and `options` point to texts that end with NUL.
#[unsafe(no_mangle)]
unsafe extern "C" fn fido_sign_in(
    client: &Client,
    origin: *const c_char,
    options: *const c_char,
    on_event: OnEvent,
    context: usize,
) -> Option<Box<CancelHandle>> {
    // SAFETY: the caller's promise.
    let [origin, options] = [origin, options].map(|it| unsafe { CStr::from_ptr(it) });
    let tell = move |id: &str, text: &str| {
        let [id, text] = [id, text].map(|it| CString::new(it).unwrap_or_default());
        on_event(context, id.as_ptr(), text.as_ptr());
    };
    let ceremony = begin(client, &origin.to_string_lossy(), &options.to_string_lossy());
    let mut ceremony = ceremony.inspect_err(|it| tell(it.kind.as_str(), &it.to_string())).ok()?;
    let cancel = Box::new(ceremony.cancel_handle());
    thread::spawn(move || {
        for update in &mut ceremony {
            match &update {
                ClientUpdate::WaitingForScan(code) => tell(update.as_str(), code.expose()),
                _ => tell(update.as_str(), &update.to_string()),
            }
        }
        match ceremony.outcome() {
            Ok(answer) => tell("signed-in", answer.to_json().expose()),
            Err(error) => tell(error.kind.as_str(), &error.to_string()),
        }
    });
    Some(cancel)
}

fn begin(client: &Client, origin: &str, options: &str) -> Result<Ceremony<Assertion>, Error> {
    client.get(&RequestOptions::from_json(options)?, Origin::parse(origin)?)
}

/// Cancels the sign-in, if it is not over, and frees the handle, which may be null.
#[unsafe(no_mangle)]
extern "C" fn fido_close(handle: Option<Box<CancelHandle>>) {
    if let Some(handle) = handle {
        handle.cancel(Canceller::User);
    }
}

/// A real one is a `cdylib`, which has none.
fn main() {}
