//! Advertising on Windows: a GATT service without characteristics, whose advert
//! carries service data. Type-checked, and not yet tried on a radio.
//!
//! `BluetoothLEAdvertisementPublisher`, the obvious way, refuses service data.
//! `GattServiceProvider` takes it since Windows 10 1903, if there is room: flags
//! and the service data take 27 of an advert's 31 bytes, and what Windows adds,
//! such as the computer's name, may take the rest. That not all has found room
//! it tells, and not what was left out: such an advert is given up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::debug;
use windows::Devices::Bluetooth::GenericAttributeProfile::{
    GattServiceProvider, GattServiceProviderAdvertisementStatus as Status,
    GattServiceProviderAdvertisementStatusChangedEventArgs as StatusChanged,
    GattServiceProviderAdvertisingParameters,
};
use windows::Devices::Bluetooth::{BluetoothAdapter, BluetoothError as WinRtError};
use windows::Foundation::TypedEventHandler;
use windows::Storage::Streams::DataWriter;
use windows::core::{GUID, HRESULT, Ref};

use super::btle;
use super::settings::Settings;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::bluetooth::{AdapterState, Advertisement, SERVICE_UUID};

/// [`SERVICE_UUID`] in full [Bluetooth Core Vol 3 Part B §2.5.1].
const SERVICE: GUID =
    GUID::from_u128(((SERVICE_UUID as u128) << 96) | 0x0000_0000_0000_1000_8000_0080_5f9b_34fb);

/// How long Windows may take to report that it advertises.
const START_LIMIT: Duration = Duration::from_secs(5);

/// E_ACCESSDENIED.
const ACCESS_DENIED: HRESULT = HRESULT(0x8007_0005_u32.cast_signed());

/// HRESULT_FROM_WIN32(ERROR_NOT_READY): the radio is off.
const NOT_READY: HRESULT = HRESULT(0x8007_0015_u32.cast_signed());

/// HRESULT_FROM_WIN32(ERROR_DEVICE_NOT_AVAILABLE): the radio is off, too.
const NOT_AVAILABLE: HRESULT = HRESULT(0x8007_10df_u32.cast_signed());

/// By the adapter that Windows uses: a chosen one is looked at only.
pub(super) async fn advertise(
    settings: &Settings,
    service_data: Vec<u8>,
) -> Result<Box<dyn Advertisement>, BluetoothError> {
    if let Some(error) = btle::state(settings).await?.error() {
        return Err(error);
    }
    let adapter = BluetoothAdapter::GetDefaultAsync()
        .map_err(bluetooth_error)?
        .await
        .map_err(bluetooth_error)?;
    if !adapter.IsPeripheralRoleSupported().map_err(bluetooth_error)? {
        return Err(BluetoothError::Unsupported("advertise: its driver does not let programs"));
    }
    let made = GattServiceProvider::CreateAsync(SERVICE)
        .map_err(bluetooth_error)?
        .await
        .map_err(bluetooth_error)?;
    let provider = match made.Error().map_err(bluetooth_error)? {
        WinRtError::Success => made.ServiceProvider().map_err(bluetooth_error)?,
        error => return Err(refused(error)),
    };
    let mut on_air = OnAir::new(provider, settings.clone()).map_err(bluetooth_error)?;
    on_air.start(&service_data).map_err(bluetooth_error)?;
    match timeout(START_LIMIT, on_air.reach(|phase| !matches!(phase, Phase::Starting))).await {
        Ok(Phase::Lost(error)) => Err(on_air.explained(error).await),
        Ok(Phase::Started | Phase::Starting) => Ok(Box::new(on_air)),
        Err(_) => Err(on_air.explained(Trouble::Silent.into()).await),
    }
}

struct OnAir {
    provider: GattServiceProvider,
    token: i64,
    phase: watch::Receiver<Phase>,
    settings: Settings,
    /// Why it was lost, once that was found out.
    lost: Option<BluetoothError>,
}

#[derive(Clone)]
enum Phase {
    Starting,
    Started,
    Lost(BluetoothError),
}

impl OnAir {
    fn new(provider: GattServiceProvider, settings: Settings) -> windows::core::Result<Self> {
        let (tell, phase) = watch::channel(Phase::Starting);
        let handler = TypedEventHandler::<GattServiceProvider, StatusChanged>::new(
            move |_, change: Ref<'_, StatusChanged>| {
                let change = change.ok()?;
                let (status, error) = (change.Status()?, change.Error()?);
                debug!(status = status.0, error = error.0, "the advert's status");
                tell.send_modify(|phase| phase.change(status, error));
                Ok(())
            },
        );
        let token = provider.AdvertisementStatusChanged(&handler)?;
        Ok(Self { provider, token, phase, settings, lost: None })
    }

    fn start(&self, service_data: &[u8]) -> windows::core::Result<()> {
        let writer = DataWriter::new()?;
        writer.WriteBytes(service_data)?;
        let parameters = GattServiceProviderAdvertisingParameters::new()?;
        // A service that is neither is not advertised. Phones are not
        // connectable either.
        parameters.SetIsDiscoverable(true)?;
        parameters.SetIsConnectable(false)?;
        parameters.SetServiceData(&writer.DetachBuffer()?)?;
        self.provider.StartAdvertisingWithParameters(&parameters)
    }

    /// # Cancel safety
    /// Nothing is lost.
    async fn reach(&mut self, reached: impl Fn(&Phase) -> bool) -> Phase {
        match self.phase.wait_for(|phase| reached(phase)).await {
            Ok(phase) => phase.clone(),
            // The handler, which tells, lives as long as the provider.
            Err(_) => Phase::Lost(Trouble::Stopped.into()),
        }
    }

    /// The error of the radio's state, if any, which says more than Windows does here.
    async fn explained(&self, error: BluetoothError) -> BluetoothError {
        match btle::state(&self.settings).await {
            Ok(state) => state.error().unwrap_or(error),
            Err(_) => error,
        }
    }
}

impl Phase {
    fn change(&mut self, status: Status, error: WinRtError) {
        let next = match status {
            Status::Started => Self::Started,
            // An advert without its service data cannot be received by a client.
            Status::StartedWithoutAllAdvertisementData => {
                Self::Lost(BluetoothError::Unsupported("advertise that much at once"))
            }
            Status::Stopped | Status::Aborted => Self::Lost(refused(error)),
            // Created.
            _ => return,
        };
        // What is lost stays lost.
        if !matches!(self, Self::Lost(_)) {
            *self = next;
        }
    }
}

impl Advertisement for OnAir {
    fn next(&mut self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(async {
            if let Some(error) = &self.lost {
                return Err(error.clone());
            }
            let error = match self.reach(|phase| matches!(phase, Phase::Lost(_))).await {
                Phase::Lost(error) => self.explained(error).await,
                Phase::Starting | Phase::Started => Trouble::Stopped.into(),
            };
            Err(self.lost.insert(error).clone())
        })
    }
}

impl Drop for OnAir {
    fn drop(&mut self) {
        let _stopped = self.provider.StopAdvertising();
        let _removed = self.provider.RemoveAdvertisementStatusChanged(self.token);
    }
}

/// The error for an advert that Windows does not transmit, or no longer.
fn refused(error: WinRtError) -> BluetoothError {
    match error {
        WinRtError::RadioNotAvailable => BluetoothError::Off,
        WinRtError::DisabledByPolicy | WinRtError::DisabledByUser | WinRtError::ConsentRequired => {
            BluetoothError::NotPermitted
        }
        WinRtError::NotSupported | WinRtError::TransportNotSupported => {
            BluetoothError::Unsupported("advertise")
        }
        WinRtError::ResourceInUse => Trouble::InUse.into(),
        WinRtError::Success => Trouble::Stopped.into(),
        error => Trouble::Other(error.0).into(),
    }
}

fn bluetooth_error(error: windows::core::Error) -> BluetoothError {
    match error.code() {
        ACCESS_DENIED => BluetoothError::NotPermitted,
        NOT_READY | NOT_AVAILABLE => BluetoothError::Off,
        _ => BluetoothError::Failed(Arc::new(error)),
    }
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("Windows does not report whether it advertises")]
    Silent,
    #[error("Windows stopped advertising")]
    Stopped,
    #[error("another program advertises, and the adapter can do so once only")]
    InUse,
    #[error("Windows reported Bluetooth error {0}")]
    Other(i32),
}

impl From<Trouble> for BluetoothError {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(Arc::new(trouble))
    }
}
