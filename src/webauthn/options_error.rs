//! What can be wrong with a site's options.

use super::rp_id::RpIdError;

/// Length of options in bytes. A request of 64 KiB, the most that phones take,
/// is a third longer in base64 and has short members around; this leaves room
/// for twice that.
pub const MAX_OPTIONS: usize = 256 * 1024;

/// What is wrong with a site's options. The site is at fault, or the program
/// that handed them on for another origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// More than [`MAX_OPTIONS`] bytes.
    #[error("the options are longer than {MAX_OPTIONS} bytes")]
    TooLong,
    /// Not JSON, or not an object.
    #[error("the options are no JSON object")]
    Json,
    /// A member that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member of another type than it must have.
    #[error("{member} is not {expected}")]
    Type {
        /// Which member.
        member: &'static str,
        /// What it must be.
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
    /// A member that requires what this client does not have, such as large
    /// blobs.
    #[error("{0} requires what this client does not support")]
    Unsupported(&'static str),
    /// The RP ID, or the origin that would use it.
    #[error(transparent)]
    RpId(#[from] RpIdError),
}
