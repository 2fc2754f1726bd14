//! The start of a transaction by QR code: the code is shown and the radio scans
//! until an advert under its keys is received. [CTAP 2.2 §11.5.1]

use super::connecting::Connecting;
use super::step::{Outputs, Step, StepResult};
use crate::client::config::{AllowedTunnelServices, ClientConfig, Linking, QrSecrets};
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::error::{ErrorKind, TunnelError};
use crate::transport::{AdvertKey, QrCode, QrText, TunnelUrl, key_schedule};

/// The QR code is shown, the radio listens.
#[derive(Debug)]
pub(in crate::client) struct ShowingQr {
    keys: QrSecrets,
    advert_key: AdvertKey,
    linking: Linking,
    tunnel_services: AllowedTunnelServices,
}

impl ShowingQr {
    pub(super) fn new(config: &ClientConfig, keys: QrSecrets, created: u64) -> (Self, QrText) {
        let advert_key = AdvertKey::new(&key_schedule::eid_key(&keys.secret));
        let public_key = *keys.identity.public_key();
        let mut code = QrCode::new(public_key, keys.secret.clone(), created, config.hint);
        code.supports_linking = Some(config.linking == Linking::Offered);
        let ClientConfig { linking, tunnel_services, .. } = config.clone();
        (Self { keys, advert_key, linking, tunnel_services }, code.to_text())
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
                if !self.tunnel_services.allows(domain) {
                    return Err(ErrorKind::from(TunnelError::DomainNotAllowed).into());
                }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::{QrSecrets, Transaction};
    use crate::crypto::SecretKey;
    use crate::error::{Advice, Stage};
    use crate::ports::bluetooth::{AdvertReport, SERVICE_UUID};
    use crate::secret::QrSecret;
    use crate::transport::{Eid, RequestHint, RoutingId, TunnelDomain};

    /// What follows the advert of a phone with this tunnel service.
    fn outputs(allowed: AllowedTunnelServices, domain: TunnelDomain) -> Vec<Output> {
        let secret = QrSecret::new([7; 16]);
        let advert = AdvertKey::new(&key_schedule::eid_key(&secret));
        let advert = advert.seal(&Eid::new([9; 10], RoutingId([1, 2, 3]), domain)).to_vec();
        let mut config = ClientConfig::new(RequestHint::GetAssertion);
        config.tunnel_services = allowed;
        let key = || SecretKey::from_scalar(&[3; 32]).unwrap();
        let keys = QrSecrets { identity: key(), secret, ephemeral: key() };
        let mut transaction = Transaction::qr(config, keys, Duration::ZERO, 0);
        while transaction.poll_output().is_some() {}
        transaction
            .handle(Duration::ZERO, Input::Advert(AdvertReport::new(SERVICE_UUID, advert)))
            .unwrap();
        std::iter::from_fn(|| transaction.poll_output()).collect()
    }

    #[test]
    fn a_service_that_is_not_allowed_is_not_dialled() {
        use AllowedTunnelServices::{All, Assigned, Listed};
        let hashed = TunnelDomain::from_encoded(300).unwrap();
        let other = TunnelDomain::from_encoded(301).unwrap();
        let (google, apple) = (TunnelDomain::GOOGLE, TunnelDomain::APPLE);
        for (allowed, dialled, refused) in [
            (All, &[google, apple, hashed][..], &[][..]),
            (Assigned, &[google, apple], &[hashed, other]),
            (Listed(vec![google, hashed]), &[google, hashed], &[apple, other]),
            (Listed(Vec::new()), &[], &[google, apple, hashed]),
        ] {
            for domain in dialled {
                let outputs = outputs(allowed.clone(), *domain);
                assert!(outputs.iter().any(|it| matches!(it, Output::Dial(_))), "{outputs:?}");
            }
            for domain in refused {
                let outputs = outputs(allowed.clone(), *domain);
                assert!(!outputs.iter().any(|it| matches!(it, Output::Dial(_))), "{outputs:?}");
                let Some(Output::Closed(Err(error))) = outputs.last() else {
                    panic!("{outputs:?}");
                };
                assert!(matches!(error.kind, ErrorKind::Tunnel(TunnelError::DomainNotAllowed)));
                assert_eq!(error.stage, Stage::ShowingQr);
                assert_eq!(error.advice(), Advice::AskTheAdministrator);
            }
        }
    }
}
