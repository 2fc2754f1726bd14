//! Enumerations in a relying party's options [WebAuthn L3 §5.4.4, §5.4.5, §5.4.6, §5.4.7].
//!
//! In JSON and in Web IDL they are texts. An unknown value is ignored, as if it were absent
//! [WebAuthn L3 §2.1.1]; `mediation` is an exception, which its reader knows.

/// How much a relying party wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// It will not do without.
    Required,
    /// It would like it.
    Preferred,
    /// It would rather not.
    Discouraged,
}

impl Requirement {
    /// Ignores unknown values, as if they were absent [WebAuthn L3 §2.1.1].
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "required" => Self::Required,
            "preferred" => Self::Preferred,
            "discouraged" => Self::Discouraged,
            _ => return None,
        })
    }
}

/// Whether a relying party wants to know what made the passkey [WebAuthn L3 §5.4.7].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AttestationPreference {
    /// No.
    #[default]
    None,
    /// An attestation is wanted; a third party may have made it anonymous.
    Indirect,
    /// As the authenticator states it.
    Direct,
    /// One that may name the very device. It is asked for as `Direct`: a
    /// statement like that takes an agreement with the browser's maker.
    Enterprise,
}

impl AttestationPreference {
    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "indirect" => Self::Indirect,
            "direct" => Self::Direct,
            "enterprise" => Self::Enterprise,
            _ => Self::None,
        }
    }
}

/// The authenticators that a relying party prefers [WebAuthn L3 §5.4.5].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticatorAttachment {
    /// `platform`: that of the client's device.
    Platform,
    /// `cross-platform`: any that can be used with several devices, as a phone can.
    CrossPlatform,
}

impl AuthenticatorAttachment {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "platform" => Self::Platform,
            "cross-platform" => Self::CrossPlatform,
            _ => return None,
        })
    }
}

/// How far the user is involved: `mediation`, beside `publicKey` (Credential Management
/// Level 1, "Mediation Requirements").
///
/// This client shows a QR code whatever it says. A program that cannot do what a relying
/// party asks for, such as a choice among passkeys in a form (`conditional`), does not begin a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mediation {
    /// `silent`: without asking the user.
    Silent,
    /// `optional`, the default.
    Optional,
    /// `conditional`: offered where the user signs in, such as in a form.
    Conditional,
    /// `required`: the user is asked each time.
    Required,
}

impl Mediation {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "silent" => Self::Silent,
            "optional" => Self::Optional,
            "conditional" => Self::Conditional,
            "required" => Self::Required,
            _ => return None,
        })
    }
}
