//! The system's Bluetooth as a [`Scanner`] and an [`Advertiser`].

use super::Adapter;
#[cfg(target_os = "linux")]
use super::bluez as system;
#[cfg(any(windows, target_os = "macos"))]
use super::btle as system;
use super::settings::Settings;
#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
use super::unsupported as system;
#[cfg(windows)]
use super::winrt::advertise;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, Advertisement, Advertiser, Scan, Scanner};
#[cfg(not(windows))]
use system::advertise;

/// The system's Bluetooth. Cheap to clone; a scan or an advert begins with
/// [`Scanner::scan`] or [`Advertiser::advertise`] and ends with the drop of
/// what these return.
///
/// | | scans | advertises |
/// |---|---|---|
/// | Linux (BlueZ 5.50 or later) | yes | yes |
/// | Windows 10 1903 or later | yes, not yet tried on a radio | yes, not yet tried on a radio |
/// | macOS | yes, not yet tried on a radio | no: the system does not let programs advertise service data |
///
/// On Linux an advert is a broadcast, which BlueZ sends from a random address. An
/// adapter that fails to broadcast three times in a row is asked for an advert that can
/// be connected to instead. BlueZ sends that one from the adapter's public address,
/// which never changes: receivers nearby can recognise the machine by it while the
/// adapter advertises. After a success the next registration is a broadcast again.
///
/// On other systems everything is [`BluetoothError::Unsupported`].
///
/// ```no_run
/// # async fn scan() -> Result<(), fido_hybrid_proto::error::BluetoothError> {
/// # use fido_hybrid_bluetooth::Bluetooth;
/// # use fido_hybrid_proto::ports::bluetooth::{ScanEvent, Scanner as _};
///
/// let mut scan = Bluetooth::new().scan().await?; // until it is dropped
/// loop {
///     match scan.next().await? {
///         ScanEvent::Advert(advert) => println!("{} bytes", advert.service_data.len()),
///         ScanEvent::Adapter(state) => println!("the adapter: {state:?}"),
///     }
/// }
/// # }
/// ```
///
/// On macOS the system asks the user at the first use whether the program may use
/// Bluetooth, even if that use only reads the state. The call waits for the answer.
#[derive(Clone, Debug, Default)]
pub struct Bluetooth {
    settings: Settings,
}

impl Bluetooth {
    /// All of the machine's adapters: each listens, and the first that can
    /// advertises.
    ///
    /// Make one and clone it. On macOS clones share an adapter; any other value
    /// brings up its own, with threads that live as long as the process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this adapter, by its [`Adapter::id`]. It may be plugged in later.
    /// Windows uses the adapter of its choice, while this one is on.
    #[must_use]
    pub fn adapter(mut self, id: impl Into<String>) -> Self {
        self.settings.adapter = Some(id.into());
        self
    }

    /// Switches on adapters that are off, which the crate never does unasked:
    /// a user who has turned Bluetooth off wants it off. Linux only; elsewhere it
    /// changes nothing.
    #[must_use]
    pub const fn switch_on(mut self) -> Self {
        self.settings.switch_on = true;
        self
    }

    /// Another D-Bus than the system's, by its address
    /// (`unix:path=/run/dbus/system_bus_socket`): for sandboxes and tests. It
    /// must be on this machine, or a received advert would prove no proximity. Linux
    /// only; elsewhere it changes nothing.
    #[must_use]
    pub fn bus_address(mut self, address: impl Into<String>) -> Self {
        self.settings.bus_address = Some(address.into());
        self
    }

    /// The adapters that are there now, whichever
    /// [`adapter`](Self::adapter) has chosen.
    ///
    /// # Errors
    /// A [`BluetoothError`] if the system does not tell;
    /// [`BluetoothError::NoService`] if BlueZ does not run, to which
    /// [`state`](Scanner::state) says that there is no adapter.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn adapters(&self) -> Result<Vec<Adapter>, BluetoothError> {
        system::adapters(&self.settings).await
    }
}

impl Scanner for Bluetooth {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(system::state(&self.settings))
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        Box::pin(system::scan(&self.settings))
    }
}

impl Advertiser for Bluetooth {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
        Box::pin(advertise(&self.settings, service_data))
    }
}
