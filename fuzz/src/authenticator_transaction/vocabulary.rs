//! What the scripts of `authenticator_transaction` are made of.

/// Settings: one byte of these bits, then the tunnel domains that the client
/// knows \[1\].
pub mod setting {
    /// The authenticator can verify presence only.
    pub const PRESENCE_ONLY: u8 = 1;
    /// Its passkeys are backed up, and do not count.
    pub const BACKED_UP: u8 = 2;
    /// It attests.
    pub const PACKED: u8 = 4;
    /// Its tunnel service has the second assigned domain, not the first.
    pub const APPLE: u8 = 8;
    /// The QR code offers no tunnel.
    pub const NO_TUNNEL: u8 = 16;
    /// The text of another QR code follows: bytes.
    pub const OTHER_CODE: u8 = 32;
}

/// Steps and their arguments; `bytes` have their length in two bytes before.
pub mod step {
    /// There is a routing id \[1\].
    pub const TUNNEL_OPENED: u8 = 0;
    /// kind \[1\], code \[2\].
    pub const TUNNEL_FAILED: u8 = 1;
    /// kind \[1\], code \[2\].
    pub const SEND_FAILED: u8 = 2;
    /// Nothing.
    pub const TUNNEL_CLOSED: u8 = 3;
    /// kind \[1\].
    pub const ADVERTISING_FAILED: u8 = 4;
    /// A message as it is: bytes.
    pub const RAW_MESSAGE: u8 = 5;
    /// The client's handshake message.
    pub const HELLO: u8 = 6;
    /// The client's handshake message, changed: position \[1\], XOR \[1\].
    pub const CHANGED_HELLO: u8 = 7;
    /// A typed message, sealed: type \[1\], bytes.
    pub const TYPED: u8 = 8;
    /// A registration: RP ID \[1\], user \[1\], [`request`](super::request) \[1\],
    /// which of the store's passkeys are excluded, by bits \[1\].
    pub const REGISTER: u8 = 9;
    /// A sign-in: RP ID \[1\], [`request`](super::request) \[1\], which of the
    /// store's passkeys are allowed, by bits \[1\].
    pub const SIGN_IN: u8 = 10;
    /// The user's decision: prompt, from the newest \[1\], kind \[1\], account \[1\].
    pub const DECIDE: u8 = 11;
    /// The store's answer: [`found`](super::found) \[1\].
    pub const FOUND: u8 = 12;
    /// The store's answer: 0 if it did, else why not \[1\].
    pub const SAVED: u8 = 13;
    /// The store's answer: 0 if it did, else why not \[1\]; the counter \[1\].
    pub const COUNTED: u8 = 14;
    /// Seconds \[2\].
    pub const TIME_PASSED: u8 = 15;
    /// As long as the stage may last.
    pub const DEADLINE: u8 = 16;
    /// Nothing.
    pub const CANCEL: u8 = 17;
    /// The clock goes back.
    pub const TIME_BACKWARDS: u8 = 18;
    /// Seconds \[2\], which the next input tells of.
    pub const WAIT: u8 = 19;
    /// How many there are.
    pub const COUNT: u8 = 20;
}

/// Bits of requests.
pub mod request {
    /// User verification required.
    pub const VERIFY: u8 = 1;
    /// A silent one, without the user.
    pub const SILENT: u8 = 2;
    /// Registration: no algorithm that there is.
    pub const NO_ALGORITHM: u8 = 4;
    /// Registration: a packed attestation is preferred.
    pub const PACKED: u8 = 8;
    /// The list's entries are no public keys.
    pub const OTHER_KIND: u8 = 16;
    /// The PRF is asked for.
    pub const PRF: u8 = 32;
    /// With it: one value to evaluate, for whatever passkey it will be.
    pub const EVALUATE: u8 = 64;
    /// Sign-in, with the PRF: two values for the last passkey on the list.
    pub const EVALUATE_BY_PASSKEY: u8 = 128;
}

/// What a store answers.
pub mod found {
    /// What was asked for.
    pub const RIGHT: u8 = 0;
    /// All that it has, of all relying parties.
    pub const EVERYTHING: u8 = 1;
    /// Nothing.
    pub const NOTHING: u8 = 2;
    /// It is full.
    pub const FULL: u8 = 3;
    /// It failed.
    pub const FAILED: u8 = 4;
}

/// Kinds of decisions.
pub mod decision {
    /// Approved and verified.
    pub const VERIFIED: u8 = 0;
    /// Approved by a user who was not verified.
    pub const PRESENT: u8 = 1;
    /// Declined.
    pub const DECLINED: u8 = 2;
    /// Timed out.
    pub const TIMED_OUT: u8 = 3;
    /// The user cannot be asked.
    pub const NO_UI: u8 = 4;
}
