//! Whether a person controls this program from another computer. Their phone is beside
//! them then, and the radio is here.

use std::env;
use std::ffi::OsString;
use std::fmt;

use fido_hybrid_proto::error::Advice;

/// A session that a person controls from another computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemoteSession {
    /// A shell over SSH: `SSH_CONNECTION` is set.
    Ssh,
    /// A desktop shown on another computer. xrdp sets `XRDP_SESSION`; Windows sets
    /// `SESSIONNAME` to `RDP-Tcp#` and a number.
    RemoteDesktop,
}

impl RemoteSession {
    /// Looks at the environment of this program. A service or a container may not have
    /// its user's variables, and a Windows program keeps those of its start. So `None` does
    /// not prove that the person is at this computer.
    #[must_use]
    pub fn detect() -> Option<Self> {
        Self::from_variables(|name| env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let is_rdp = |name| {
            let value = variable(name);
            value.is_some_and(|value| value.as_encoded_bytes().starts_with(b"RDP-"))
        };
        if is_set("XRDP_SESSION") || is_rdp("SESSIONNAME") {
            return Some(Self::RemoteDesktop);
        }
        is_set("SSH_CONNECTION").then_some(Self::Ssh)
    }

    /// A stable id: `ssh` or `remote-desktop`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::RemoteDesktop => "remote-desktop",
        }
    }

    /// What the person can do.
    #[must_use]
    pub const fn advice(self) -> Advice {
        Advice::BringThePhoneToTheComputer
    }
}

impl fmt::Display for RemoteSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Ssh => "SSH",
            Self::RemoteDesktop => "remote desktop",
        };
        write!(f, "This is a session from another computer ({name}). {}", self.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(variables: &[(&str, &str)]) -> Option<RemoteSession> {
        RemoteSession::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn a_session_from_another_computer_is_detected_by_its_variables() {
        const SSH: (&str, &str) = ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
        let desktop = Some(RemoteSession::RemoteDesktop);
        for (variables, session) in [
            (&[][..], None),
            (&[SSH], Some(RemoteSession::Ssh)),
            (&[("SSH_CONNECTION", "")], None),
            (&[("XRDP_SESSION", "1")], desktop),
            (&[("XRDP_SESSION", "")], None),
            (&[("SESSIONNAME", "RDP-Tcp#55")], desktop),
            (&[("SESSIONNAME", "Console")], None),
            (&[SSH, ("XRDP_SESSION", "1")], desktop),
        ] {
            assert_eq!(detected(variables), session, "{variables:?}");
        }
    }

    #[test]
    fn the_text_names_the_session_and_says_where_the_phone_must_be() {
        assert_eq!(
            RemoteSession::Ssh.to_string(),
            "This is a session from another computer (SSH). Bring the phone to the computer that \
             runs this program."
        );
    }
}
