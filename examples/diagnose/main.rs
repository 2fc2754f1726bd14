//! Whether this machine can sign in by a phone, or play the phone, and what to
//! do where it cannot.

#[path = "../shared/arguments.rs"]
mod arguments;
mod findings;
#[path = "../shared/network.rs"]
mod network;
#[path = "../shared/report.rs"]
mod report;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use fido_hybrid::bluetooth::{Adapter, Advertiser as _, Bluetooth};
use fido_hybrid::client::Client;
use fido_hybrid::error::BluetoothFault;
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use tokio::time::timeout;

use arguments::{Arguments, Stop, unknown, wrong};
use findings::Findings;
use network::Network;

/// How long Bluetooth may take for an answer.
const BLUETOOTH: Duration = Duration::from_secs(10);

/// The bytes of an advert.
const ADVERT: usize = 20;

fn help() -> String {
    format!(
        "\
Looks whether this machine can sign in by a phone, and says what to do where it
cannot: its Bluetooth, and both tunnel services that phones use.

usage: diagnose [flags]

  --advertise             also try for a moment to advertise, which this machine
                          must be able to do to play the phone
  --adapter NAME          look at this Bluetooth adapter alone, such as hci1
  --json                  say it in JSON
{}

Exit codes:
  0    all is well
  2    the arguments are wrong
  3    there is no Bluetooth adapter
  4    Bluetooth is switched off
  5    this program may not use Bluetooth
  6    Bluetooth fails, or cannot advertise where that was asked for
  10   a tunnel service cannot be used
  13–16  both: 10 and one of 3 to 6",
        network::HELP
    )
}

struct Diagnose {
    bluetooth: Bluetooth,
    adapter: Option<String>,
    network: Network,
    advertise: Advertise,
    format: Format,
}

/// Whether to try to advertise, which others can notice.
enum Advertise {
    Try,
    Leave,
}

enum Format {
    Words,
    Json,
}

#[tokio::main]
async fn main() -> ExitCode {
    let stop = match Diagnose::parse() {
        Ok(diagnose) => match diagnose.run().await {
            Ok(code) => return ExitCode::from(code),
            Err(stop) => stop,
        },
        Err(stop) => stop,
    };
    report::stopped(stop, &help())
}

impl Diagnose {
    fn parse() -> Result<Self, Stop> {
        let mut arguments = Arguments::from_environment()?;
        let (mut bluetooth, mut network) = (Bluetooth::new(), Network::default());
        let (mut adapter, mut advertise, mut format) = (None, Advertise::Leave, Format::Words);
        while let Some(word) = arguments.next()? {
            match word.as_str() {
                "--advertise" => advertise = Advertise::Try,
                "--json" => format = Format::Json,
                "--adapter" => {
                    let id = arguments.value(&word)?;
                    bluetooth = bluetooth.adapter(&id);
                    adapter = Some(id);
                }
                flag if network.take(flag, &mut arguments)? => {}
                _ => return Err(unknown(&word)),
            }
        }
        Ok(Self { bluetooth, adapter, network, advertise, format })
    }

    async fn run(&self) -> Result<u8, Stop> {
        let client = Client::builder()
            .scanner(self.bluetooth.clone())
            .tunnel(self.network.dialer()?)
            .build()
            .map_err(wrong)?;
        let (health, adapters) = tokio::join!(client.preflight(), self.adapters());
        let advertising = match self.advertise {
            Advertise::Try => Some(self.advertise().await),
            Advertise::Leave => None,
        };
        let findings = Findings { health, adapters, advertising };
        match self.format {
            Format::Words => report::print(&findings.to_string()),
            Format::Json => report::print(&findings.to_json().to_string()),
        }
        Ok(findings.exit_code())
    }

    /// The adapters to look at.
    async fn adapters(&self) -> Result<Vec<Adapter>, BluetoothFault> {
        let mut adapters = timeout(BLUETOOTH, self.bluetooth.adapters())
            .await
            .unwrap_or_else(|_| Err(silent()))?;
        if let Some(id) = &self.adapter {
            adapters.retain(|adapter| adapter.id == *id);
        }
        Ok(adapters)
    }

    /// Advertises for a moment, what no client can make anything of.
    async fn advertise(&self) -> Result<(), BluetoothFault> {
        let mut advert = vec![0; ADVERT];
        UnwrapErr(SysRng).fill_bytes(&mut advert);
        let advertised = timeout(BLUETOOTH, self.bluetooth.advertise(advert)).await;
        advertised.unwrap_or_else(|_| Err(silent())).map(drop)
    }
}

fn silent() -> BluetoothFault {
    BluetoothFault::Failed(Arc::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))
}
