//! A function that blocks, for a login screen or a VPN client without an async runtime:
//! `blocking https://example.com < options.json > assertion.json`.

use std::error::Error as StdError;
use std::{env, io};

use fido_hybrid::Error;
use fido_hybrid::blocking::Client;
use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::client::ClientUpdate;
use fido_hybrid::qr_render::QrMatrix;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid::webauthn::{Origin, RequestOptions};

#[cfg(test)]
mod tests;

fn main() -> Result<(), Box<dyn StdError>> {
    let origin = env::args().nth(1).ok_or("usage: blocking ORIGIN < OPTIONS.json")?;
    let options = io::read_to_string(io::stdin())?;
    let client = Client::new(Bluetooth::new(), WebSocketDialer::new()?)?;
    println!("{}", sign_in(&client, &origin, &options, show)?);
    Ok(())
}

/// Blocks until a phone has signed, and returns the answer for the relying party.
fn sign_in(
    client: &Client,
    origin: &str,
    options: &str,
    mut show: impl FnMut(ClientUpdate),
) -> Result<String, Error> {
    let options = RequestOptions::from_json(options)?;
    let mut ceremony = client.get(&options, Origin::parse(origin)?)?;
    for update in &mut ceremony {
        show(update);
    }
    Ok(ceremony.outcome()?.to_json().expose().to_owned())
}

fn show(update: ClientUpdate) {
    if let ClientUpdate::WaitingForScan(code) = &update {
        match QrMatrix::new(code) {
            Ok(matrix) => eprintln!("{}", matrix.to_terminal().expose()),
            Err(error) => eprintln!("{error}"),
        }
    }
    eprintln!("{update}");
}
