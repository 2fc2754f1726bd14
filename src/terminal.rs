//! The short way, for programs in a terminal: one call from the relying party's options
//! to the answer.

use std::io::{IsTerminal as _, Write, stderr};

use fido_hybrid_proto::client::ClientUpdate;
use fido_hybrid_proto::error::{ApiMisuse, Error};
use fido_hybrid_proto::transport::QrText;
use fido_hybrid_proto::webauthn::{
    Assertion, CreationOptions, Origin, Registration, RequestOptions,
};

use crate::bluetooth::Bluetooth;
use crate::client::Client;
use crate::qr_render::QrMatrix;
use crate::tunnel::{Proxy, WebSocketDialer};

/// Signs in at `origin` with a passkey on a phone. `options_json` is what the relying
/// party gives a page for `navigator.credentials.get()`:
/// `PublicKeyCredentialRequestOptionsJSON`, or an object with a member `publicKey`.
///
/// `origin` may be a related origin of the relying party
/// ([`Client::check_caller`]).
///
/// It draws the QR code on standard error, prints what happens there, and takes the
/// code away once a phone scanned it. A program that shows the code in another way uses
/// [`Client::get`].
///
/// It goes through the proxy that the environment names, as [`Proxy::from_environment`]
/// reads it, and otherwise connects directly.
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
/// [`Proxy::from_environment`], [`Client::check_caller`], for [`Client::get`] and for the outcome of its ceremony.
///
/// # Cancel safety
/// Dropping the future cancels the ceremony in the background. If the program ends right
/// after that, the phone is not told: a program that handles Ctrl-C uses [`Client::get`] and
/// a [`CancelHandle`](crate::CancelHandle).
pub async fn sign_in(options_json: &str, origin: &str) -> Result<Assertion, Error> {
    let terminal = Terminal::open(stderr(), stderr().is_terminal())?;
    let options = RequestOptions::from_json(options_json)?;
    let client = client()?;
    let caller = client.check_caller(Origin::parse(origin)?, options.rp_id.as_deref()).await?;
    let ceremony = client.get(&options, caller)?;
    ceremony.on_update(terminal.show()).await
}

/// Registers a passkey for `origin` on a phone. `options_json` is what the relying
/// party gives a page for `navigator.credentials.create()`:
/// `PublicKeyCredentialCreationOptionsJSON`, or an object with a member `publicKey`.
///
/// It draws the QR code and takes the environment's proxy as [`sign_in`] does.
///
/// # Errors
/// [`ApiMisuse::NoTerminal`] at once if standard error is not a terminal; as for
/// [`Proxy::from_environment`], [`Client::check_caller`], for [`Client::create`] and for the outcome of its ceremony.
///
/// # Cancel safety
/// Dropping the future cancels the ceremony.
pub async fn register(options_json: &str, origin: &str) -> Result<Registration, Error> {
    let terminal = Terminal::open(stderr(), stderr().is_terminal())?;
    let options = CreationOptions::from_json(options_json)?;
    let client = client()?;
    let caller = client.check_caller(Origin::parse(origin)?, options.rp_id.as_deref()).await?;
    let ceremony = client.create(&options, caller)?;
    ceremony.on_update(terminal.show()).await
}

fn client() -> Result<Client, Error> {
    let dialer = WebSocketDialer::builder().proxy(Proxy::from_environment()?).build()?;
    let fetcher = dialer.https_fetcher();
    Ok(Client::new(Bluetooth::new(), dialer).related_origins(fetcher))
}

/// A terminal: standard error.
struct Terminal<S: Write> {
    screen: S,
    /// The lines that were printed since the code began. `None`: there is no code.
    lines: Option<usize>,
}

impl<S: Write + Send + 'static> Terminal<S> {
    fn open(screen: S, is_terminal: bool) -> Result<Self, ApiMisuse> {
        if is_terminal { Ok(Self { screen, lines: None }) } else { Err(ApiMisuse::NoTerminal) }
    }

    fn show(mut self) -> impl FnMut(ClientUpdate) + Send + 'static {
        move |update| {
            match &update {
                ClientUpdate::WaitingForScan(code) => self.draw(code),
                ClientUpdate::PhoneFound => self.take_away(),
                _ => {}
            }
            self.print(&update.to_string());
        }
    }

    fn draw(&mut self, code: &QrText) {
        self.take_away();
        match QrMatrix::new(code) {
            Ok(matrix) => {
                let drawing = matrix.to_terminal();
                self.lines = Some(drawing.expose().lines().count());
                self.put(drawing.expose());
            }
            // No text of a code is that long.
            Err(error) => self.print(&error.to_string()),
        }
    }

    fn print(&mut self, line: &str) {
        if let Some(lines) = &mut self.lines {
            *lines += 1;
        }
        self.put(line);
        self.put("\n");
    }
}

impl<S: Write> Terminal<S> {
    /// A used code must not stay on the screen: it is erased, with what was printed
    /// below it.
    fn take_away(&mut self) {
        if let Some(lines) = self.lines.take() {
            self.put(&format!("\x1b[{lines}F\x1b[J"));
        }
    }

    fn put(&mut self, text: &str) {
        // A terminal that was closed shows nothing, and the ceremony goes on without it.
        let _closed = self.screen.write_all(text.as_bytes());
    }
}

impl<S: Write> Drop for Terminal<S> {
    fn drop(&mut self) {
        self.take_away();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use fido_hybrid_proto::crypto::SecretKey;
    use fido_hybrid_proto::secret::QrSecret;
    use fido_hybrid_proto::transport::{QrCode, RequestHint};

    use super::*;

    /// The lines that a terminal shows.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn text(&self) -> String {
            self.0.lock().unwrap().clone()
        }

        fn has_a_code(&self) -> bool {
            self.text().contains(['█', '▀', '▄'])
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let written = std::str::from_utf8(bytes).unwrap();
            let mut text = self.0.lock().unwrap();
            match written.strip_prefix("\x1b[").and_then(|it| it.strip_suffix("F\x1b[J")) {
                // Go up so many lines, and erase all from there on.
                Some(lines) => {
                    let kept = text.lines().count() - lines.parse::<usize>().unwrap();
                    *text = text.split_inclusive('\n').take(kept).collect();
                }
                None => text.push_str(written),
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn waiting() -> ClientUpdate {
        let key = *SecretKey::from_scalar(&[1; 32]).unwrap().public_key();
        let code = QrCode::new(key, QrSecret::new([2; 16]), 0, RequestHint::GetAssertion);
        ClientUpdate::WaitingForScan(code.to_text())
    }

    #[test]
    fn the_environment_names_the_proxy() {
        const VARIABLE: &str = "https_proxy";
        const NO_PROXY: &str = "ftp://proxy.example";
        if std::env::var(VARIABLE).is_ok_and(|value| value == NO_PROXY) {
            let error = client().unwrap_err();
            let told = error.to_string();
            assert!(told.contains("the environment variable https_proxy is not"), "{told}");
            return;
        }
        // Variables are for a whole process: this test again, in another one.
        let this = std::env::current_exe().unwrap();
        let test = "terminal::tests::the_environment_names_the_proxy";
        let child = Command::new(this).args(["--exact", test]).env(VARIABLE, NO_PROXY).output();
        let child = child.unwrap();
        let told = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && told.contains("1 passed"), "{told}");
    }

    #[test]
    fn only_a_terminal_is_drawn_on() {
        assert!(Terminal::open(Screen::default(), true).is_ok());
        let refused = Terminal::open(Screen::default(), false);
        assert_eq!(refused.err(), Some(ApiMisuse::NoTerminal));
    }

    #[test]
    fn the_code_is_erased_once_a_phone_was_found() {
        let screen = Screen(Arc::new(Mutex::new("$ sign-in\n".into())));
        let mut show = Terminal::open(screen.clone(), true).unwrap().show();
        show(waiting());
        assert!(screen.has_a_code());
        assert!(screen.text().ends_with(&format!("{}\n", waiting())));

        show(ClientUpdate::PhoneFound);
        assert_eq!(screen.text(), format!("$ sign-in\n{}\n", ClientUpdate::PhoneFound));
        drop(show);
        assert_eq!(screen.text().lines().count(), 2, "nothing else is erased");
    }

    #[test]
    fn the_code_is_erased_when_the_ceremony_ends_without_a_phone() {
        let screen = Screen(Arc::new(Mutex::new("$ sign-in\n".into())));
        let mut show = Terminal::open(screen.clone(), true).unwrap().show();
        show(waiting());
        drop(show);
        assert_eq!(screen.text(), "$ sign-in\n");
    }
}
