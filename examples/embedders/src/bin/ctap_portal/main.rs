//! A portal, such as a desktop's credential portal: CTAP bytes of an application in, the
//! phone's bytes out: `ctap_portal < request.bin > response.bin`. A real one must check first
//! that the application may use the RP ID in the request: the phone's user sees no more.

use std::error::Error as StdError;
use std::io::{self, Read as _, Write as _};

use fido_hybrid::Error;
use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::client::{Client, ClientUpdate, MAX_REQUEST_LENGTH};
use fido_hybrid::qr_render::QrMatrix;
use fido_hybrid::secret::SecretBytes;
use fido_hybrid::transport::RequestHint;
use fido_hybrid::tunnel::WebSocketDialer;

#[cfg(test)]
mod tests;

/// authenticatorMakeCredential [CTAP 2.2 §6.1].
const MAKE_CREDENTIAL: u8 = 0x01;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut request = Vec::new();
    io::stdin().take(MAX_REQUEST_LENGTH as u64 + 1).read_to_end(&mut request)?;
    let client = Client::new(Bluetooth::new(), WebSocketDialer::new()?);
    io::stdout().write_all(pass(&client, request, show).await?.expose())?;
    Ok(())
}

async fn pass(
    client: &Client,
    request: Vec<u8>,
    show: impl FnMut(ClientUpdate) + Send + 'static,
) -> Result<SecretBytes, Error> {
    // The phone tells its user what the code is for.
    let hint = match request.first() {
        Some(&MAKE_CREDENTIAL) => RequestHint::MakeCredential,
        _ => RequestHint::GetAssertion,
    };
    client.begin_raw(request, hint, None)?.on_update(show).await
}

fn show(update: ClientUpdate) {
    if let ClientUpdate::WaitingForScan(code) = &update
        && let Ok(matrix) = QrMatrix::new(code)
    {
        eprintln!("{}", matrix.to_terminal().expose());
    }
    eprintln!("{update}");
}
