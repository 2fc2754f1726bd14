//! What a client can do, as a page asks it: `getClientCapabilities` [WebAuthn L3 §5.1.7].
//!
//! ```text
//! {"conditionalCreate":false,…,"extension:prf":true,"hybridTransport":true,…}
//! ```

use std::collections::BTreeMap;

/// Extensions that this client knows, and whether it supports them: a phone's part is
/// another question, which its getInfo answers.
const EXTENSIONS: [(&str, bool); 14] = [
    ("extension:appid", true),
    ("extension:appidExclude", true),
    ("extension:credBlob", false),
    ("extension:credProps", true),
    ("extension:credentialProtectionPolicy", true),
    ("extension:crossDeviceFallbackUrl", false),
    ("extension:enforceCredentialProtectionPolicy", true),
    ("extension:getCredBlob", false),
    ("extension:hmacCreateSecret", true),
    ("extension:largeBlob", true),
    ("extension:minPinLength", true),
    ("extension:payment", false),
    ("extension:prf", true),
    // `Caller::client_data` is for programs, not for pages.
    ("extension:remoteClientDataJSON", false),
];

/// The capabilities of a client over hybrid, for programs that answer a web view's
/// `PublicKeyCredential.getClientCapabilities()` [WebAuthn L3 §5.8.7]. `Client::capabilities`
/// has those of a client.
///
/// ```
/// use fido_hybrid_proto::webauthn::ClientCapabilities;
///
/// let capabilities = ClientCapabilities::over_hybrid();
/// assert!(capabilities.hybrid_transport && !capabilities.signal_unknown_credential);
/// assert!(capabilities.to_json().contains(r#""hybridTransport":true"#));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCapabilities {
    /// `conditionalCreate`: passkeys are created without a prompt of the client's. Never:
    /// there is a QR code to scan.
    pub conditional_create: bool,
    /// `conditionalGet`: passkeys are offered in a page's form. Never: they are on phones.
    pub conditional_get: bool,
    /// `hybridTransport`: always. Whether there is a radio that is switched on is what
    /// `Client::preflight` tells.
    pub hybrid_transport: bool,
    /// `passkeyPlatformAuthenticator`: a device that has passkeys can be used, this
    /// one or, as here, a phone over hybrid. Always.
    pub passkey_platform_authenticator: bool,
    /// `relatedOrigins`: relying parties' lists are fetched. Only with
    /// `Client::related_origins`, and if the program calls `Client::check_caller`.
    pub related_origins: bool,
    /// `signalAllAcceptedCredentials`. Never: hybrid has no message for signals.
    pub signal_all_accepted_credentials: bool,
    /// `signalCurrentUserDetails`. Never.
    pub signal_current_user_details: bool,
    /// `signalUnknownCredential`. Never.
    pub signal_unknown_credential: bool,
    /// `userVerifyingPlatformAuthenticator`: this device has passkeys and verifies its user.
    /// Never by this client.
    pub user_verifying_platform_authenticator: bool,
}

impl ClientCapabilities {
    /// Those of a client over hybrid that fetches no related origins.
    #[must_use]
    pub const fn over_hybrid() -> Self {
        Self {
            conditional_create: false,
            conditional_get: false,
            hybrid_transport: true,
            passkey_platform_authenticator: true,
            related_origins: false,
            signal_all_accepted_credentials: false,
            signal_current_user_details: false,
            signal_unknown_credential: false,
            user_verifying_platform_authenticator: false,
        }
    }

    /// Each capability with its name in WebAuthn, in the order of the names. Those of
    /// extensions begin with `extension:`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let capabilities = [
            ("conditionalCreate", self.conditional_create),
            ("conditionalGet", self.conditional_get),
            ("hybridTransport", self.hybrid_transport),
            ("passkeyPlatformAuthenticator", self.passkey_platform_authenticator),
            ("relatedOrigins", self.related_origins),
            ("signalAllAcceptedCredentials", self.signal_all_accepted_credentials),
            ("signalCurrentUserDetails", self.signal_current_user_details),
            ("signalUnknownCredential", self.signal_unknown_credential),
            ("userVerifyingPlatformAuthenticator", self.user_verifying_platform_authenticator),
        ];
        BTreeMap::from_iter(capabilities.into_iter().chain(EXTENSIONS)).into_iter()
    }

    /// The object that a page gets, in JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members = self.iter().map(|(name, has)| format!("\"{name}\":{has}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::webauthn::{CreationOptions, Origin, RequestOptions};

    #[test]
    fn capabilities_are_sorted_booleans() {
        let json = ClientCapabilities::over_hybrid().to_json();
        let members: Map<String, Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(members.len(), 9 + EXTENSIONS.len());
        assert!(members.values().all(Value::is_boolean));
        let mut after = 0;
        let mut names: Vec<_> = members.keys().collect();
        names.sort();
        for name in names {
            let at = json.find(&format!("\"{name}\"")).unwrap();
            assert!(at > after, "{name}");
            after = at;
        }
    }

    /// An input of each extension.
    fn input(name: &str) -> Value {
        match name {
            "appid" | "appidExclude" => json!("https://example.com"),
            "credentialProtectionPolicy" => json!("userVerificationOptional"),
            "credBlob" => json!("AA"),
            "crossDeviceFallbackUrl" => json!("https://example.com/a"),
            "largeBlob" => json!({"support": "preferred"}),
            "payment" => json!({"isPayment": true}),
            "prf" => json!({}),
            "remoteClientDataJSON" => json!("{}"),
            _ => json!(true),
        }
    }

    #[test]
    fn supported_extensions_are_those_that_options_read() {
        let origin = Origin::parse("https://example.com").unwrap();
        for (name, is_supported) in EXTENSIONS {
            let name = name.strip_prefix("extension:").unwrap();
            let mut extensions = json!({ name: input(name) });
            if name == "enforceCredentialProtectionPolicy" {
                extensions["credentialProtectionPolicy"] = input("credentialProtectionPolicy");
            }
            let create = json!({
                "challenge": "AA",
                "rp": {"name": ""},
                "user": {"id": "AA", "name": "", "displayName": ""},
                "pubKeyCredParams": [],
                "extensions": extensions,
            });
            let create = CreationOptions::from_json(&create.to_string()).unwrap();
            let mut with_nothing = create.clone();
            with_nothing.extensions = crate::webauthn::RegistrationExtensions::default();
            let is_created = create.prepare(&origin).is_ok()
                && create.extensions.unknown.is_empty()
                && create != with_nothing;
            let get = json!({"challenge": "AA", "extensions": extensions});
            let get = RequestOptions::from_json(&get.to_string()).unwrap();
            // A fallback is read for programs, and sent to no phone.
            let is_got = get.prepare(&origin).is_ok() && get.extensions.app_id.is_some();
            assert_eq!(is_created || is_got, is_supported, "{name}: {create:?}");
        }
    }
}
