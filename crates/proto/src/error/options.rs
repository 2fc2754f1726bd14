//! Errors of a relying party's options.

/// Length of options in bytes. A request of 64 KiB, the most that phones take,
/// is a third longer in base64 and has short members around; this leaves room
/// for twice that.
pub const MAX_OPTIONS: usize = 256 * 1024;

/// The member by which a relying party asks for a PRF of each credential.
pub(crate) const PRF_BY_CREDENTIAL: &str = "extensions.prf.evalByCredential";

/// An error in a relying party's options. The relying party is at fault, or the
/// program that handed them on for another origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// More than [`MAX_OPTIONS`] bytes.
    #[error("the options are longer than {MAX_OPTIONS} bytes")]
    TooLong,
    /// Not JSON, or not an object.
    #[error("the options are not a JSON object")]
    Json,
    /// A member that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member of another type than it must have.
    #[error("{member} is not {expected}")]
    Type {
        /// The name of the member.
        member: &'static str,
        /// The type that it must have.
        expected: &'static str,
    },
    /// A member that is no base64.
    #[error("{0} is not base64")]
    Base64(&'static str),
    /// A member whose bytes are too few or too many.
    #[error("{0} has an invalid length")]
    Length(&'static str),
    /// A list that is longer than any request can be.
    #[error("{0} has too many elements")]
    TooMany(&'static str),
    /// A list that names only what no client knows. Reading it as empty would
    /// make it mean something else.
    #[error("{0} has no element of a known type")]
    NothingKnown(&'static str),
    /// A list whose ids are all longer than a credential id can be (1,023
    /// bytes). Reading it as empty would allow any passkey.
    #[error("{0} has only ids that no passkey can have")]
    NoPossibleId(&'static str),
    /// `prf.evalByCredential` for a credential that `allowCredentials` does not
    /// have.
    #[error("prf.evalByCredential names a credential that is not allowed")]
    EvalByCredential,
    /// `prf.evalByCredential` where no credential is named: in a registration,
    /// or without `allowCredentials`.
    #[error("there are no credentials for prf.evalByCredential")]
    NothingToEvalBy,
    /// A member that requires what this client does not have, such as a protection
    /// policy of a later version.
    #[error("{0} requires what this client does not support")]
    Unsupported(&'static str),
    /// An extension for an authenticator of the client's own device.
    #[error("{0} cannot be had from a phone")]
    NotOnPhones(&'static str),
    /// A member that belongs into a sign-in, in a registration, or the other way round.
    #[error("{0} does not belong in this kind of request")]
    OtherCeremony(&'static str),
    /// `largeBlob` with both `read` and `write`.
    #[error("extensions.largeBlob reads and writes at once")]
    LargeBlobReadAndWrite,
    /// `largeBlob.write` where `allowCredentials` does not have exactly one passkey.
    #[error("extensions.largeBlob.write needs exactly one allowed passkey")]
    LargeBlobCredentials,
    /// A member that must be a URL.
    #[error("{0} is not a URL")]
    Url(&'static str),
    /// An application id of another domain than the origin's.
    #[error("{0} is of another domain than the origin")]
    AppId(&'static str),
    /// Client data that the program brought and that is not a JSON object with `type`,
    /// `challenge` and `origin`, or whose `type` is that of the other operation. The program
    /// is at fault.
    #[error("the client data of the program is not that of this operation")]
    ClientData,
    /// The RP ID, or the origin that would use it.
    #[error(transparent)]
    RpId(#[from] RpIdError),
}

/// Why an origin may not use an RP ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RpIdError {
    /// The RP ID is no domain.
    #[error("the RP ID is {0}")]
    Domain(#[source] DomainError),
    /// The origin's host is neither the RP ID nor below it.
    #[error("the origin is not within the RP ID's domain")]
    OtherDomain,
    /// The RP ID is a public suffix, below which all can register domains.
    #[error("the RP ID is a public suffix")]
    PublicSuffix,
}

/// Why a text is no domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Empty, too long, an empty label, or characters that no name has.
    #[error("not a domain name")]
    Syntax,
    /// Upper case, other scripts, or a dot at the end. A browser would spell
    /// it otherwise or treat it as another name.
    #[error("not in the form that origins have: lower case, ASCII, no dot at the end")]
    NotCanonical,
    /// An IP address: no RP ID can be one ([WebAuthn L3 §4], "RP ID").
    #[error("an IP address")]
    IpAddress,
}

/// Why a text is no origin that may ask. The program is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// Neither `https`, nor `http` of `localhost` or a name below it: not a
    /// secure context.
    #[error("the origin is neither https nor http on localhost")]
    Scheme,
    /// More than scheme, host and port: user info, a path, a query, a fragment.
    #[error("the origin has more than scheme, host and port")]
    NotOnlyOrigin,
    /// The host. It may be an IP address; these cannot be used, since they have no
    /// RP ID.
    #[error("the origin's host is {0}")]
    Host(#[source] DomainError),
    /// The port: not a number from 1 to 65,535 in plain digits.
    #[error("the origin's port is invalid")]
    Port,
    /// The scheme's own port, which origins leave out.
    #[error("the origin names its scheme's own port")]
    DefaultPort,
}
