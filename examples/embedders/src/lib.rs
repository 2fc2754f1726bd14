//! What the tests of the programs share: a phone in memory, and the client's way to it.
//!
//! The programs themselves are in `src/bin`, at most 60 lines of code each.

use std::thread::{self, JoinHandle};

use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, PasskeyStore, Prompt, UserCheck,
    UserVerification,
};
use fido_hybrid::client::ClientUpdate;
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid::{BoxFuture, Error};
use fido_hybrid_sim::{Air, MemoryRelay};

/// The relying party's origin.
pub const ORIGIN: &str = "https://example.com";

/// Options for a sign-in, as a relying party sends them.
pub const SIGN_IN: &str = r#"{"challenge": "Y2hhbGxlbmdl", "rpId": "example.com"}"#;

/// Options for a passkey, as a relying party sends them.
pub const REGISTER: &str = r#"{
    "challenge": "Y2hhbGxlbmdl",
    "rp": {"id": "example.com", "name": "Example"},
    "user": {"id": "YWRh", "name": "ada", "displayName": "Ada"},
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    "authenticatorSelection": {"residentKey": "required"}
}"#;

/// A user who approves everything.
#[derive(Debug)]
pub struct Agreeable;

impl UserCheck for Agreeable {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let verification = UserVerification::Verified;
        Box::pin(async move { Decision::Approved { verification, account: 0 } })
    }
}

/// A phone, the air and a tunnel service, all in this process.
#[derive(Clone, Debug)]
pub struct World {
    /// The client's scanner.
    pub air: Air,
    /// The client's dialer.
    pub relay: MemoryRelay,
    phone: Authenticator,
}

impl World {
    /// A world whose phone has no passkey and keeps new ones in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::with_store(MemoryStore::new())
    }

    /// A world whose phone answers from `store`.
    #[must_use]
    pub fn with_store(store: impl PasskeyStore + 'static) -> Self {
        let (air, relay) = (Air::new(), MemoryRelay::new());
        let phone = Authenticator::new(AuthenticatorParts {
            store,
            user: Agreeable,
            advertiser: air.clone(),
            dialer: relay.clone(),
            domain: TunnelDomain::GOOGLE,
        });
        Self { air, relay, phone }
    }

    /// The phone scans a code, in a thread and a runtime of its own.
    pub fn scan(&self, code: &str) -> JoinHandle<Result<(), Error>> {
        let (phone, code) = (self.phone.clone(), code.parse());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async { phone.answer(code?)?.outcome().await })
        })
    }

    /// What a program is given to show updates with: the phone scans the code that it gets.
    pub fn show(&self) -> impl FnMut(ClientUpdate) + Send + 'static {
        let world = self.clone();
        move |update| {
            if let ClientUpdate::WaitingForScan(code) = update {
                world.scan(code.expose());
            }
        }
    }

    /// Registers the phone's passkey.
    pub fn register(&self) {
        let client = fido_hybrid::blocking::Client::new(self.air.clone(), self.relay.clone());
        let options = fido_hybrid::webauthn::CreationOptions::from_json(REGISTER);
        let origin = fido_hybrid::webauthn::Origin::parse(ORIGIN);
        let (client, options) = (client.expect("a thread"), options.expect("options"));
        let ceremony = client.create(&options, origin.expect("an origin")).expect("a ceremony");
        let phone = self.scan(ceremony.qr_code().expect("a code").expose());
        ceremony.outcome().expect("a passkey");
        phone.join().expect("no panic").expect("an answer");
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// More would mean that the API asks too much of its users.
    const MOST_LINES: usize = 60;

    #[test]
    fn the_programs_are_short() {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
        let mut files = 0;
        for program in fs::read_dir(programs).unwrap() {
            for file in fs::read_dir(program.unwrap().path()).unwrap() {
                let file = file.unwrap().path();
                if !file.ends_with("tests.rs") {
                    let text = fs::read_to_string(&file).unwrap();
                    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
                    let lines = text.lines().map(str::trim).filter(is_code).count();
                    assert!(lines <= MOST_LINES, "{}: {lines} lines", file.display());
                    files += 1;
                }
            }
        }
        assert_eq!(files, 9, "seven programs, one of three files");
    }
}
