//! The start of a transaction by QR code: the code is shown and the radio scans
//! until an advert under its keys is received. [CTAP 2.2 §11.5.1]
//!
//! A new code may take the place of the shown one. A phone that has read the one before
//! is still met for [`PREVIOUS_CODE_ACCEPTED`]; its advert is under the keys of that code.

use std::time::Duration;

use super::connecting::Connecting;
use super::step::{Outputs, Step, StepResult};
use crate::client::config::{
    AllowedTunnelServices, ClientConfig, Linking, PREVIOUS_CODE_ACCEPTED, QrSecrets,
};
use crate::client::input::Input;
use crate::client::output::Output;
use crate::client::update::ClientUpdate;
use crate::error::{ErrorKind, TunnelError};
use crate::transport::{
    AdvertKey, Eid, QrCode, QrText, RequestHint, TunnelDomain, TunnelUrl, key_schedule,
};

/// The QR code is shown, the radio listens.
#[derive(Debug)]
pub(in crate::client) struct ShowingQr {
    shown: Offer,
    text: QrText,
    /// The code that was shown before.
    previous: Option<Box<Previous>>,
    hint: RequestHint,
    linking: Linking,
    tunnel_services: AllowedTunnelServices,
    now: Duration,
}

/// The secrets of a code.
#[derive(Debug)]
struct Offer {
    keys: QrSecrets,
    advert_key: AdvertKey,
}

#[derive(Debug)]
struct Previous {
    offer: Offer,
    /// From then on it is not accepted.
    until: Duration,
}

impl Offer {
    fn new(keys: QrSecrets) -> Self {
        Self { advert_key: AdvertKey::new(&key_schedule::eid_key(&keys.secret)), keys }
    }

    /// Reads an advert of a phone that has read this code.
    fn open(&self, service_data: &[u8]) -> Option<(Eid, TunnelDomain)> {
        let eid = self.advert_key.open(service_data)?.eid;
        let domain = eid.domain()?;
        Some((eid, domain))
    }
}

impl ShowingQr {
    pub(super) fn new(config: &ClientConfig, keys: QrSecrets, created: u64) -> Self {
        let ClientConfig { hint, linking, tunnel_services, .. } = config.clone();
        let text = text_of(&keys, created, hint, linking);
        let (previous, now) = (None, Duration::ZERO);
        Self { shown: Offer::new(keys), text, previous, hint, linking, tunnel_services, now }
    }

    pub(super) const fn text(&self) -> &QrText {
        &self.text
    }

    pub(super) fn drops_at(&self) -> Option<Duration> {
        self.previous.as_ref().map(|previous| previous.until)
    }

    pub(super) fn at(mut self, now: Duration) -> Self {
        self.now = now;
        self.previous = self.previous.filter(|previous| now < previous.until);
        self
    }

    pub(super) fn handle(
        self,
        input: Input,
        outputs: &mut Outputs,
    ) -> StepResult<Self, Connecting> {
        match input {
            // Most adverts are of other people's transactions.
            Input::Advert(advert) if advert.is_of_a_phone() => {
                self.find(&advert.service_data, outputs)
            }
            Input::NewCode { keys, created } => Ok(Step::Stay(self.renew(keys, created, outputs))),
            Input::Adapter(state) => {
                outputs.push_back(Output::Update(ClientUpdate::Adapter(state)));
                Ok(Step::Stay(self))
            }
            Input::BluetoothFailed(error) => Err(ErrorKind::from(error).into()),
            _ => Ok(Step::Stay(self)),
        }
    }

    fn find(self, service_data: &[u8], outputs: &mut Outputs) -> StepResult<Self, Connecting> {
        if let Some((eid, domain)) = self.shown.open(service_data) {
            self.allow(domain)?;
            return Ok(Step::Enter(connect(self.shown, self.linking, &eid, domain, outputs)));
        }
        let previous = self.previous.as_ref();
        let Some((eid, domain)) = previous.and_then(|it| it.offer.open(service_data)) else {
            return Ok(Step::Stay(self));
        };
        self.allow(domain)?;
        Ok(match self.previous {
            Some(previous) => {
                Step::Enter(connect(previous.offer, self.linking, &eid, domain, outputs))
            }
            None => Step::Stay(self),
        })
    }

    /// Checks that the phone's tunnel service may be dialled.
    fn allow(&self, domain: TunnelDomain) -> Result<(), ErrorKind> {
        if self.tunnel_services.allows(domain) {
            Ok(())
        } else {
            Err(TunnelError::DomainNotAllowed.into())
        }
    }

    fn renew(self, keys: QrSecrets, created: u64, outputs: &mut Outputs) -> Self {
        let text = text_of(&keys, created, self.hint, self.linking);
        outputs.push_back(Output::Update(ClientUpdate::WaitingForScan(text.clone())));
        let until = self.now.saturating_add(PREVIOUS_CODE_ACCEPTED);
        let previous = Some(Box::new(Previous { offer: self.shown, until }));
        Self { shown: Offer::new(keys), text, previous, ..self }
    }
}

/// Stops the scan and dials the phone that has read the code of `offer`.
fn connect(
    offer: Offer,
    linking: Linking,
    eid: &Eid,
    domain: TunnelDomain,
    outputs: &mut Outputs,
) -> Connecting {
    let QrSecrets { identity, secret, ephemeral } = offer.keys;
    let tunnel = key_schedule::tunnel_id(&secret);
    let url = TunnelUrl::connect(domain, eid.routing_id(), tunnel);
    outputs.push_back(Output::StopScanning);
    outputs.push_back(Output::Update(ClientUpdate::PhoneFound));
    outputs.push_back(Output::Dial(url.into()));
    let psk = key_schedule::psk(&secret, eid);
    Connecting { identity, ephemeral, psk, linking, domain }
}

fn text_of(keys: &QrSecrets, created: u64, hint: RequestHint, linking: Linking) -> QrText {
    let mut code = QrCode::new(*keys.identity.public_key(), keys.secret.clone(), created, hint);
    code.supports_linking = Some(linking == Linking::Offered);
    code.to_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Transaction;
    use crate::crypto::SecretKey;
    use crate::error::{Advice, Stage};
    use crate::ports::bluetooth::{AdvertReport, SERVICE_UUID};
    use crate::secret::QrSecret;
    use crate::transport::RoutingId;

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
