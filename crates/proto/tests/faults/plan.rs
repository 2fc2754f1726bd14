//! What a seed draws: a phone and what it holds, requests, a user, and what
//! goes wrong.

use std::time::Duration;

use fido_hybrid_proto::authenticator::{
    Attestation, Backup, Decision, Passkey, Prompt, UserVerification,
};
use fido_hybrid_proto::client::Linking;
use fido_hybrid_proto::crypto::{SecretKey, sha256};
use fido_hybrid_proto::ctap::extensions::{PrfAssertionInput, PrfRegistrationInput, PrfValues};
use fido_hybrid_proto::ctap::{
    Algorithm, CredentialDescriptor, CredentialId, CredentialParameters, CtapRequest,
    GetAssertionRequest, MakeCredentialRequest, RelyingParty, User, UserHandle,
};
use fido_hybrid_proto::secret::{PrfInput, PrfSecret};
use fido_hybrid_proto::transport::TunnelDomain;
use fido_hybrid_sim::{SeededRng, Setup, Side};

pub(crate) const RP_ID: &str = "example.com";
const OTHER_RP_ID: &str = "example.net";

/// What is asked of the PRF in every ceremony that asks for one.
pub(crate) fn prf_input(seed: u64) -> [u8; 32] {
    let mut rng = SeededRng::new(seed).fork("prf");
    std::array::from_fn(|_| pick(&mut rng, 256) as u8)
}

/// A ceremony to be.
pub(crate) struct Plan {
    pub(crate) setup: Setup,
    /// How many of a thousand messages the tunnel meddles with.
    pub(crate) meddling: u64,
    /// Whether messages overtake each other.
    pub(crate) overtaking: bool,
    /// What happens before which step.
    pub(crate) mishaps: Vec<(usize, Mishap)>,
    /// Nothing goes wrong, and the user is there and quick.
    pub(crate) is_calm: bool,
}

/// What happens besides what the tunnel does to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    Cancel(Side),
    PowerOff(Side),
    Cut,
    RadioFails(Side),
    DialFails(Side),
    SendFails,
    StoreFails,
    /// The tunnel delivers bytes that neither side sent.
    Unasked(Side),
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let rng = &mut SeededRng::new(seed).fork("plan");
        let is_calm = chance(rng, 25);
        let passkeys = passkeys(rng);
        let requests = (0..=pick(rng, 3)).map(|_| request(rng, seed, &passkeys)).collect();
        let mut setup = Setup::new(seed, requests);
        setup.passkeys = passkeys;
        setup.conditions.lost_per_thousand = [0, 0, 200, 700][pick(rng, 4)];
        setup.conditions.delay = Duration::from_millis([0, 30, 900][pick(rng, 3)]);
        setup.conditions.foreign = pick(rng, 4);
        setup.latency = Duration::from_millis([0, 20, 400][pick(rng, 3)]);
        setup.reaction = Duration::from_secs([0, 1, 30][pick(rng, 3)]);
        if chance(rng, 50) {
            setup.client.linking = Linking::Offered;
        }
        let encoded = [0, 1, 266, 0x1234][pick(rng, 4)];
        setup.phone.domain = TunnelDomain::from_encoded(encoded).unwrap();
        setup.phone.profile.capability =
            [UserVerification::Verified, UserVerification::Verified, UserVerification::Present]
                [pick(rng, 3)];
        setup.phone.profile.attestation = [Attestation::None, Attestation::Packed][pick(rng, 2)];
        setup.phone.profile.backup =
            [Backup::DeviceBound, Backup::Eligible, Backup::BackedUp][pick(rng, 3)];
        let mut plan = Self { setup, meddling: 0, overtaking: false, mishaps: Vec::new(), is_calm };
        if !is_calm {
            plan.trouble(rng);
        }
        plan
    }

    fn trouble(&mut self, rng: &mut SeededRng) {
        let setup = &mut self.setup;
        if chance(rng, 10) {
            setup.conditions.lost_per_thousand = 1000;
            setup.conditions.interval = Duration::from_secs(2);
        }
        // Just before, at, and after the deadlines of the two sides.
        if chance(rng, 20) {
            setup.reaction = Duration::from_secs([299, 300, 301][pick(rng, 3)]);
        }
        if chance(rng, 20) {
            setup.latency = Duration::from_secs([4, 9, 10, 11][pick(rng, 4)]);
        }
        if chance(rng, 50) {
            setup.client.deadlines.showing_qr = Some(Duration::from_secs(90));
        }
        if chance(rng, 30) {
            setup.client.deadlines.awaiting_response =
                Duration::from_secs([5, 60, 600][pick(rng, 3)]);
        }
        self.meddling = [0, 0, 50, 200, 500][pick(rng, 5)];
        self.overtaking = chance(rng, 15);
        for _ in 0..pick(rng, 3) {
            let step = pick(rng, 28);
            let side = [Side::Client, Side::Phone][pick(rng, 2)];
            self.mishaps.push((
                step,
                match pick(rng, 9) {
                    0 | 1 => Mishap::Cancel(side),
                    2 => Mishap::PowerOff(side),
                    3 => Mishap::Cut,
                    4 => Mishap::RadioFails(side),
                    5 => Mishap::DialFails(side),
                    6 => Mishap::SendFails,
                    7 => Mishap::StoreFails,
                    _ => Mishap::Unasked(side),
                },
            ));
        }
    }
}

pub(crate) fn pick(rng: &mut SeededRng, below: u64) -> usize {
    usize::try_from(rng.below(below)).unwrap()
}

pub(crate) fn chance(rng: &mut SeededRng, percent: u64) -> bool {
    rng.below(100) < percent
}

/// What a user says; a calm one says something, and not too late.
pub(crate) fn decision(rng: &mut SeededRng, prompt: &Prompt, is_calm: bool) -> Option<Decision> {
    let accounts = u64::try_from(prompt.accounts().len().max(1)).unwrap();
    let account = pick(rng, accounts);
    let approved = |verification| Some(Decision::Approved { verification, account });
    match pick(rng, 20) {
        0 | 1 => Some(Decision::Declined),
        2 => Some(Decision::TimedOut),
        3 => Some(Decision::NoUi),
        4 if !is_calm => None,
        5 | 6 => approved(UserVerification::Present),
        _ => approved(UserVerification::Verified),
    }
}

fn user(number: u8) -> User {
    let handle = UserHandle::new([number; 8]).unwrap();
    User::new(handle, format!("user{number}"), format!("User {number}"))
}

fn passkeys(rng: &mut SeededRng) -> Vec<Passkey> {
    let mut passkeys: Vec<Passkey> = (1..=pick(rng, 4) as u8)
        .map(|number| {
            let id = CredentialId::new([number; 16]).unwrap();
            let backup = [Backup::DeviceBound, Backup::BackedUp][pick(rng, 2)];
            let key = SecretKey::generate(rng);
            let secret = PrfSecret::new(sha256(&[b"PRF secret", &*key.expose()]));
            let passkey = Passkey::new(id, RP_ID, user(number), key);
            passkey.with_prf_secret(secret).with_backup(backup)
        })
        .collect();
    if chance(rng, 30) {
        let id = CredentialId::new([9; 16]).unwrap();
        passkeys.push(Passkey::new(id, OTHER_RP_ID, user(1), SecretKey::generate(rng)));
    }
    passkeys
}

/// Some of the passkeys, that of another relying party too, and one that is nowhere.
fn list(rng: &mut SeededRng, passkeys: &[Passkey]) -> Vec<CredentialDescriptor> {
    let mut list: Vec<CredentialDescriptor> = passkeys
        .iter()
        .filter(|_| chance(rng, 60))
        .map(|passkey| CredentialDescriptor::new(passkey.id.clone()))
        .collect();
    if chance(rng, 30) {
        list.push(CredentialDescriptor::new(CredentialId::new([0xee; 16]).unwrap()));
    }
    list
}

fn request(rng: &mut SeededRng, seed: u64, passkeys: &[Passkey]) -> CtapRequest {
    let hash = std::array::from_fn(|_| pick(rng, 256) as u8);
    let uv = [None, Some(true), Some(false)][pick(rng, 3)];
    let evaluated = PrfValues { first: PrfInput::new(prf_input(seed)), second: None };
    match pick(rng, 9) {
        0 => CtapRequest::GetInfo,
        1..=4 => {
            let mut request = MakeCredentialRequest::new(
                hash,
                RelyingParty::new(RP_ID, "Example"),
                user(1 + pick(rng, 3) as u8),
                vec![CredentialParameters::new(Algorithm::ES256)],
            );
            request.options.uv = uv;
            request.options.rk = Some(true);
            if chance(rng, 40) {
                request.exclude_list = list(rng, passkeys);
            }
            if chance(rng, 30) {
                let mut input = PrfRegistrationInput::default();
                input.eval = Some(evaluated);
                request.extensions.prf = Some(input);
            }
            CtapRequest::MakeCredential(request)
        }
        _ => {
            let mut request = GetAssertionRequest::new(RP_ID, hash);
            request.options.uv = uv;
            if chance(rng, 50) {
                request.allow_list = list(rng, passkeys);
            }
            if chance(rng, 30) {
                request.extensions.prf = Some(PrfAssertionInput::new(evaluated));
            }
            CtapRequest::GetAssertion(request)
        }
    }
}
