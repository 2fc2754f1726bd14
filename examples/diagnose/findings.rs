//! What was found: in words, in JSON, and as an exit code.

use std::error::Error as _;
use std::fmt::{self, Write as _};

use fido_hybrid::bluetooth::{Adapter, AdapterState};
use fido_hybrid::client::{Health, ServiceHealth};
use fido_hybrid::error::{Advice, BluetoothFault, Error, Fault, Stage, TunnelFault};
use fido_hybrid::protocol::tunnel_domain::TunnelDomain;
use serde_json::{Value, json};

/// A tunnel service cannot be used; added to what Bluetooth's code is.
const UNREACHABLE: u8 = 10;

/// The steps to a tunnel service.
const STEPS: [(&str, &str); 4] = [
    ("DNS", "its name has an address"),
    ("TCP", "there is a connection to it"),
    ("TLS", "the connection is secure, and to nobody else"),
    ("upgrade", "it answers as a tunnel service"),
];

/// By which people set a proxy.
const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

pub(crate) struct Findings {
    pub(crate) health: Health,
    pub(crate) adapters: Result<Vec<Adapter>, BluetoothFault>,
    /// Whether an advert could be sent; `None` if it was not tried.
    pub(crate) advertising: Option<Result<(), BluetoothFault>>,
}

impl Findings {
    pub(crate) fn exit_code(&self) -> u8 {
        let bluetooth = match &self.health.bluetooth {
            Ok(AdapterState::On) => match &self.advertising {
                Some(Err(fault)) => code(fault),
                _ => 0,
            },
            Ok(state) => state.fault().map_or(6, |fault| code(&fault)),
            Err(Error { fault: Fault::Bluetooth(fault), .. }) => code(fault),
            Err(_) => 6,
        };
        bluetooth + if self.are_reached() { 0 } else { UNREACHABLE }
    }

    fn are_reached(&self) -> bool {
        self.health.tunnel_services.iter().all(|service| service.reached.is_ok())
    }

    fn advice(&self) -> Vec<Advice> {
        let mut advice = self.health.advice();
        if let Some(Err(fault)) = &self.advertising {
            let more = Error::new(Stage::Advertising, fault.clone()).advice();
            if !advice.contains(&more) {
                advice.push(more);
            }
        }
        advice
    }

    /// Where to look on this system. Errors that hold for all systems cannot
    /// say it.
    fn hint(&self) -> Option<&'static str> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        match self.exit_code() % UNREACHABLE {
            3 => Some(
                "So it looks, too, if bluetoothd does not run: see `systemctl status bluetooth`.",
            ),
            4 => Some("If it cannot be switched on, `rfkill list bluetooth` says why."),
            5 => Some("What may use it is in /etc/dbus-1/system.d/bluetooth.conf."),
            6 => Some("`systemctl status dbus bluetooth` says whether all of it runs."),
            _ => None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let adapters = self.adapters.iter().flatten().map(|adapter| {
            json!({
                "id": adapter.id,
                "name": adapter.name,
                "address": address(adapter),
                "state": state(adapter.state),
            })
        });
        let services = self.health.tunnel_services.iter().map(|service| {
            let failure = service.reached.as_ref().err();
            json!({
                "host": service.domain.host(),
                "reached": failure.is_none(),
                "failedStep": failure.and_then(failed_step).and_then(|step| Some(STEPS.get(step)?.0)),
                "error": failure.map(because),
                "advice": failure.map(|error| error.advice().to_string()),
            })
        });
        json!({
            "bluetooth": {
                "state": self.health.bluetooth.as_ref().ok().copied().map(state),
                "error": self.health.bluetooth.as_ref().err().map(because),
                "adapters": adapters.collect::<Vec<_>>(),
                "advertises": self.advertising.as_ref().map(Result::is_ok),
            },
            "tunnelServices": services.collect::<Vec<_>>(),
            "advice": self.advice().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "exitCode": self.exit_code(),
        })
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Bluetooth")?;
        for adapter in self.adapters.iter().flatten() {
            // The name is the system's text, which anything may have set.
            let (id, name, on) = (&adapter.id, &adapter.name, state(adapter.state));
            let address = address(adapter).unwrap_or_default();
            writeln!(f, "  {id}  {name:?}  {address}  {on}")?;
        }
        match &self.health.bluetooth {
            Ok(AdapterState::On) => writeln!(f, "  It is on: phones can be heard.")?,
            Ok(AdapterState::Off) => writeln!(f, "  It is switched off.")?,
            Ok(AdapterState::Absent) => writeln!(f, "  There is no adapter.")?,
            Ok(AdapterState::NotPermitted) => writeln!(f, "  This program may not use it.")?,
            Ok(state) => writeln!(f, "  {state}")?,
            Err(error) => writeln!(f, "  It cannot be used: {}", because(error))?,
        }
        if let Some(hint) = self.hint() {
            writeln!(f, "  {hint}")?;
        }
        match &self.advertising {
            None => {}
            Some(Ok(())) => writeln!(f, "  It can advertise: this machine can play the phone.")?,
            Some(Err(fault)) => {
                let error = Error::new(Stage::Advertising, fault.clone());
                writeln!(f, "  It did not advertise: {}", because(&error))?;
            }
        }
        for service in &self.health.tunnel_services {
            write_service(f, service)?;
        }
        if !self.are_reached()
            && let Some(variable) = PROXIES.iter().find(|name| std::env::var_os(name).is_some())
        {
            writeln!(
                f,
                "\nA proxy is set by {variable}. Tunnel services are reached without one: a firewall \
                 must let them through."
            )?;
        }
        let advice = self.advice();
        if advice.is_empty() {
            return write!(f, "\nAll is well.");
        }
        write!(f, "\nWhat to do")?;
        for advice in advice {
            write!(f, "\n  {advice}")?;
        }
        Ok(())
    }
}

fn write_service(f: &mut fmt::Formatter<'_>, service: &ServiceHealth) -> fmt::Result {
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
        match (&service.reached, number) {
            (_, number) if number < failed => writeln!(f, "  {step:<8} ok: {meaning}")?,
            (Err(error), number) if number == failed => {
                writeln!(f, "  {step:<8} FAILED: {}", because(error))?;
            }
            _ => writeln!(f, "  {step:<8} not tried")?,
        }
    }
    Ok(())
}

/// Which of [`STEPS`] failed; `None` if it took too long, which may have been
/// any.
fn failed_step(error: &Error) -> Option<usize> {
    match &error.fault {
        Fault::Tunnel(TunnelFault::Dns(_)) => Some(0),
        Fault::Tunnel(TunnelFault::Tcp(_)) => Some(1),
        Fault::Tunnel(TunnelFault::Tls(_)) => Some(2),
        Fault::Tunnel(_) => Some(3),
        _ => None,
    }
}

const fn code(fault: &BluetoothFault) -> u8 {
    match fault {
        BluetoothFault::Absent => 3,
        BluetoothFault::Off => 4,
        BluetoothFault::NotPermitted => 5,
        _ => 6,
    }
}

const fn state(state: AdapterState) -> &'static str {
    match state {
        AdapterState::On => "on",
        AdapterState::Off => "off",
        AdapterState::Absent => "absent",
        AdapterState::NotPermitted => "not permitted",
        _ => "unknown",
    }
}

fn address(adapter: &Adapter) -> Option<String> {
    let bytes = adapter.address?.bytes;
    let mut text = String::new();
    for (place, byte) in bytes.iter().enumerate() {
        let colon = if place == 0 { "" } else { ":" };
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{colon}{byte:02X}");
    }
    Some(text)
}

/// The fault and what is behind it, in one line.
fn because(error: &Error) -> String {
    let mut text = error.fault.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
