//! Our client with the phone of webauthn-authenticator-rs: its `SoftToken` behind
//! its `share_cable_authenticator`, through our tunnel service. Only the air is
//! simulated. The relying party is `webauthn-rs-core`.
//!
//! That phone's getInfo has `uv: true`, and its answers do not have the UV flag:
//! a relying party that prefers verification accepts them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fido_hybrid::bluetooth::{Advertisement, Advertiser as _};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::Flags;
use fido_hybrid::error::{Error, ErrorKind, PeerMisbehaved, ResponseMismatch};
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions, Requirement};
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::uri::Uri;
use url::Url;
use webauthn_authenticator_rs::cable::{
    Advertiser, ShareCableAuthenticatorOptions, share_cable_authenticator,
};
use webauthn_authenticator_rs::error::WebauthnCError;
use webauthn_authenticator_rs::softtoken::SoftToken;
use webauthn_authenticator_rs::types::{CableRequestType, CableState, EnrollSampleStatus};
use webauthn_authenticator_rs::ui::UiCallback;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    Credential, PublicKeyCredential, RegisterPublicKeyCredential, UserVerificationPolicy,
};

const ORIGIN: &str = "https://login.example.com";

/// The foreign phone's radio.
struct Radio {
    air: Air,
    advert: Option<Box<dyn Advertisement>>,
}

#[async_trait]
impl Advertiser for Radio {
    async fn start_advertising(&mut self, uuid: u16, payload: &[u8]) -> Result<(), WebauthnCError> {
        assert_eq!(uuid, 0xfff9);
        self.advert = Some(self.air.advertise(payload.to_vec()).await.unwrap());
        Ok(())
    }

    async fn stop_advertising(&mut self) -> Result<(), WebauthnCError> {
        self.advert = None;
        Ok(())
    }
}

/// The foreign phone's screen, which has nothing to ask.
#[derive(Debug)]
struct Screen;

impl UiCallback for Screen {
    fn request_pin(&self) -> Option<String> {
        None
    }
    fn request_touch(&self) {}
    fn processing(&self) {}
    fn fingerprint_enrollment_feedback(&self, _: u32, _: Option<EnrollSampleStatus>) {}
    fn cable_qr_code(&self, _: CableRequestType, _: String) {}
    fn dismiss_qr_code(&self) {}
    fn cable_status_update(&self, _: CableState) {}
}

struct World {
    air: Air,
    client: Client,
    phone: SoftToken,
    /// Without TLS: the foreign phone trusts no certificate of ours.
    service: ServerHandle,
    relying_party: WebauthnCore,
}

impl World {
    async fn new() -> Self {
        let service = Server::builder().bind("127.0.0.1:0").await.unwrap().start().unwrap();
        // Its roots are not used, nor is the rest of it.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let tunnel = WebSocketDialer::builder()
            .tls_config(Arc::new(tls))
            .resolve_without_tls(&TunnelDomain::GOOGLE.host(), service.local_addr())
            .build()
            .unwrap();
        let air = Air::new();
        let client = Client::new(air.clone(), tunnel);
        let (phone, _) = SoftToken::new(false).unwrap();
        let relying_party = WebauthnCore::new_unsafe_experts_only(
            "Example",
            "example.com",
            vec![Url::parse(ORIGIN).unwrap()],
            Duration::from_secs(60),
            None,
            None,
        );
        Self { air, client, phone, service, relying_party }
    }

    /// The foreign phone scans the code and answers.
    async fn answered<T>(&mut self, mut ceremony: Ceremony<T>) -> Result<T, Error> {
        let code = ceremony.qr_code().unwrap().expose().to_owned();
        let mut radio = Radio { air: self.air.clone(), advert: None };
        let service = Uri::builder().scheme("ws").authority(self.service.local_addr().to_string());
        let options = ShareCableAuthenticatorOptions::default().tunnel_uri(service);
        let info = self.phone.get_info();
        let phone = &mut self.phone;
        let shared = share_cable_authenticator(phone, info, &code, &mut radio, &Screen, options);
        let (shared, outcome) = tokio::join!(shared, async {
            let outcome = ceremony.outcome().await;
            ceremony.close().await;
            outcome
        });
        assert!(shared.is_ok() || outcome.is_err(), "{shared:?}");
        outcome
    }

    async fn create(&mut self, selection: Option<Value>) -> Result<Credential, Error> {
        let challenge = self
            .relying_party
            .new_challenge_register_builder(b"user 1", "ada", "Ada Lovelace")
            .unwrap()
            .user_verification_policy(UserVerificationPolicy::Preferred);
        let (options, state) = self.relying_party.generate_challenge_register(challenge).unwrap();
        let mut options = bare(&options);
        match selection {
            Some(selection) => options["authenticatorSelection"] = selection,
            None => drop(options.as_object_mut().unwrap().remove("authenticatorSelection")),
        }
        let options = CreationOptions::from_json(&options.to_string()).unwrap();
        let ceremony = self.client.create(&options, origin()).unwrap();
        let registration = self.answered(ceremony).await?;
        assert_eq!(registration.authenticator_data().flags().0, 0x41, "present, not verified");
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(registration.to_json().expose()).unwrap();
        Ok(self.relying_party.register_credential(&answer, &state, None).unwrap())
    }

    /// A sign-in for which the relying party names the passkey.
    async fn get(&mut self, known: &Credential, verification: Option<Requirement>) {
        let policy = Some(UserVerificationPolicy::Preferred);
        let challenge = self
            .relying_party
            .new_challenge_authenticate_builder(vec![known.clone()], policy)
            .unwrap();
        let (options, state) =
            self.relying_party.generate_challenge_authenticate(challenge).unwrap();
        let mut options = bare(&options);
        if verification.is_none() {
            options.as_object_mut().unwrap().remove("userVerification");
        }
        let options = RequestOptions::from_json(&options.to_string()).unwrap();
        assert_eq!(options.user_verification, Requirement::Preferred);
        let ceremony = self.client.get(&options, origin()).unwrap();
        let assertion = self.answered(ceremony).await.unwrap();
        assert_eq!(assertion.authenticator_data().flags(), Flags::USER_PRESENT);
        let answer: PublicKeyCredential =
            serde_json::from_str(assertion.to_json().expose()).unwrap();
        let result = self.relying_party.authenticate_credential(&answer, &state).unwrap();
        assert!(!result.user_verified());
    }
}

/// The options without the envelope for `navigator.credentials`.
fn bare(options: &impl serde::Serialize) -> Value {
    serde_json::to_value(options).unwrap()["publicKey"].take()
}

fn origin() -> Origin {
    Origin::parse(ORIGIN).unwrap()
}

#[tokio::test]
async fn a_foreign_phone_registers_and_signs_in_where_verification_is_preferred() {
    let mut world = World::new().await;
    let selection = json!({"userVerification": "preferred", "residentKey": "preferred"});
    let known = world.create(Some(selection)).await.unwrap();
    assert!(!known.user_verified);
    world.get(&known, Some(Requirement::Preferred)).await;
}

#[tokio::test]
async fn a_foreign_phone_registers_and_signs_in_without_any_selection() {
    let mut world = World::new().await;
    let known = world.create(None).await.unwrap();
    world.get(&known, None).await;
}

#[tokio::test]
async fn a_foreign_phone_that_does_not_verify_is_refused_where_that_is_required() {
    let mut world = World::new().await;
    let required = json!({"userVerification": "required"});
    let error = world.create(Some(required)).await.unwrap_err();
    let ErrorKind::PeerMisbehaved(PeerMisbehaved::ResponseMismatch(mismatch)) = error.kind else {
        panic!("{error}")
    };
    assert_eq!(mismatch, ResponseMismatch::UserVerification);
}
