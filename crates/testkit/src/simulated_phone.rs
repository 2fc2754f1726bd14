//! A phone of this crate in a simulated room, which answers our client whatever a
//! relying party asks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers are tests too, which clippy does not see"
)]

use fido_hybrid::authenticator::{Decision, Passkey, Profile};
use fido_hybrid::client::ClientConfig;
use fido_hybrid::ctap::{CtapRequest, CtapResponse};
use fido_hybrid::transport::RequestHint;
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions};
use fido_hybrid_sim::{Pair, Setup, Side};

/// A phone that keeps its passkeys from one transaction to the next, and whose user
/// agrees. They are verified if the phone can do that.
pub struct SimulatedPhone {
    profile: Profile,
    passkeys: Vec<Passkey>,
    transactions: u64,
}

impl SimulatedPhone {
    pub const fn new(profile: Profile) -> Self {
        Self { profile, passkeys: Vec::new(), transactions: 0 }
    }

    /// The answer to a relying party's creation options, both as JSON.
    pub fn register(&mut self, options: &str, origin: &Origin) -> String {
        let options = CreationOptions::from_json(options).unwrap();
        let prepared = options.prepare(origin.clone()).unwrap();
        let phone = self.profile.get_info();
        let request = prepared.request_for(&phone).unwrap();
        let CtapResponse::MakeCredential(response) =
            self.answer(request, RequestHint::MakeCredential)
        else {
            panic!("another answer than asked for");
        };
        prepared.finish(&phone, response).unwrap().to_json().expose().to_owned()
    }

    /// The answer to a relying party's request options, both as JSON.
    pub fn sign_in(&mut self, options: &str, origin: &Origin) -> String {
        let options = RequestOptions::from_json(options).unwrap();
        let prepared = options.prepare(origin.clone()).unwrap();
        let phone = self.profile.get_info();
        let request = prepared.request_for(&phone).unwrap();
        let CtapResponse::GetAssertion(response) = self.answer(request, RequestHint::GetAssertion)
        else {
            panic!("another answer than asked for");
        };
        prepared.finish(&phone, response).unwrap().to_json().expose().to_owned()
    }

    /// Shows a code, scans it, receives the advert, and so on to the answer.
    fn answer(&mut self, request: impl Into<CtapRequest>, hint: RequestHint) -> CtapResponse {
        self.transactions += 1;
        let mut setup = Setup::new(self.transactions, vec![request.into()]);
        setup.client = ClientConfig::new(hint);
        setup.phone.profile = self.profile.clone();
        setup.passkeys = std::mem::take(&mut self.passkeys);
        let mut pair = Pair::new(setup).unwrap();
        let verification = self.profile.capability;
        pair.user = Box::new(move |_| Some(Decision::Approved { verification, account: 0 }));
        pair.run();
        for side in [Side::Client, Side::Phone] {
            assert!(matches!(pair.result(side), Some(Ok(()))), "{side}: {:?}", pair.result(side));
        }
        self.passkeys = std::mem::take(&mut pair.passkeys);
        assert_eq!(pair.responses.len(), 1);
        pair.responses.remove(0).unwrap()
    }
}
