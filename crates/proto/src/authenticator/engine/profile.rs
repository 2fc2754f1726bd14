//! The description of an authenticator, and its getInfo
//! [CTAP 2.2 §6.4]. The clients see it right after the handshake.
//!
//! It lists what Chromium's phone lists, and no more than is there: `prf` as the
//! one extension, no PIN protocol, no resetting. `FIDO_2_1` promises
//! authenticatorSelection, which Chromium sends to phones too. The limits of
//! requests are listed as well: without them clients assume 1,024 bytes
//! ([CTAP 2.2 §6.4], "maxMsgSize"), which 10 credential ids exceed.

use std::collections::BTreeMap;

use super::key::NewKeys;
use super::passkey::Backup;
use super::user_check::UserVerification;
use crate::ctap::bounds::MAX_CREDENTIALS;
use crate::ctap::extensions::PRF;
use crate::ctap::{
    Aaguid, Algorithm, CredentialId, CredentialParameters, FIDO_2_0, FIDO_2_1, GetInfoResponse,
    option, transport,
};

/// The longest request that clients may send, in bytes: `maxMsgSize`. Clients
/// that are built on a Noise library cannot send a longer one.
pub const MAX_MESSAGE_SIZE: usize = 65_486;

/// Which attestation new passkeys get where the request has no preference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attestation {
    /// `none`: no statement.
    #[default]
    None,
    /// `packed`, signed by the new passkey itself [WebAuthn L3 §8.2]: it
    /// shows that the authenticator data were not changed on the way, and
    /// vouches for no model.
    Packed,
}

/// The description of an authenticator: its model and abilities.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// Its model. Relying parties and browsers show names for the models they know.
    pub aaguid: Aaguid,
    /// The attestation of new passkeys.
    pub attestation: Attestation,
    /// Whether new passkeys can leave the device: a property of the store.
    pub backup: Backup,
    /// Where the keys of new passkeys are made.
    pub new_keys: NewKeys,
    /// The highest level that the user check can verify. An authenticator that cannot
    /// verify users has no PRF for them either.
    pub capability: UserVerification,
    /// The getInfo that tests send in place of the true one.
    #[cfg(feature = "stated-get-info")]
    stated: Option<GetInfoResponse>,
}

impl Default for Profile {
    /// A model that tells nothing, as Chromium's phone: passkeys bound to the
    /// device, no attestation, users verified.
    fn default() -> Self {
        Self {
            aaguid: Aaguid::ZERO,
            attestation: Attestation::None,
            backup: Backup::DeviceBound,
            new_keys: NewKeys::Software,
            capability: UserVerification::Verified,
            #[cfg(feature = "stated-get-info")]
            stated: None,
        }
    }
}

impl Profile {
    /// Has getInfo say this in place of the truth.
    #[cfg(feature = "stated-get-info")]
    pub fn state_get_info_for_testing_only(&mut self, info: GetInfoResponse) {
        self.stated = Some(info);
    }

    /// The getInfo response.
    #[must_use]
    pub fn get_info(&self) -> GetInfoResponse {
        #[cfg(feature = "stated-get-info")]
        if let Some(stated) = &self.stated {
            return stated.clone();
        }
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut info = GetInfoResponse::new(owned(&[FIDO_2_0, FIDO_2_1]), self.aaguid);
        info.options = BTreeMap::from([(option::RK.to_owned(), true)]);
        // Absent means: not on this device. `false` would mean: not set up.
        if self.capability == UserVerification::Verified {
            info.options.insert(option::UV.to_owned(), true);
            info.extensions = owned(&[PRF]);
        }
        info.max_message_size = Some(MAX_MESSAGE_SIZE as u64);
        info.max_credential_count_in_list = Some(MAX_CREDENTIALS as u64);
        info.max_credential_id_length = Some(CredentialId::MAX_LENGTH as u64);
        info.transports = owned(&[transport::HYBRID, transport::INTERNAL]);
        info.algorithms = vec![CredentialParameters::new(Algorithm::ES256)];
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_info_lists_no_more_than_is_there() {
        let info = Profile::default().get_info();
        assert_eq!(info.versions, ["FIDO_2_0", "FIDO_2_1"]);
        assert_eq!((info.option("rk"), info.option("uv")), (Some(true), Some(true)));
        assert_eq!(info.options.len(), 2);
        assert_eq!(info.extensions, ["prf"]);
        assert_eq!(info.transports, ["hybrid", "internal"]);
        assert_eq!(info.aaguid, Aaguid::ZERO);
        assert_eq!(info.max_message_size, Some(65_486));
        assert_eq!(info.max_credential_count_in_list, Some(2_000));
        assert_eq!(info.max_credential_id_length, Some(1_023));
    }

    #[test]
    fn verification_and_what_needs_it_are_listed_only_where_there_is_any() {
        let profile = Profile { capability: UserVerification::Present, ..Profile::default() };
        let info = profile.get_info();
        assert_eq!(info.option("uv"), None);
        assert!(info.extensions.is_empty());
    }
}
