//! Options that this client refuses before a scan starts or a tunnel opens.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4].

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use fido_hybrid::BoxFuture;
use fido_hybrid::bluetooth::{AdapterState, Scan, Scanner};
use fido_hybrid::client::Client;
use fido_hybrid::error::{
    BluetoothError, DomException, ErrorKind, OptionsError, RpIdError, Stage, TunnelError,
};
use fido_hybrid::transport::TunnelRequest;
use fido_hybrid::tunnel::{OpenedTunnel, TunnelDialer};
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions};
use serde_json::{Value, json};

struct Nothing;

impl Scanner for Nothing {
    fn state(&self) -> BoxFuture<'_, Result<AdapterState, BluetoothError>> {
        Box::pin(std::future::ready(Ok(AdapterState::Absent)))
    }

    fn scan(&self) -> BoxFuture<'_, Result<Box<dyn Scan>, BluetoothError>> {
        panic!("no scan may start")
    }
}

impl TunnelDialer for Nothing {
    fn dial(&self, _: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        panic!("no tunnel may open")
    }
}

fn client() -> Client {
    Client::new(Nothing, Nothing)
}

fn creation(extensions: Value) -> CreationOptions {
    let json = json!({
        "challenge": "AAECAw",
        "rp": {"id": "example.com", "name": "Example"},
        "user": {"id": "Bwg", "name": "ada", "displayName": "Ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        "extensions": extensions,
    });
    CreationOptions::from_json(&json.to_string()).unwrap()
}

#[tokio::test]
async fn another_rps_request_is_refused_before_any_radio() {
    let evil = Origin::parse("https://evilexample.com").unwrap();
    let options = json!({"challenge": "AAECAw", "rpId": "example.com"});
    let options = RequestOptions::from_json(&options.to_string()).unwrap();
    let error = client().get(&options, &evil).unwrap_err();
    assert_eq!(error.stage, Stage::Preparing);
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::RpId(RpIdError::OtherDomain))));
    let error = client().create(&creation(json!({})), &evil).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::RpId(RpIdError::OtherDomain))));
    assert_eq!(error.dom_exception(), DomException::Security);
}

#[tokio::test]
async fn what_is_required_and_not_supported_is_refused_before_any_radio() {
    let options = creation(json!({
        "credentialProtectionPolicy": "future",
        "enforceCredentialProtectionPolicy": true,
    }));
    let origin = Origin::parse("https://login.example.com").unwrap();
    let error = client().create(&options, origin).unwrap_err();
    assert_eq!(error.stage, Stage::Preparing);
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::Unsupported(_))));
    assert_eq!(error.dom_exception(), DomException::NotAllowed);
}
