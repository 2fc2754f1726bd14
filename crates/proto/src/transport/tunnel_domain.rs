//! Tunnel service domains: [CTAP 2.2 §11.5.1.2].
//!
//! An advert names its tunnel service by 16 bits: a place in a short list of
//! assigned names, or (256 and above) a number that is hashed into a name.

use crate::crypto::sha256;

/// The assigned domains, in the order of their numbers: Google's and Apple's.
pub const ASSIGNED_DOMAINS: [&str; 2] = ["cable.ua5v.com", "cable.auth.com"];

/// Numbers from here on are hashed; those below and not assigned are invalid.
pub const FIRST_HASHED_DOMAIN: u16 = 256;

/// A tunnel service, by the number that an advert carries.
///
/// The number determines the host name: no authenticator can choose that freely. The
/// operator of a service tries numbers from [`FIRST_HASHED_DOMAIN`] on until the name is
/// one that can be registered, registers it, and runs `fido-hybrid-relay` there:
///
/// ```
/// # use fido_hybrid_proto::transport::TunnelDomain;
///
/// let domain = TunnelDomain::from_encoded(300).ok_or("neither assigned nor hashed")?;
/// assert_eq!(domain.host(), "cable.mv2gnuwgd7fwb.net");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TunnelDomain(u16);

impl TunnelDomain {
    /// Google's service, `cable.ua5v.com`.
    pub const GOOGLE: Self = Self(0);
    /// Apple's service, `cable.auth.com`.
    pub const APPLE: Self = Self(1);

    /// Takes the number as an advert carries it; `None` for one that is
    /// neither assigned nor hashed.
    #[must_use]
    pub fn from_encoded(encoded: u16) -> Option<Self> {
        let assigned = usize::from(encoded) < ASSIGNED_DOMAINS.len();
        (assigned || encoded >= FIRST_HASHED_DOMAIN).then_some(Self(encoded))
    }

    /// The number as an advert carries it.
    #[must_use]
    pub const fn encoded(self) -> u16 {
        self.0
    }

    /// Whether this is one of the assigned names rather than a hashed one.
    #[must_use]
    pub const fn is_assigned(self) -> bool {
        self.0 < FIRST_HASHED_DOMAIN
    }

    /// The host name.
    #[must_use]
    pub fn host(self) -> String {
        match ASSIGNED_DOMAINS.get(usize::from(self.0)) {
            Some(name) => (*name).to_owned(),
            None => hashed(self.0),
        }
    }
}

fn hashed(encoded: u16) -> String {
    const PHRASE: &[u8] = b"caBLEv2 tunnel server domain";
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    const TOP_LEVEL: [&str; 4] = [".com", ".org", ".net", ".info"];

    let digest = sha256(&[PHRASE, &encoded.to_le_bytes(), &[0]]);
    let mut bits =
        digest.iter().take(8).rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let top_level = TOP_LEVEL.get((bits & 3) as usize).copied().unwrap_or_default();
    bits >>= 2;
    let mut name = String::from("cable.");
    while bits != 0 {
        name.extend(LETTERS.get((bits & 31) as usize).copied().map(char::from));
        bits >>= 5;
    }
    name + top_level
}
