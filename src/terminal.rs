//! The short way, for programs in a terminal: one call from the relying party's options
//! to the answer.

use std::io::{IsTerminal as _, Write as _, stderr};

use fido_hybrid_proto::client::ClientUpdate;
use fido_hybrid_proto::error::{ApiMisuse, Error};
use fido_hybrid_proto::transport::QrText;
use fido_hybrid_proto::webauthn::{
    Assertion, CreationOptions, Origin, Registration, RequestOptions,
};

use crate::bluetooth::Bluetooth;
use crate::client::Client;
use crate::qr_render::QrMatrix;
use crate::tunnel::WebSocketDialer;

/// Signs in at `origin` with a passkey on a phone. `options_json` is what the relying
/// party gives a page for `navigator.credentials.get()`:
/// `PublicKeyCredentialRequestOptionsJSON`, or an object with a member `publicKey`.
///
/// It draws the QR code on standard error, prints what happens there, and takes the
/// code away once a phone scanned it. A program that shows the code in another way uses
/// [`Client::get`].
///
/// ```no_run
/// # async fn sign_in(options_json: &str) -> Result<(), fido_hybrid::Error> {
/// let assertion = fido_hybrid::sign_in(options_json, "https://example.com").await?;
/// println!("{}", assertion.to_json().expose());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ApiMisuse::NoTerminal`] at once if standard error is not a terminal; as for
/// [`Client::get`] and for the outcome of its ceremony.
///
/// # Cancel safety
/// Dropping the future cancels the ceremony.
pub async fn sign_in(options_json: &str, origin: &str) -> Result<Assertion, Error> {
    let terminal = Terminal::open(stderr().is_terminal())?;
    let options = RequestOptions::from_json(options_json)?;
    let ceremony = client()?.get(&options, &Origin::parse(origin)?)?;
    ceremony.on_update(terminal.show()).await
}

/// Registers a passkey for `origin` on a phone. `options_json` is what the relying
/// party gives a page for `navigator.credentials.create()`:
/// `PublicKeyCredentialCreationOptionsJSON`, or an object with a member `publicKey`.
///
/// It draws the QR code as [`sign_in`] does.
///
/// # Errors
/// [`ApiMisuse::NoTerminal`] at once if standard error is not a terminal; as for
/// [`Client::create`] and for the outcome of its ceremony.
///
/// # Cancel safety
/// Dropping the future cancels the ceremony.
pub async fn register(options_json: &str, origin: &str) -> Result<Registration, Error> {
    let terminal = Terminal::open(stderr().is_terminal())?;
    let options = CreationOptions::from_json(options_json)?;
    let ceremony = client()?.create(&options, &Origin::parse(origin)?)?;
    ceremony.on_update(terminal.show()).await
}

fn client() -> Result<Client, Error> {
    Ok(Client::new(Bluetooth::new(), WebSocketDialer::new()?))
}

/// Standard error, which is a terminal.
struct Terminal {
    /// The lines that were printed since the code began. `None`: there is no code.
    lines: Option<usize>,
}

impl Terminal {
    fn open(is_terminal: bool) -> Result<Self, ApiMisuse> {
        if is_terminal { Ok(Self { lines: None }) } else { Err(ApiMisuse::NoTerminal) }
    }

    fn show(mut self) -> impl FnMut(ClientUpdate) + Send + 'static {
        move |update| match &update {
            ClientUpdate::WaitingForScan(code) => {
                self.draw(code);
                self.print(&update.to_string());
            }
            ClientUpdate::PhoneFound => {
                self.take_away();
                self.print(&update.to_string());
            }
            _ => self.print(&update.to_string()),
        }
    }

    fn draw(&mut self, code: &QrText) {
        match QrMatrix::new(code) {
            Ok(matrix) => {
                let drawing = matrix.to_terminal();
                self.lines = Some(drawing.expose().lines().count());
                put(drawing.expose());
            }
            // No text of a code is that long.
            Err(error) => self.print(&error.to_string()),
        }
    }

    fn print(&mut self, line: &str) {
        if let Some(lines) = &mut self.lines {
            *lines += 1;
        }
        put(line);
        put("\n");
    }

    /// A used code must not stay on the screen: it is erased, with what was printed
    /// below it.
    fn take_away(&mut self) {
        if let Some(lines) = self.lines.take() {
            put(&format!("\x1b[{lines}F\x1b[J"));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.take_away();
    }
}

fn put(text: &str) {
    // A terminal that was closed shows nothing, and the ceremony goes on without it.
    let _closed = stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_is_drawn_on() {
        assert!(Terminal::open(true).is_ok());
        assert_eq!(Terminal::open(false).err(), Some(ApiMisuse::NoTerminal));
    }
}
