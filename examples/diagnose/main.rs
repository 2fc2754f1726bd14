//! Whether this machine can sign in by a phone, or play the phone, and what to
//! do where it cannot.

mod findings;

use fido_hybrid_examples::{arguments, network, radio, report, runtime};
use std::process::ExitCode;

use fido_hybrid::bluetooth::{AdapterState, Advertiser as _, Bluetooth, Scanner as _};
use fido_hybrid::client::{Client, ServiceHealth};
use fido_hybrid::error::{BluetoothError, Error, Stage};
use fido_hybrid::tunnel::WebSocketDialer;
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use tokio::time::timeout;

use arguments::{Arguments, Stop, unknown};
use findings::{Findings, Name, Service};
use network::Network;

/// The bytes of an advert.
const ADVERT: usize = 20;

fn help() -> String {
    format!(
        "\
Checks whether this computer can sign in with a phone: its Bluetooth, and the
tunnel services that phones use. Prints what to do if it cannot.

usage: diagnose [flags]

  --advertise             also advertise for a moment, which example phone needs
  --adapter NAME          check only this Bluetooth adapter, such as hci1
  --json                  print JSON
{}

Exit codes:
  0    everything works
  2    the arguments are invalid
  3    no Bluetooth adapter, or no adapter of this name, was found
  4    Bluetooth is turned off
  5    this program may not use Bluetooth
  6    Bluetooth failed, or failed to advertise with --advertise
  10   a tunnel service cannot be used
  13–16  both: 10 plus one of 3 to 6",
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

/// Bluetooth's state, and the tunnel services or why none could be tried.
type Looked = (Result<AdapterState, Error>, Result<Vec<Service>, String>);

fn main() -> ExitCode {
    runtime::run(program())
}

async fn program() -> ExitCode {
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
        let dialer = match self.network.dialer() {
            Ok(dialer) => Ok(dialer),
            Err(Stop::Failed(why)) => Err(why),
            Err(stop) => return Err(stop),
        };
        let looked = async {
            match dialer {
                Ok(dialer) => self.preflight(dialer).await,
                Err(why) => Ok((self.state().await, Err(why))),
            }
        };
        let (looked, adapters) = tokio::join!(looked, radio::adapters(&self.bluetooth));
        let (bluetooth, services) = looked?;
        let advertising = match self.advertise {
            Advertise::Try => Some(self.advertise().await),
            Advertise::Leave => None,
        };
        let chosen = self.adapter.clone();
        let findings = Findings { bluetooth, chosen, adapters, advertising, services };
        match self.format {
            Format::Words => report::print(&findings.to_string()),
            Format::Json => report::print(&findings.to_json().to_string()),
        }
        Ok(findings.exit_code())
    }

    /// Bluetooth and the tunnel services.
    async fn preflight(&self, dialer: WebSocketDialer) -> Result<Looked, Stop> {
        let health = Client::new(self.bluetooth.clone(), dialer).preflight().await;
        let service = |health: ServiceHealth| {
            let given = self.network.has_address(health.domain);
            Service { health, name: if given { Name::Given } else { Name::LookedUp } }
        };
        let services = health.tunnel_services.into_iter().map(service).collect();
        Ok((health.bluetooth, Ok(services)))
    }

    /// Bluetooth alone.
    async fn state(&self) -> Result<AdapterState, Error> {
        let state = timeout(radio::PATIENCE, self.bluetooth.state()).await;
        let state = state.unwrap_or_else(|_| Err(BluetoothError::Silent));
        state.map_err(|error| Error::new(Stage::ShowingQr, error))
    }

    /// Advertises for a moment, what no client can make anything of.
    async fn advertise(&self) -> Result<(), BluetoothError> {
        let mut advert = vec![0; ADVERT];
        UnwrapErr(SysRng).fill_bytes(&mut advert);
        let advertised = timeout(radio::PATIENCE, self.bluetooth.advertise(advert)).await;
        let mut advert = advertised.unwrap_or_else(|_| Err(BluetoothError::Silent))?;
        // An advert that waits for an adapter reports its state first.
        tokio::select! {
            biased;
            state = advert.next() => state?.error().map_or(Ok(()), Err),
            () = std::future::ready(()) => Ok(()),
        }
    }
}
