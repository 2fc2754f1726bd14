//! What the tests, examples and benches of `fido-hybrid` share. Not published.
//!
//! | module | what it is |
//! |---|---|
//! | [`rig`], [`client_rig`] | one transaction with the other side made by hand |
//! | [`made_phone`] | a phone made by hand, with a real data channel |
//! | [`wrong_answers`] | answers of phones that are wrong in one field each |
//! | [`vectors`], [`conversions`] | known answers of the protocol, and of WebAuthn JSON |
//! | [`written`] | WebAuthn options that were read, as JSON |
//! | [`finder`] | finds secrets in what a program printed |
//! | [`relying_party`] | the server that a passkey signs in to |
//! | [`sites`], [`simulated_phone`] | options of large services, and who answers them |
//! | [`services`], [`pem`] | certificates and dialers on loopback |
//! | [`programs`], [`nginx`], [`squid`], [`microsocks`] | programs of the system, and proxies among them |
//! | [`round_trips`] | counts round trips to the tunnel service |
//! | [`paused_clock`] | tokio's clock, moved by the test alone |
//! | `qr_reader` | reads QR codes off a picture (feature `qr-reader`) |
//! | `bluez`, `silent_bus` | a BlueZ on a D-Bus of its own, and a D-Bus that says nothing (Linux; the former with feature `bluez`) |

#[cfg(all(feature = "bluez", target_os = "linux"))]
pub mod bluez;
pub mod client_rig;
pub mod conversions;
pub mod finder;
pub mod made_phone;
pub mod microsocks;
pub mod nginx;
pub mod paused_clock;
pub mod pem;
pub mod programs;
#[cfg(feature = "qr-reader")]
pub mod qr_reader;
pub mod relying_party;
pub mod rig;
pub mod round_trips;
pub mod services;
#[cfg(target_os = "linux")]
pub mod silent_bus;
pub mod simulated_phone;
pub mod sites;
pub mod squid;
pub mod vectors;
pub mod written;
pub mod wrong_answers;
