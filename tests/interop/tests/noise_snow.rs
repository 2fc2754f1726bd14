//! The handshake against the `snow` crate: both patterns, each side by each
//! implementation, byte for byte.
//!
//! Keys come from a seed, ephemeral ones too, so that a failure can be seen
//! again.
//!
//! Clauses: [Noise §5, §9].

use std::fmt::Debug;

use fido_hybrid::crypto::SecretKey;
use fido_hybrid::secret::Psk;
use fido_hybrid::transport::{
    Crypter, Established, HANDSHAKE_MESSAGE_LENGTH, HandshakeError, HandshakeMessage, Initiator,
    PADDING_UNIT, Responder,
};
use fido_hybrid_sim::SeededRng;
use rand_core::Rng as _;
use snow::{HandshakeState, TransportState};

/// How many sets of keys each comparison runs with.
const CASES: u64 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    Kn,
    Nk,
}

impl Pattern {
    const BOTH: [Self; 2] = [Self::Kn, Self::Nk];

    const fn name(self) -> &'static str {
        match self {
            Self::Kn => "Noise_KNpsk0_P256_AESGCM_SHA256",
            Self::Nk => "Noise_NKpsk0_P256_AESGCM_SHA256",
        }
    }

    const fn prologue(self) -> &'static [u8] {
        match self {
            Self::Kn => &[1],
            Self::Nk => &[0],
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Kn => Self::Nk,
            Self::Nk => Self::Kn,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Phone,
}

/// The keys and the prologue of one handshake, for both implementations.
#[derive(Clone)]
struct Case {
    pattern: Pattern,
    prologue: Vec<u8>,
    /// The client's key of the QR code, or the phone's identity key.
    identity: SecretKey,
    client_ephemeral: SecretKey,
    phone_ephemeral: SecretKey,
    psk: [u8; 32],
}

impl Case {
    fn new(pattern: Pattern, seed: u64) -> Self {
        let mut rng = SeededRng::new(seed);
        let mut psk = [0; 32];
        rng.fill_bytes(&mut psk);
        Self {
            pattern,
            prologue: pattern.prologue().to_vec(),
            identity: SecretKey::generate(&mut rng),
            client_ephemeral: SecretKey::generate(&mut rng),
            phone_ephemeral: SecretKey::generate(&mut rng),
            psk,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        Pattern::BOTH
            .into_iter()
            .flat_map(|pattern| (0..CASES).map(move |seed| Self::new(pattern, seed)))
    }

    fn our_client(&self) -> (Initiator, HandshakeMessage) {
        let (psk, ephemeral) = (Psk::new(self.psk), self.client_ephemeral.clone());
        match self.pattern {
            Pattern::Kn => Initiator::qr(self.identity.clone(), &psk, ephemeral),
            Pattern::Nk => Initiator::linked(self.identity.public_key(), &psk, ephemeral),
        }
        .unwrap()
    }

    fn our_phone(&self) -> Responder {
        let (psk, ephemeral) = (Psk::new(self.psk), self.phone_ephemeral.clone());
        match self.pattern {
            Pattern::Kn => Responder::qr(*self.identity.public_key(), &psk, ephemeral),
            Pattern::Nk => Responder::linked(self.identity.clone(), &psk, ephemeral),
        }
    }

    fn snows(&self, role: Role) -> HandshakeState {
        let private = self.identity.expose();
        let public = self.identity.public_key().uncompressed();
        let ephemeral = match role {
            Role::Client => self.client_ephemeral.expose(),
            Role::Phone => self.phone_ephemeral.expose(),
        };
        let builder = snow::Builder::new(self.pattern.name().parse().unwrap())
            .prologue(&self.prologue)
            .unwrap()
            .psk(0, &self.psk)
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(&*ephemeral);
        let owner = match self.pattern {
            Pattern::Kn => Role::Client,
            Pattern::Nk => Role::Phone,
        };
        let builder = if role == owner {
            builder.local_private_key(&*private)
        } else {
            builder.remote_public_key(&public)
        }
        .unwrap();
        match role {
            Role::Client => builder.build_initiator(),
            Role::Phone => builder.build_responder(),
        }
        .unwrap()
    }
}

/// snow's next handshake message, with `payload` inside.
fn write(state: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 1024];
    let length = state.write_message(payload, &mut message).unwrap();
    message.truncate(length);
    message
}

/// Gives snow a handshake message without a payload.
fn read(state: &mut HandshakeState, message: &[u8]) -> Result<(), snow::Error> {
    state.read_message(message, &mut [0; 1024]).map(|length| assert_eq!(length, 0))
}

/// A finished handshake of snow's must be the same as ours.
fn same(ours: &Established, role: Role, snows: &mut HandshakeState) {
    assert!(snows.is_handshake_finished());
    assert_eq!(snows.get_handshake_hash(), ours.hash.0);
    let (to_phone, to_client) = snows.dangerously_get_raw_split();
    let (sending, receiving) = match role {
        Role::Client => (to_phone, to_client),
        Role::Phone => (to_client, to_phone),
    };
    assert_eq!((ours.sending.expose(), ours.receiving.expose()), (&sending, &receiving));
}

/// The padding of CTAP 2.2, written a second time.
fn padded(message: &[u8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    let zeros = PADDING_UNIT - 1 - message.len() % PADDING_UNIT;
    padded.extend(std::iter::repeat_n(0, zeros));
    padded.push(zeros.try_into().unwrap());
    padded
}

/// Messages of many lengths both ways between our crypter and snow's.
fn talk(established: Established, mut snow: TransportState, rng: &mut SeededRng) {
    let mut ours = Crypter::new(established.sending, established.receiving);
    for round in 0..40 {
        let mut message = vec![0; usize::try_from(rng.below(1 + round * 32)).unwrap()];
        let mut buffer = vec![0; 4096];

        rng.fill_bytes(&mut message);
        let sealed = ours.seal(&[&message]).unwrap();
        let length = snow.read_message(&sealed, &mut buffer).unwrap();
        assert_eq!(buffer[..length], padded(&message));

        rng.fill_bytes(&mut message);
        let length = snow.write_message(&padded(&message), &mut buffer).unwrap();
        assert_eq!(ours.open(buffer[..length].to_vec()).unwrap().expose(), message);
    }
}

fn flipped(message: &[u8], position: usize, bit: usize) -> Vec<u8> {
    let mut flipped = message.to_vec();
    flipped[position] ^= 1 << bit;
    flipped
}

#[test]
fn both_write_the_same_bytes_and_split_into_the_same_keys() {
    for case in Case::all() {
        let (client, first) = case.our_client();
        let (phone, second) = case.our_phone().respond(&first).unwrap();
        let client = client.finish(&second).unwrap();

        let (mut snow_client, mut snow_phone) = (case.snows(Role::Client), case.snows(Role::Phone));
        assert_eq!(write(&mut snow_client, &[]), first);
        read(&mut snow_phone, &first).unwrap();
        assert_eq!(write(&mut snow_phone, &[]), second);
        read(&mut snow_client, &second).unwrap();
        same(&client, Role::Client, &mut snow_client);
        same(&phone, Role::Phone, &mut snow_phone);
    }
}

#[test]
fn our_client_talks_to_snows_phone() {
    for (case, seed) in Case::all().zip(1000..) {
        let (client, first) = case.our_client();
        let mut phone = case.snows(Role::Phone);
        read(&mut phone, &first).unwrap();
        let client = client.finish(&write(&mut phone, &[])).unwrap();
        assert_eq!(phone.get_handshake_hash(), client.hash.0);
        talk(client, phone.into_transport_mode().unwrap(), &mut SeededRng::new(seed));
    }
}

#[test]
fn snows_client_talks_to_our_phone() {
    for (case, seed) in Case::all().zip(2000..) {
        let mut client = case.snows(Role::Client);
        let (phone, second) = case.our_phone().respond(&write(&mut client, &[])).unwrap();
        read(&mut client, &second).unwrap();
        assert_eq!(client.get_handshake_hash(), phone.hash.0);
        talk(phone, client.into_transport_mode().unwrap(), &mut SeededRng::new(seed));
    }
}

#[test]
fn both_refuse_each_message_with_any_bit_flipped() {
    for pattern in Pattern::BOTH {
        let case = Case::new(pattern, 7);
        let (_, first) = case.our_client();
        let (_, second) = case.our_phone().respond(&first).unwrap();
        for position in 0..HANDSHAKE_MESSAGE_LENGTH {
            for bit in 0..8 {
                let wrong = flipped(&first, position, bit);
                let refused = case.our_phone().respond(&wrong).unwrap_err();
                assert!(!matches!(refused, HandshakeError::Length(_)), "{refused}");
                read(&mut case.snows(Role::Phone), &wrong).unwrap_err();

                let wrong = flipped(&second, position, bit);
                let refused = case.our_client().0.finish(&wrong).unwrap_err();
                assert!(!matches!(refused, HandshakeError::Length(_)), "{refused}");
                let mut client = case.snows(Role::Client);
                write(&mut client, &[]);
                read(&mut client, &wrong).unwrap_err();
            }
        }
    }
}

#[test]
fn both_refuse_a_peer_that_knows_anything_else() {
    for pattern in Pattern::BOTH {
        let case = Case::new(pattern, 8);
        let unlike = Case::new(pattern, 9);
        let others = [
            ("psk", Case { psk: unlike.psk, ..case.clone() }),
            ("identity", Case { identity: unlike.identity, ..case.clone() }),
            ("pattern", Case { pattern: pattern.other(), ..case.clone() }),
            ("prologue", Case { prologue: pattern.other().prologue().to_vec(), ..case.clone() }),
        ];
        for (what, other) in others {
            refused(what, case.our_phone().respond(&write(&mut other.snows(Role::Client), &[])));
            if what != "prologue" {
                // Ours always has the prologue of its pattern.
                let (_, first) = other.our_client();
                refused(what, read(&mut case.snows(Role::Phone), &first));
            }
        }
    }
}

fn refused<T: Debug, E: Debug>(what: &str, answer: Result<T, E>) {
    assert!(answer.is_err(), "another {what}: {answer:?}");
}

#[test]
fn we_refuse_the_payload_that_noise_allows() {
    for pattern in Pattern::BOTH {
        let case = Case::new(pattern, 10);
        let too_long = HANDSHAKE_MESSAGE_LENGTH + 1;

        let first = write(&mut case.snows(Role::Client), &[0]);
        let refused = case.our_phone().respond(&first).unwrap_err();
        assert_eq!(refused, HandshakeError::Length(too_long));

        let (client, first) = case.our_client();
        let mut phone = case.snows(Role::Phone);
        read(&mut phone, &first).unwrap();
        let refused = client.finish(&write(&mut phone, &[0])).unwrap_err();
        assert_eq!(refused, HandshakeError::Length(too_long));
    }
}
