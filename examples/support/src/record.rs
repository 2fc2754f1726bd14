//! What a server keeps of a registration, in a file: `register` writes it,
//! `sign_in` checks by it. There is no secret in it.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// An account and the passkey that was registered for it.
pub struct Record {
    pub rp_id: String,
    pub account: String,
    pub handle: Vec<u8>,
    /// The answer by which it was registered.
    pub answer: String,
}

impl Record {
    pub fn to_json(&self) -> String {
        let answer: Value = serde_json::from_str(&self.answer).unwrap_or_default();
        json!({
            "rpId": self.rp_id,
            "account": self.account,
            "userHandle": BASE64URL_NOPAD.encode(&self.handle),
            "registration": answer,
        })
        .to_string()
    }

    /// `None` if this is no such file.
    pub fn from_json(text: &str) -> Option<Self> {
        let record: Value = serde_json::from_str(text).ok()?;
        let member = |name| record.get(name)?.as_str();
        Some(Self {
            rp_id: member("rpId")?.to_owned(),
            account: member("account")?.to_owned(),
            handle: BASE64URL_NOPAD.decode(member("userHandle")?.as_bytes()).ok()?,
            answer: record.get("registration")?.to_string(),
        })
    }
}
