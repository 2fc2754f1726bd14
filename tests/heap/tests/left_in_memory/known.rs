//! The secrets of a ceremony, as far as a test can know them.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use fido_hybrid::authenticator::{self, Passkey};
use fido_hybrid::client;
use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::ctap::extensions::PrfValues;
use fido_hybrid::secret::{PrfOutput, QrSecret};
use fido_hybrid::transport::{AdvertKey, Established, Initiator, QrCode, QrText, key_schedule};
use fido_hybrid_heap::{Record, Secrets, recorded_so_far, unrecorded};
use fido_hybrid_sim::SeededRng;

/// Secrets, and which of them have been seen in memory while they were in use.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) secrets: Secrets,
    seen: BTreeSet<&'static str>,
}

impl Known {
    pub(crate) fn qr_code(&mut self, text: &QrText) {
        let code: QrCode = text.expose().parse().unwrap();
        self.secrets.digits("the QR code", text.expose().strip_prefix("FIDO:/").unwrap());
        self.secrets.bytes("the QR secret", code.secret.expose());
        self.secrets.bytes("the EID key", key_schedule::eid_key(&code.secret).expose());
    }

    pub(crate) fn advert(&mut self, secret: &QrSecret, advert: &[u8]) {
        let eid = AdvertKey::new(&key_schedule::eid_key(secret)).open(advert).unwrap().eid;
        self.secrets.bytes("the EID", eid.expose());
        self.secrets.bytes("the PSK", key_schedule::psk(secret, &eid).expose());
    }

    pub(crate) fn passkey(&mut self, passkey: &Passkey) {
        self.secrets.bytes("a passkey's private key", &*passkey.key.software().unwrap().expose());
        if let Some(secret) = &passkey.prf_secret {
            self.secrets.bytes("a passkey's PRF secret", secret.expose());
        }
    }

    pub(crate) fn answer(&mut self, answer: &CtapResponse) {
        let outputs = match answer {
            CtapResponse::GetAssertion(response) => {
                // What makes an assertion of what is public.
                self.secrets.bytes("an assertion's signature", response.signature.expose());
                response.unsigned_extensions.prf.as_ref().and_then(|prf| prf.results.as_ref())
            }
            CtapResponse::MakeCredential(response) => {
                response.unsigned_extensions.prf.as_ref().and_then(|prf| prf.results.as_ref())
            }
            _ => None,
        };
        self.outputs(outputs);
    }

    pub(crate) fn outputs(&mut self, outputs: Option<&PrfValues<PrfOutput>>) {
        if let Some(PrfValues { first, second }) = outputs {
            for output in [Some(first), second.as_ref()].into_iter().flatten() {
                self.secrets.bytes("a PRF output", output.expose());
            }
        }
    }

    pub(crate) fn traffic_keys(&mut self, established: &Established) {
        self.secrets.bytes("a traffic key", established.sending.expose());
        self.secrets.bytes("a traffic key", established.receiving.expose());
    }

    /// The secrets of a `Pair` with this seed.
    pub(crate) fn pair(&mut self, seed: u64) {
        let (own, phone) = keys_of(seed);
        self.secrets.bytes("the QR code's private key", &*own.identity.expose());
        self.secrets.bytes("the client's ephemeral key", &*own.ephemeral.expose());
        self.secrets.bytes("the phone's ephemeral key", &*phone.ephemeral.expose());
        self.secrets.bytes("the advert's nonce", phone.nonce.expose());
        self.secrets.bytes("the seed of new passkeys", phone.seed.expose());
    }

    /// What the advert of a `Pair` tells its client.
    pub(crate) fn psk(&mut self, seed: u64, advert: &[u8]) {
        self.advert(&keys_of(seed).0.secret, advert);
    }

    /// Those of its channel: the phone answered the handshake with `reply`.
    pub(crate) fn channel(&mut self, seed: u64, advert: &[u8], reply: &[u8]) {
        let (own, _) = keys_of(seed);
        let eid = AdvertKey::new(&key_schedule::eid_key(&own.secret)).open(advert).unwrap().eid;
        let psk = key_schedule::psk(&own.secret, &eid);
        let (initiator, _) = Initiator::qr(own.identity, &psk, own.ephemeral).unwrap();
        if let Ok(established) = initiator.finish(reply) {
            self.traffic_keys(&established);
        }
    }

    /// Looks which secrets are in memory now.
    pub(crate) fn look(&mut self) {
        unrecorded(|| self.seen.extend(self.secrets.find_in(&recorded_so_far()).into_keys()));
    }

    /// Each of these was in memory while it was in use, so that the search knows
    /// the form in which it lies there.
    #[track_caller]
    pub(crate) fn assert_seen(&self, names: &[&str]) {
        for name in names {
            assert!(self.seen.contains(name), "{name} was never in memory");
        }
    }

    #[track_caller]
    pub(crate) fn assert_none_is_left_in(&self, record: &Record) {
        assert!(!self.secrets.names().is_empty(), "nothing is looked for");
        let memory = record.bytes();
        let found = self.secrets.find_in(&memory);
        // What lies around the first place often tells what left it there.
        let around = found.iter().map(|(name, places)| {
            let (first, last) = (places[0].saturating_sub(64), places[0] + 128);
            let bytes = HEXLOWER.encode(&memory[first..last.min(memory.len())]);
            format!("{} parts of {name}, among them in {bytes}", places.len())
        });
        assert!(found.is_empty(), "left in memory: {:#?}", around.collect::<Vec<_>>());
    }
}

fn keys_of(seed: u64) -> (client::QrSecrets, authenticator::PhoneSecrets) {
    let rng = SeededRng::new(seed);
    let own = client::QrSecrets::generate(&mut rng.fork("client"));
    (own, authenticator::PhoneSecrets::generate(&mut rng.fork("phone")))
}
