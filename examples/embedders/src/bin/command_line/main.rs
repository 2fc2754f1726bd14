//! A command line with a time limit of its own, which Ctrl-C cancels:
//! `command_line https://example.com < options.json > assertion.json`.

use std::{env, io, pin::pin, process::ExitCode, time::Duration};

use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::client::{Client, ClientUpdate};
use fido_hybrid::qr_render::QrMatrix;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid::webauthn::{Assertion, Origin, RequestOptions};
use fido_hybrid::{Canceller, Error};

#[cfg(test)]
mod tests;

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (Some(origin), Ok(options)) = (env::args().nth(1), io::read_to_string(io::stdin())) else {
        eprintln!("usage: command_line ORIGIN < OPTIONS.json");
        return ExitCode::from(2);
    };
    let client = WebSocketDialer::new().map(|dialer| Client::new(Bluetooth::new(), dialer));
    match async { sign_in(&client?, &origin, &options, show, tokio::signal::ctrl_c()).await }.await
    {
        Ok(assertion) => println!("{}", assertion.to_json().expose()),
        Err(error) => {
            eprintln!("{error}\n{}", error.advice());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn sign_in(
    client: &Client,
    origin: &str,
    options: &str,
    show: impl FnMut(ClientUpdate) + Send + 'static,
    ctrl_c: impl Future<Output = io::Result<()>>,
) -> Result<Assertion, Error> {
    let ceremony = client.get(&RequestOptions::from_json(options)?, Origin::parse(origin)?)?;
    let cancel = ceremony.cancel_handle();
    let mut outcome = pin!(ceremony.on_update(show).into_future());
    tokio::select! {
        outcome = &mut outcome => return outcome,
        Ok(()) = ctrl_c => cancel.cancel(Canceller::User),
        () = tokio::time::sleep(LIMIT) => cancel.cancel(Canceller::Caller),
    }
    outcome.await // the phone is told
}

fn show(update: ClientUpdate) {
    if let ClientUpdate::WaitingForScan(code) = &update
        && let Ok(matrix) = QrMatrix::new(code)
    {
        eprintln!("{}", matrix.to_terminal().expose());
    }
    eprintln!("{update}");
}
