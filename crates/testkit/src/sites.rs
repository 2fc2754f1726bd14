//! Options as large services serve them: the files of `tests/vectors/sites`.
//!
//! What a relying party expects is read out of them here, without the parser that
//! is tested with them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helpers are tests too, which clippy does not see; a member that a JSON \
              value lacks is null"
)]

use std::fs;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::ctap::{Algorithm, CredentialId};
use fido_hybrid::webauthn::Origin;
use serde_json::Value;

/// One file.
pub struct Site {
    /// The file's name without its end, such as `github-create`.
    pub name: String,
    /// A public address.
    pub source: String,
    /// When the options were published or captured, or when the source was read.
    pub date: String,
    pub origin: Origin,
    /// The options as they stand in the file.
    pub options: String,
    /// The same, without the envelope for `navigator.credentials`.
    pub parsed: Value,
}

/// Every file, in the order of the names.
pub fn all() -> Vec<Site> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/sites");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    paths.sort();
    paths.iter().map(|path| Site::read(path)).collect()
}

impl Site {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        // The text of the file and not of the value: how numbers and texts are written
        // is what a parser may fail on.
        let (_, options) = text.split_once("\"options\":").unwrap();
        let options = options.trim_end().strip_suffix('}').unwrap().trim().to_owned();
        let mut parsed = serde_json::from_str::<Value>(&options).unwrap();
        assert_eq!(parsed, file["options"], "{}: options are the last member", path.display());
        if parsed["publicKey"].is_object() {
            parsed = parsed["publicKey"].take();
        }
        let member = |name: &str| file[name].as_str().unwrap().to_owned();
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            source: member("source"),
            date: member("date"),
            origin: Origin::parse(&member("origin")).unwrap(),
            options,
            parsed,
        }
    }

    /// Whether it is a registration, and not a sign-in.
    pub fn is_registration(&self) -> bool {
        match self.name.rsplit_once('-').unwrap().1 {
            "create" => true,
            "get" => false,
            other => panic!("{}: neither create nor get, but {other}", self.name),
        }
    }

    /// The RP ID: the origin's host if the options have none.
    pub fn rp_id(&self) -> &str {
        let stated =
            if self.is_registration() { &self.parsed["rp"]["id"] } else { &self.parsed["rpId"] };
        stated.as_str().unwrap_or_else(|| self.origin.host())
    }

    pub fn challenge(&self) -> Vec<u8> {
        bytes(&self.parsed["challenge"])
    }

    pub fn user_handle(&self) -> Vec<u8> {
        bytes(&self.parsed["user"]["id"])
    }

    /// Whether an answer without a verified user is refused.
    pub fn requires_verification(&self) -> bool {
        let selection = &self.parsed["authenticatorSelection"];
        let of = if self.is_registration() { selection } else { &self.parsed };
        of["userVerification"] == "required"
    }

    /// The algorithms on offer, in their order.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let offers = self.parsed["pubKeyCredParams"].as_array().unwrap();
        offers.iter().map(|offer| Algorithm(number(&offer["alg"]))).collect()
    }

    /// The passkeys of a list, such as `excludeCredentials`.
    pub fn listed(&self, list: &str) -> Vec<CredentialId> {
        let listed = self.parsed[list].as_array().into_iter().flatten();
        listed.map(|listed| CredentialId::new(bytes(&listed["id"])).unwrap()).collect()
    }

    /// The options with this passkey in the place of the first allowed one, if the
    /// sign-in names any.
    pub fn allowing(&self, id: &CredentialId) -> String {
        match self.parsed["allowCredentials"][0]["id"].as_str() {
            Some(listed) => self.options.replace(listed, &BASE64URL_NOPAD.encode(id.as_bytes())),
            None => self.options.clone(),
        }
    }
}

/// Base64 in either alphabet, padded or not.
fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().trim_end_matches('=').replace('+', "-").replace('/', "_");
    BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
}

/// A number, or the text of one.
pub fn number(value: &Value) -> i64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        number => number.as_f64().unwrap() as i64,
    }
}
