//! What was found: in words, in JSON, and as an exit code.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use fido_hybrid::bluetooth::{Adapter, AdapterState};
use fido_hybrid::client::ServiceHealth;
use fido_hybrid::error::{BluetoothError, Error, ErrorKind, Stage, TunnelStep};
use fido_hybrid::transport::TunnelDomain;
use serde_json::{Value, json};

use super::radio::{address, is_named, no_such_adapter};

/// A tunnel service cannot be used; added to what Bluetooth's code is.
const UNREACHABLE: u8 = 10;

/// The steps to a tunnel service.
const STEPS: [(&str, &str); 5] = [
    ("DNS", "the name has an address"),
    ("TCP", "connected"),
    ("proxy", "the proxy connected to the tunnel service"),
    ("TLS", "the connection is secure, and the certificate is valid"),
    ("upgrade", "the tunnel service accepted the connection"),
];

/// The number of the step that exists with a proxy only.
const PROXY_STEP: usize = 2;

/// By which people set a proxy. [`Network`](fido_hybrid_examples::network::Network) uses it.
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

pub(crate) struct Findings {
    pub(crate) bluetooth: Result<AdapterState, Error>,
    /// The adapter to look at alone.
    pub(crate) chosen: Option<String>,
    /// All adapters.
    pub(crate) adapters: Result<Vec<Adapter>, BluetoothError>,
    /// Whether an advert could be sent; `None` if it was not tried.
    pub(crate) advertising: Option<Result<(), BluetoothError>>,
    /// The tunnel services, or why none could be tried.
    pub(crate) services: Result<Vec<Service>, String>,
}

/// A tunnel service.
pub(crate) struct Service {
    pub(crate) health: ServiceHealth,
    pub(crate) name: Name,
}

/// Where a service's address is from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    LookedUp,
    /// `--tunnel-address`.
    Given,
}

impl Findings {
    pub(crate) fn exit_code(&self) -> u8 {
        let bluetooth = match (self.error(), &self.advertising) {
            (Some(error), _) => code(&error),
            (None, Some(Err(error))) => code(error),
            (None, None | Some(Ok(()))) => 0,
        };
        bluetooth + if self.are_reached() { 0 } else { UNREACHABLE }
    }

    /// Why no phone can be found; `None` if Bluetooth is on.
    fn error(&self) -> Option<BluetoothError> {
        match (&self.bluetooth, &self.adapters) {
            // Without the system's service there is no adapter either.
            (Ok(AdapterState::Absent), Err(error)) => Some(error.clone()),
            (Ok(state), _) => state.error(),
            (Err(Error { kind: ErrorKind::Bluetooth(error), .. }), _) => Some(error.clone()),
            (Err(error), _) => Some(BluetoothError::Failed(Arc::new(error.clone()))),
        }
    }

    /// That the adapter that was named is not there, and which ones are.
    fn misnamed(&self) -> Option<String> {
        no_such_adapter(self.chosen.as_deref()?, self.adapters.as_deref().unwrap_or_default())
    }

    /// The adapters to look at.
    fn adapters(&self) -> impl Iterator<Item = &Adapter> {
        let chosen = self.chosen.as_deref();
        let adapters = self.adapters.iter().flatten();
        adapters.filter(move |adapter| chosen.is_none_or(|name| is_named(adapter, name)))
    }

    fn are_reached(&self) -> bool {
        let is_reached = |service: &Service| service.health.reached.is_ok();
        self.services.as_ref().is_ok_and(|services| services.iter().all(is_reached))
    }

    /// What to do, each thing once.
    fn advice(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut add = |advice: String| {
            if !all.contains(&advice) {
                all.push(advice);
            }
        };
        let advertising = self.advertising.as_ref().and_then(|tried| tried.as_ref().err());
        if self.misnamed().is_some() {
            add("Use another --adapter, or leave the flag out.".to_owned());
        } else {
            for error in self.error().iter().chain(advertising) {
                add(Error::new(Stage::Advertising, error.clone()).advice().to_string());
            }
        }
        for service in self.services.iter().flatten() {
            if let Err(error) = &service.health.reached {
                add(error.advice().to_string());
            }
        }
        all
    }

    pub(crate) fn to_json(&self) -> Value {
        let adapters = self.adapters().map(|adapter| {
            json!({
                "id": adapter.id,
                "name": adapter.name,
                "address": address(adapter),
                "state": state(adapter.state),
            })
        });
        let services = self.services.iter().flatten().map(|service| {
            let failure = service.health.reached.as_ref().err();
            json!({
                "host": service.health.domain.host(),
                "nameLookedUp": service.name == Name::LookedUp,
                "reached": failure.is_none(),
                "failedStep": failure.and_then(failed_step).and_then(|step| Some(STEPS.get(step)?.0)),
                "error": failure.map(because),
                "advice": failure.map(|error| error.advice().to_string()),
            })
        });
        let error = match &self.bluetooth {
            Err(error) => Some(because(error)),
            Ok(AdapterState::Absent) => self.misnamed().or_else(|| self.error().as_ref().map(why)),
            Ok(_) => None,
        };
        json!({
            "bluetooth": {
                "state": self.bluetooth.as_ref().ok().copied().map(state),
                "error": error,
                "adapters": adapters.collect::<Vec<_>>(),
                "advertises": self.advertising.as_ref().map(Result::is_ok),
            },
            "tunnelServices": services.collect::<Vec<_>>(),
            "tunnelServicesError": self.services.as_ref().err(),
            "advice": self.advice(),
            "exitCode": self.exit_code(),
        })
    }

    fn write_bluetooth(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Bluetooth")?;
        for adapter in self.adapters() {
            // The name is the system's text, which anything may have set.
            let (id, name, on) = (&adapter.id, &adapter.name, state(adapter.state));
            let address = address(adapter).unwrap_or_default();
            writeln!(f, "  {id}  {name:?}  {address}  {on}")?;
        }
        let error = self.error();
        match (self.misnamed(), &error) {
            (Some(misnamed), _) => writeln!(f, "  It cannot be used: {misnamed}")?,
            (None, None) => writeln!(f, "  It is on, and can scan for phones.")?,
            (None, Some(BluetoothError::Off)) => writeln!(f, "  It is turned off.")?,
            (None, Some(BluetoothError::Absent)) => writeln!(f, "  No adapter was found.")?,
            (None, Some(BluetoothError::NotPermitted)) => {
                writeln!(f, "  This program may not use it.")?;
            }
            (None, Some(error)) => writeln!(f, "  It cannot be used: {}", why(error))?,
        }
        match &self.advertising {
            None => {}
            Some(Ok(())) => writeln!(f, "  It can advertise, as example `phone` needs.")?,
            Some(Err(error)) => writeln!(f, "  Advertising failed: {}", why(error))?,
        }
        let failed = self.advertising.as_ref().and_then(|tried| tried.as_ref().err());
        match error.as_ref().or(failed).and_then(hint) {
            Some(hint) if self.misnamed().is_none() => writeln!(f, "  {hint}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_bluetooth(f)?;
        match &self.services {
            Ok(services) => {
                for service in services {
                    write_service(f, service)?;
                }
            }
            Err(why) => {
                writeln!(f, "\nTunnel services")?;
                for line in why.lines() {
                    writeln!(f, "  {line}")?;
                }
            }
        }
        if self.services.is_ok()
            && !self.are_reached()
            && let Some(variable) = proxy_variable()
        {
            writeln!(f, "\n{variable} sets a proxy, which is used for the tunnel services.")?;
        }
        let advice = self.advice();
        if self.exit_code() == 0 {
            return write!(f, "\nEverything works.");
        }
        if !advice.is_empty() {
            write!(f, "\nWhat to do")?;
        }
        for advice in advice {
            write!(f, "\n  {advice}")?;
        }
        Ok(())
    }
}

/// Where to look on this system. Errors that hold for all systems cannot say
/// it.
fn hint(error: &BluetoothError) -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    match error {
        BluetoothError::Absent => {
            Some("`lsusb` and `dmesg` show whether the system has an adapter.")
        }
        BluetoothError::Off => {
            Some("If it cannot be turned on, `rfkill list bluetooth` shows why.")
        }
        BluetoothError::NotPermitted => {
            Some("/etc/dbus-1/system.d/bluetooth.conf lists the users that may use it.")
        }
        BluetoothError::NoService(_) => Some(
            "`systemctl status dbus bluetooth` shows whether both run. Package bluez contains \
             Bluetooth.",
        ),
        BluetoothError::NoAdvertisingSlot => {
            Some("`bluetoothctl show` lists how many adverts are active, and the limit.")
        }
        BluetoothError::Silent => Some(
            "`systemctl restart bluetooth` may help. If D-Bus hangs too, restart the computer.",
        ),
        BluetoothError::Failed(_) => Some("`journalctl -u bluetooth` may show the cause."),
        _ => None,
    }
}

fn write_service(f: &mut fmt::Formatter<'_>, service: &Service) -> fmt::Result {
    let Service { health: service, name } = service;
    let phones = match service.domain {
        TunnelDomain::GOOGLE => "Android phones",
        TunnelDomain::APPLE => "iPhones",
        _ => "phones",
    };
    writeln!(f, "\nTunnel service {}, for {phones}", service.domain.host())?;
    let failed = match &service.reached {
        Ok(()) => STEPS.len(),
        Err(error) => match failed_step(error) {
            Some(step) => step,
            None => return writeln!(f, "  cannot be used: {}", because(error)),
        },
    };
    for (number, (step, meaning)) in STEPS.iter().enumerate() {
        if number == PROXY_STEP && failed != number && proxy_variable().is_none() {
            continue;
        }
        match (&service.reached, number) {
            (_, 0) if *name == Name::Given => {
                writeln!(f, "  {step:<8} skipped: --tunnel-address gives the address")?;
            }
            (_, number) if number < failed => writeln!(f, "  {step:<8} ok: {meaning}")?,
            (Err(error), number) if number == failed => {
                writeln!(f, "  {step:<8} FAILED: {}", because(error))?;
            }
            _ => writeln!(f, "  {step:<8} not tried")?,
        }
    }
    Ok(())
}

/// The variable that sets a proxy.
fn proxy_variable() -> Option<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    PROXIES.into_iter().find(is_set)
}

/// Which of [`STEPS`] failed; `None` if that is not known.
fn failed_step(error: &Error) -> Option<usize> {
    let ErrorKind::Tunnel(error) = &error.kind else { return None };
    Some(match error.step() {
        Some(TunnelStep::Dns | TunnelStep::ProxyDns) => 0,
        Some(TunnelStep::Tcp | TunnelStep::ProxyTcp) => 1,
        Some(TunnelStep::ProxyTls | TunnelStep::Proxy) => PROXY_STEP,
        Some(TunnelStep::Tls) => 3,
        _ => 4,
    })
}

const fn code(error: &BluetoothError) -> u8 {
    match error {
        BluetoothError::Absent => 3,
        BluetoothError::Off => 4,
        BluetoothError::NotPermitted => 5,
        _ => 6,
    }
}

const fn state(state: AdapterState) -> &'static str {
    match state {
        AdapterState::On => "on",
        AdapterState::Off => "off",
        AdapterState::Absent => "absent",
        AdapterState::NotPermitted => "not permitted",
        AdapterState::NotReady => "not ready",
    }
}

/// A Bluetooth error and its cause.
fn why(error: &BluetoothError) -> String {
    because(&Error::new(Stage::ShowingQr, error.clone()))
}

/// The error and its cause, in one line.
fn because(error: &Error) -> String {
    let mut text = error.kind.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
