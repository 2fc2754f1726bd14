//! The start of a transaction by QR code: the code is shown and the radio scans
//! until an advert under its keys is received. [CTAP 2.2 §11.5.1]

use super::connecting::Connecting;
use super::step::{Outputs, Step, StepResult};
use crate::client::config::{ClientConfig, Linking, QrSecrets};
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::error::ErrorKind;
use crate::transport::{AdvertKey, QrCode, QrText, TunnelUrl, key_schedule};

/// The QR code is shown, the radio listens.
#[derive(Debug)]
pub(in crate::client) struct ShowingQr {
    keys: QrSecrets,
    advert_key: AdvertKey,
    linking: Linking,
}

impl ShowingQr {
    pub(super) fn new(config: &ClientConfig, keys: QrSecrets, created: u64) -> (Self, QrText) {
        let advert_key = AdvertKey::new(&key_schedule::eid_key(&keys.secret));
        let public_key = *keys.identity.public_key();
        let mut code = QrCode::new(public_key, keys.secret.clone(), created, config.hint);
        code.supports_linking = Some(config.linking == Linking::Offered);
        (Self { keys, advert_key, linking: config.linking }, code.to_text())
    }

    pub(super) fn handle(
        self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, Connecting> {
        match input {
            Input::Advert(advert) if advert.is_of_a_phone() => {
                let received = self.advert_key.open(&advert.service_data);
                // Most adverts are of other people's transactions.
                let Some((received, domain)) = received
                    .and_then(|received| received.eid.domain().map(|domain| (received, domain)))
                else {
                    return Ok(Step::Stay(self));
                };
                let Self { keys: QrSecrets { identity, secret, ephemeral }, linking, .. } = self;
                let tunnel = key_schedule::tunnel_id(&secret);
                let url = TunnelUrl::connect(domain, received.eid.routing_id(), tunnel);
                outputs.push_back(Output::StopScanning);
                outputs.push_back(Output::Update(ClientUpdate::PhoneFound));
                outputs.push_back(Output::Dial(url.into()));
                let psk = key_schedule::psk(&secret, &received.eid);
                Ok(Step::Enter(Connecting { identity, ephemeral, psk, linking, domain }))
            }
            Input::Adapter(state) => {
                outputs.push_back(Output::Update(ClientUpdate::Adapter(state)));
                Ok(Step::Stay(self))
            }
            Input::BluetoothFailed(error) => Err(ErrorKind::from(error).into()),
            _ => Ok(Step::Stay(self)),
        }
    }
}
