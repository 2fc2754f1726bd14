//! Answers of phones that are wrong in one field each, and the error that names the
//! field. Each is made from a right answer by one change.
//!
//! Clauses: [WebAuthn L3 §5.1.3, §5.1.4, §6.1] [CTAP 2.2 §6.1, §6.2, §8.1].

use std::collections::BTreeMap;

use fido_hybrid::cbor::{CborError, Writer, encode};
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::ctap::extensions::CredProtect;
use fido_hybrid::ctap::{
    Aaguid, Algorithm, CoseKey, CredentialDescriptor, CredentialId, CredentialParameters,
    GetInfoResponse, User, UserHandle,
};
use fido_hybrid::error::{PeerMisbehaved, ResponseMismatch};
use fido_hybrid::transport::MessageType;
use fido_hybrid::webauthn::{CreationOptions, Origin, RequestOptions, Requirement};

/// The relying party that asks.
const RP_ID: &str = "example.com";
/// The passkey that answers.
const ID: [u8; 16] = [0xc1; 16];
/// Another passkey.
const OTHER_ID: [u8; 16] = [0xc2; 16];

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;

const EMPTY_MAP: u8 = 0xa0;

/// The request that a row's answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A registration with verification, for three algorithms.
    Registration,
    /// The same, for a passkey that verification protects.
    ProtectedRegistration,
    /// A sign-in with verification, with the passkey `ID`.
    SignIn,
    /// The same, with one of two passkeys.
    SignInWithOneOfTwo,
    /// The same, with any passkey.
    SignInWithAny,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Registration,
        Self::ProtectedRegistration,
        Self::SignIn,
        Self::SignInWithOneOfTwo,
        Self::SignInWithAny,
    ];

    /// The relying party's options, as they are prepared or as a client takes them.
    #[must_use]
    pub fn options(self) -> Options {
        let descriptor = |id| CredentialDescriptor::new(CredentialId::new(id).unwrap());
        let allowed = match self {
            Self::Registration | Self::ProtectedRegistration => {
                let user = User::new(UserHandle::new([7]).unwrap(), "ada", "Ada");
                let algorithms = [Algorithm::ES256, Algorithm::EDDSA, Algorithm::RS256];
                let parameters = algorithms.map(CredentialParameters::new).to_vec();
                let mut options = CreationOptions::new([1; 16], "Example", user, parameters);
                options.user_verification = Requirement::Required;
                if self == Self::ProtectedRegistration {
                    options.extensions.cred_protect = Some(CredProtect::VerificationRequired);
                }
                return Options::Create(options);
            }
            Self::SignIn => vec![descriptor(ID)],
            Self::SignInWithOneOfTwo => vec![descriptor(OTHER_ID), descriptor(ID)],
            Self::SignInWithAny => Vec::new(),
        };
        let mut options = RequestOptions::new([1; 16]);
        options.user_verification = Requirement::Required;
        options.allow_credentials = allowed;
        Options::Get(options)
    }

    /// The answer of a phone that does as it is asked.
    #[must_use]
    pub fn right_answer(self) -> Answer {
        match self {
            Self::Registration => Answer::registration(),
            Self::ProtectedRegistration => Answer {
                flags: USER_PRESENT | USER_VERIFIED | ATTESTED | EXTENSIONS,
                signed: Some(outputs("credProtect", |writer| writer.unsigned(3))),
                ..Answer::registration()
            },
            Self::SignIn | Self::SignInWithOneOfTwo => Answer::sign_in(),
            Self::SignInWithAny => {
                let mut answer = Answer::sign_in();
                let user = User::from_handle(UserHandle::new([7]).unwrap());
                answer.members.insert(4, encode(&user));
                answer
            }
        }
    }
}

/// What a relying party asks.
#[derive(Clone, Debug)]
pub enum Options {
    Create(CreationOptions),
    Get(RequestOptions),
}

/// The origin that asks.
#[must_use]
pub fn origin() -> Origin {
    Origin::parse(&format!("https://{RP_ID}")).unwrap()
}

/// A phone that can do all that is asked.
#[must_use]
pub fn get_info() -> GetInfoResponse {
    let mut phone = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid::ZERO);
    phone.options = [("rk".to_owned(), true), ("uv".to_owned(), true)].into();
    phone.extensions = ["prf", "credProtect"].map(str::to_owned).to_vec();
    phone
}

/// An answer in its parts.
#[derive(Clone, Debug)]
pub struct Answer {
    rp_id: &'static str,
    flags: u8,
    /// The length of the credential id that stands before it.
    id_length: u16,
    /// Id and public key, in a registration.
    credential: Option<(Vec<u8>, Vec<u8>)>,
    /// Signed extension outputs.
    signed: Option<Vec<u8>>,
    /// The members in CBOR, without the authenticator data unless it is replaced.
    members: BTreeMap<i64, Vec<u8>>,
    /// After the map.
    tail: Vec<u8>,
    /// The length at which the message is cut.
    cut: Option<usize>,
}

impl Answer {
    fn registration() -> Self {
        Self {
            rp_id: RP_ID,
            flags: USER_PRESENT | USER_VERIFIED | ATTESTED,
            id_length: 16,
            credential: Some((ID.to_vec(), es256())),
            signed: None,
            members: [(1, item(|writer| writer.text("none"))), (3, vec![EMPTY_MAP])].into(),
            tail: Vec::new(),
            cut: None,
        }
    }

    fn sign_in() -> Self {
        let signature = item(|writer| writer.bytes(&[0x30; 70]));
        Self {
            flags: USER_PRESENT | USER_VERIFIED,
            credential: None,
            members: [(1, descriptor(&ID)), (3, signature)].into(),
            ..Self::registration()
        }
    }

    /// The message's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut data = sha256(&[self.rp_id.as_bytes()]).to_vec();
        data.extend([self.flags, 0, 0, 0, 0]);
        if let Some((id, key)) = &self.credential {
            data.extend([0; 16]);
            data.extend(self.id_length.to_be_bytes());
            data.extend([&id[..], key].concat());
        }
        data.extend(self.signed.iter().flatten());
        let mut members = self.members.clone();
        members.entry(2).or_insert_with(|| item(|writer| writer.bytes(&data)));
        let map = item(|writer| {
            writer.map(|map| {
                for (key, value) in &members {
                    map.integer(*key, |writer| writer.raw(value));
                }
            });
        });
        let mut bytes = [&[0], &map[..], &self.tail].concat();
        bytes.truncate(self.cut.unwrap_or(bytes.len()));
        bytes
    }

    fn flag(&mut self, flag: u8) {
        self.flags |= flag;
    }

    fn no_flag(&mut self, flag: u8) {
        self.flags &= !flag;
    }

    fn key(&mut self, key: Vec<u8>) {
        self.credential = Some((ID.to_vec(), key));
    }

    fn outputs(&mut self, outputs: Vec<u8>) {
        self.flag(EXTENSIONS);
        self.signed = Some(outputs);
    }

    fn member(&mut self, key: i64, value: Vec<u8>) {
        self.members.insert(key, value);
    }

    fn without(&mut self, key: i64) {
        self.members.remove(&key).unwrap();
    }
}

fn item(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

fn outputs(name: &str, value: impl FnOnce(&mut Writer)) -> Vec<u8> {
    item(|writer| writer.map(|map| map.text(name, value)))
}

fn prf_of_31_bytes() -> Vec<u8> {
    outputs("prf", |writer| {
        writer.map(|map| {
            map.text("results", |writer| {
                writer.map(|map| map.text("first", |writer| writer.bytes(&[7; 31])));
            });
        });
    })
}

fn descriptor(id: &[u8]) -> Vec<u8> {
    encode(&CredentialDescriptor::new(CredentialId::new(id).unwrap()))
}

fn user(id: &[u8]) -> Vec<u8> {
    encode(&User::from_handle(UserHandle::new(id).unwrap()))
}

fn number(number: u64) -> Vec<u8> {
    item(|writer| writer.unsigned(number))
}

fn es256() -> Vec<u8> {
    let key = SecretKey::from_scalar(&[0x42; 32]).unwrap();
    encode(&CoseKey::from_es256(key.public_key()))
}

/// A COSE key of integers and byte strings.
fn cose(integers: &[(i64, i64)], strings: &[(i64, usize)]) -> Vec<u8> {
    item(|writer| {
        writer.map(|map| {
            for (key, value) in integers {
                map.integer(*key, |writer| writer.integer(*value));
            }
            for (key, length) in strings {
                map.integer(*key, |writer| writer.bytes(&vec![7; *length]));
            }
        });
    })
}

/// An answer that is wrong in one field.
pub struct WrongAnswer {
    /// The field, and what is wrong.
    pub field: &'static str,
    /// The request that it is to.
    pub asked: Asked,
    /// The error that the client gives.
    pub error: PeerMisbehaved,
    kind: MessageType,
    change: fn(&mut Answer),
}

impl WrongAnswer {
    const fn new(
        asked: Asked,
        field: &'static str,
        error: PeerMisbehaved,
        change: fn(&mut Answer),
    ) -> Self {
        Self { field, asked, error, kind: MessageType::Ctap, change }
    }

    /// In a message of another type.
    const fn of_kind(asked: Asked, field: &'static str, kind: MessageType) -> Self {
        let error = PeerMisbehaved::UnexpectedMessage(kind);
        Self { field, asked, error, kind, change: |_| {} }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> (MessageType, Vec<u8>) {
        let mut answer = self.asked.right_answer();
        (self.change)(&mut answer);
        (self.kind, answer.bytes())
    }
}

const fn mismatch(mismatch: ResponseMismatch) -> PeerMisbehaved {
    PeerMisbehaved::ResponseMismatch(mismatch)
}

const fn unreadable(error: CborError) -> PeerMisbehaved {
    PeerMisbehaved::Response(error)
}

/// Every field that a client checks, wrong.
#[must_use]
pub fn wrong_answers() -> Vec<WrongAnswer> {
    use Asked::{ProtectedRegistration, Registration, SignIn, SignInWithAny, SignInWithOneOfTwo};
    use ResponseMismatch as Mismatch;
    let row = WrongAnswer::new;
    let mut rows = Vec::new();
    for asked in [Registration, SignIn, SignInWithAny] {
        rows.extend([
            row(asked, "RP ID hash: another's", mismatch(Mismatch::RelyingParty), |answer| {
                answer.rp_id = "example.org";
            }),
            row(asked, "RP ID hash: its parent's", mismatch(Mismatch::RelyingParty), |answer| {
                answer.rp_id = "com";
            }),
            row(asked, "UP: not set", mismatch(Mismatch::UserPresence), |answer| {
                answer.no_flag(USER_PRESENT);
            }),
            row(asked, "UV: not set", mismatch(Mismatch::UserVerification), |answer| {
                answer.no_flag(USER_VERIFIED);
            }),
            row(asked, "ED: set without outputs", unreadable(CborError::UnexpectedEnd), |answer| {
                answer.flag(EXTENSIONS);
            }),
            row(asked, "ED: outputs without it", unreadable(CborError::TrailingBytes), |answer| {
                answer.signed = Some(vec![EMPTY_MAP]);
            }),
            row(
                asked,
                "signed outputs: not a map",
                unreadable(CborError::Expected("a map")),
                |answer| answer.outputs(vec![0x80]),
            ),
            row(asked, "signed outputs: not asked for", mismatch(Mismatch::Extensions), |answer| {
                answer.outputs(outputs("future", |writer| writer.boolean(true)));
            }),
            row(asked, "signed outputs: a PRF", mismatch(Mismatch::Extensions), |answer| {
                answer.outputs(outputs("hmac-secret", |writer| writer.boolean(true)));
            }),
            row(
                asked,
                "authenticator data: cut",
                unreadable(CborError::Invalid("the length of the authenticator data")),
                |answer| answer.member(2, item(|writer| writer.bytes(&[0; 36]))),
            ),
            row(asked, "map: bytes behind it", unreadable(CborError::TrailingBytes), |answer| {
                answer.tail = vec![0];
            }),
            row(asked, "message: empty", PeerMisbehaved::EmptyResponse, |answer| {
                answer.cut = Some(0);
            }),
            row(asked, "message: a status alone", unreadable(CborError::UnexpectedEnd), |answer| {
                answer.cut = Some(1);
            }),
            WrongAnswer::of_kind(asked, "message: JSON", MessageType::Json),
        ]);
    }
    rows.extend([
        row(Registration, "AT: not set", unreadable(CborError::TrailingBytes), |answer| {
            answer.no_flag(ATTESTED);
        }),
        row(
            Registration,
            "AT: set without a credential",
            unreadable(CborError::Invalid("the length of the authenticator data")),
            |answer| answer.credential = None,
        ),
        row(
            Registration,
            "credential: missing",
            unreadable(CborError::Missing("the new credential in the authenticator data")),
            |answer| {
                answer.no_flag(ATTESTED);
                answer.credential = None;
            },
        ),
        row(Registration, "credential id: empty", mismatch(Mismatch::NoCredential), |answer| {
            answer.id_length = 0;
            answer.credential = Some((Vec::new(), es256()));
        }),
        row(
            Registration,
            "credential id: longer than the data",
            unreadable(CborError::Invalid("the length of the authenticator data")),
            |answer| answer.id_length = 1000,
        ),
        row(Registration, "algorithm: not offered", mismatch(Mismatch::Algorithm), |answer| {
            answer.key(cose(&[(1, 2), (3, -35), (-1, 2)], &[(-2, 48), (-3, 48)]));
        }),
        row(
            Registration,
            "public key: without an algorithm",
            unreadable(CborError::Missing("the public key's algorithm")),
            |answer| answer.key(cose(&[(1, 2)], &[])),
        ),
        row(
            Registration,
            "public key: a point off its curve",
            unreadable(CborError::Invalid("the public key")),
            |answer| answer.key(cose(&[(1, 2), (3, -7), (-1, 1)], &[(-2, 32), (-3, 32)])),
        ),
        row(Registration, "public key: EC2 for EdDSA", mismatch(Mismatch::PublicKey), |answer| {
            answer.key(cose(&[(1, 2), (3, -8), (-1, 6)], &[(-2, 32)]))
        }),
        row(
            Registration,
            "public key: EdDSA of 31 bytes",
            mismatch(Mismatch::PublicKey),
            |answer| answer.key(cose(&[(1, 1), (3, -8), (-1, 6)], &[(-2, 31)])),
        ),
        row(Registration, "public key: EC2 for RS256", mismatch(Mismatch::PublicKey), |answer| {
            answer.key(cose(&[(1, 2), (3, -257), (-1, 1)], &[(-2, 32), (-3, 32)]));
        }),
        row(
            Registration,
            "public key: RSA without an exponent",
            mismatch(Mismatch::PublicKey),
            |answer| answer.key(cose(&[(1, 3), (3, -257)], &[(-1, 256)])),
        ),
        row(
            Registration,
            "format: missing",
            unreadable(CborError::Missing("the attestation format")),
            |answer| answer.without(1),
        ),
        row(
            Registration,
            "statement: not a map",
            unreadable(CborError::Expected("a map as the attestation statement")),
            |answer| answer.member(3, vec![0x80]),
        ),
        row(
            Registration,
            "authenticator data: a sign-in's",
            unreadable(CborError::Missing("the new credential in the authenticator data")),
            |answer| {
                *answer =
                    Answer { members: answer.members.clone(), ..Asked::SignIn.right_answer() };
            },
        ),
        row(
            Registration,
            "unsigned outputs: a PRF output of 31 bytes",
            unreadable(CborError::Invalid("the length of a PRF value")),
            |answer| answer.member(6, prf_of_31_bytes()),
        ),
        row(ProtectedRegistration, "protection: less", mismatch(Mismatch::Protection), |answer| {
            answer.signed = Some(outputs("credProtect", |writer| writer.unsigned(2)));
        }),
        row(
            ProtectedRegistration,
            "protection: of no known level",
            mismatch(Mismatch::Extensions),
            |answer| answer.signed = Some(outputs("credProtect", |writer| writer.unsigned(4))),
        ),
        row(SignIn, "AT: a new credential", mismatch(Mismatch::NewCredential), |answer| {
            answer.flag(ATTESTED);
            answer.credential = Some((ID.to_vec(), es256()));
        }),
        row(
            SignIn,
            "unsigned outputs: a PRF output of 31 bytes",
            unreadable(CborError::Invalid("the length of a PRF value")),
            |answer| answer.member(8, prf_of_31_bytes()),
        ),
        row(SignIn, "passkey: not allowed", mismatch(Mismatch::Credential), |answer| {
            answer.member(1, descriptor(&OTHER_ID));
        }),
        row(SignIn, "passkey: a part of the id", mismatch(Mismatch::Credential), |answer| {
            answer.member(1, descriptor(ID.split_last().unwrap().1));
        }),
        row(SignInWithOneOfTwo, "passkey: not named", mismatch(Mismatch::Credential), |answer| {
            answer.without(1);
        }),
        row(SignInWithAny, "passkey: not named", mismatch(Mismatch::Credential), |answer| {
            answer.without(1);
        }),
        row(SignInWithAny, "passkey: an empty id", mismatch(Mismatch::Credential), |answer| {
            answer.member(1, descriptor(&[]));
        }),
        row(SignInWithAny, "user handle: missing", mismatch(Mismatch::UserHandle), |answer| {
            answer.without(4);
        }),
        row(SignInWithAny, "user handle: empty", mismatch(Mismatch::UserHandle), |answer| {
            answer.member(4, user(&[]));
        }),
        row(
            SignIn,
            "signature: missing",
            unreadable(CborError::Missing("the signature")),
            |answer| answer.without(3),
        ),
        row(SignInWithOneOfTwo, "answers: two", mismatch(Mismatch::NumberOfAnswers), |answer| {
            answer.member(5, number(2))
        }),
        row(SignInWithAny, "answers: none", mismatch(Mismatch::NumberOfAnswers), |answer| {
            answer.member(5, number(0));
        }),
        row(
            SignInWithAny,
            "selected, and one of several",
            mismatch(Mismatch::Contradiction),
            |answer| {
                answer.member(5, number(2));
                answer.member(6, item(|writer| writer.boolean(true)));
            },
        ),
    ]);
    rows
}
