//! `clientExtensionResults` of both answers [WebAuthn L3 §9.4, §10].
//!
//! An output is answered only if the relying party asked for it. What the phone signs
//! besides stays in the authenticator data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::base64::Base64Url;
use super::raw_extension::AsJson;
use super::{large_blob, prf};
use crate::ctap::extensions::HMAC_SECRET;
use crate::ctap::{GetAssertionResponse, MakeCredentialResponse, RawCbor};
use crate::secret::SecretBytes;

/// The extensions of a registration that are answered.
#[derive(Clone, Debug)]
pub(super) struct AskedToCreate {
    pub(super) cred_props: bool,
    pub(super) hmac_create_secret: bool,
    pub(super) large_blob: bool,
    pub(super) prf: bool,
    /// Names of those that this crate does not know.
    pub(super) other: Vec<String>,
}

/// The extensions of a sign-in that are answered.
#[derive(Clone, Debug)]
pub(super) struct AskedToGet {
    pub(super) app_id: bool,
    pub(super) large_blob: Option<AskedBlob>,
    pub(super) prf: bool,
    /// Names of those that this crate does not know.
    pub(super) other: Vec<String>,
}

/// What was asked of a passkey's blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedBlob {
    Read,
    Write,
}

impl AskedToGet {
    /// Whether the phone wrote a blob. `None`: that was not asked.
    pub(super) fn written(&self, response: &GetAssertionResponse) -> Option<bool> {
        let output = response.unsigned_extensions.large_blob.as_ref();
        let written = output.and_then(|output| output.written).unwrap_or_default();
        (self.large_blob == Some(AskedBlob::Write)).then_some(written)
    }
}

/// Outputs by name, so that they come in the order in which browsers have them.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct ExtensionResults<'a>(BTreeMap<&'a str, Output<'a>>);

impl<'a> ExtensionResults<'a> {
    /// Those of a registration; `rk` is whether a discoverable passkey was asked for.
    pub(super) fn of_registration(
        asked: &'a AskedToCreate,
        rk: Option<bool>,
        response: &'a MakeCredentialResponse,
    ) -> Self {
        let outputs = &response.unsigned_extensions;
        let signed = response.auth_data.extensions();
        let prf = outputs.prf.as_ref();
        // By the older name, as in Chromium.
        let has_prf =
            prf.is_some_and(|prf| prf.enabled) || signed.get(HMAC_SECRET) == Some(&RawCbor::yes());
        let mut results = Self::default();
        for name in &asked.other {
            results.add_other(name, outputs.other.get(name).or_else(|| signed.get(name)));
        }
        if asked.cred_props {
            results.add("credProps", Output::CredProps(CredProps { rk }));
        }
        if asked.hmac_create_secret {
            results.add("hmacCreateSecret", Output::Boolean(has_prf));
        }
        if asked.large_blob {
            let supported = outputs.large_blob.is_some_and(|output| output.supported);
            let answer = large_blob::Answer { supported: Some(supported), ..Default::default() };
            results.add("largeBlob", Output::LargeBlob(answer));
        }
        if asked.prf {
            let values = prf.and_then(|prf| prf.results.as_ref()).map(Into::into);
            let answer = prf::Answer { enabled: Some(has_prf), results: values };
            results.add("prf", Output::Prf(answer));
        }
        results
    }

    /// Those of a sign-in, with the blob that was read.
    pub(super) fn of_sign_in(
        asked: &'a AskedToGet,
        blob: Option<&'a SecretBytes>,
        response: &'a GetAssertionResponse,
    ) -> Self {
        let outputs = &response.unsigned_extensions;
        let signed = response.auth_data.extensions();
        let mut results = Self::default();
        for name in &asked.other {
            results.add_other(name, outputs.other.get(name).or_else(|| signed.get(name)));
        }
        if asked.app_id {
            results.add("appid", Output::Boolean(false));
        }
        if asked.large_blob.is_some() {
            let blob = blob.map(|blob| Base64Url(blob.expose()));
            let written = asked.written(response);
            let answer = large_blob::Answer { blob, supported: None, written };
            results.add("largeBlob", Output::LargeBlob(answer));
        }
        if asked.prf {
            let values = outputs.prf.as_ref().and_then(|prf| prf.results.as_ref());
            let answer = prf::Answer { enabled: None, results: values.map(Into::into) };
            results.add("prf", Output::Prf(answer));
        }
        results
    }

    fn add(&mut self, name: &'a str, output: Output<'a>) {
        self.0.insert(name, output);
    }

    /// Adds an output that this crate does not know, if there is one and JSON can have it.
    fn add_other(&mut self, name: &'a str, output: Option<&'a RawCbor>) {
        if let Some(output) = output.and_then(AsJson::new) {
            self.add(name, Output::Other(output));
        }
    }
}

/// One extension's answer.
#[derive(Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Boolean(bool),
    CredProps(CredProps),
    LargeBlob(large_blob::Answer<'a>),
    Other(AsJson<'a>),
    Prf(prf::Answer<'a>),
}

/// `rk` is left out where it was not asked for: phones make discoverable
/// passkeys all the same, so that the value is not known [WebAuthn L3 §10.1.3].
#[derive(Serialize)]
struct CredProps {
    #[serde(skip_serializing_if = "Option::is_none")]
    rk: Option<bool>,
}
