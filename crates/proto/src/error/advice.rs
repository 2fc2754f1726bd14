//! Advice for the person when something fails.

use std::fmt;

/// Advice for the user. `Display` is a sentence or two for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing: the ceremony was cancelled.
    Nothing,
    /// Try again.
    TryAgain,
    /// Try again later: the tunnel service is busy.
    TryAgainLater,
    /// Try again with a new QR code.
    ScanANewCode,
    /// Try again with a new QR code: another phone was used with this one.
    AnotherPhoneWasFirst,
    /// Try again with a new QR code, then check the clocks of both devices.
    CheckBothClocks,
    /// Bring phone and computer close together, and try again.
    BringTheDevicesTogether,
    /// Bring the phone to the computer that runs this program.
    BringThePhoneToTheComputer,
    /// Try again, and answer the phone's question.
    AnswerOnThePhone,
    /// Try again, and do not cancel on the phone; or use another phone.
    ContinueOnThePhone,
    /// Unlock the phone with its PIN, and try again.
    UnlockThePhone,
    /// Check the internet connection, or log in to this network, and try again: the site's
    /// server was not reached.
    CheckTheWayToTheSite,
    /// Check the internet connection, and try again.
    CheckTheNetwork,
    /// Set this device's clock.
    CheckTheClock,
    /// Log in to this network, use another, or have the firewall's list changed.
    UseAnotherNetwork,
    /// Ask the administrator about TLS inspection.
    CheckTlsInspection,
    /// Check the proxy settings.
    CheckTheProxy,
    /// Check the user name and password for the proxy.
    CheckTheProxyPassword,
    /// Ask the administrator to allow the phone's tunnel service.
    AskTheAdministrator,
    /// Plug in a Bluetooth adapter or use another computer.
    AddBluetooth,
    /// Turn on Bluetooth.
    TurnBluetoothOn,
    /// Give this program permission to use Bluetooth.
    AllowBluetooth,
    /// Start the system's Bluetooth service.
    StartBluetooth,
    /// Turn Bluetooth off and on.
    RestartBluetooth,
    /// Close other programs that use Bluetooth.
    CloseOtherPrograms,
    /// Update the phone.
    UpdateThePhone,
    /// Update the browser or program that showed the QR code.
    UpdateTheOtherDevice,
    /// Set up the phone's screen lock.
    SetUpScreenLock,
    /// Link the phone again by a QR code.
    LinkThePhoneAgain,
    /// Choose a passkey that exists.
    UseAnotherPasskey,
    /// There is a passkey already.
    AlreadyRegistered,
    /// Delete passkeys on the phone.
    MakeRoomOnThePhone,
    /// Use another phone or computer.
    UseAnotherDevice,
    /// Tell the makers of the relying party.
    TellTheSite,
    /// Tell the makers of the program.
    ReportTheProgram,
}

impl Advice {
    /// Whether the advice is to try again, with a new QR code but the same
    /// settings, devices, network and request. Its sentence contains this advice then,
    /// and only then.
    #[must_use]
    pub const fn can_retry(self) -> bool {
        match self {
            Self::TryAgain
            | Self::TryAgainLater
            | Self::ScanANewCode
            | Self::AnotherPhoneWasFirst
            | Self::CheckBothClocks
            | Self::BringTheDevicesTogether
            | Self::AnswerOnThePhone
            | Self::ContinueOnThePhone
            | Self::UnlockThePhone
            | Self::CheckTheWayToTheSite
            | Self::CheckTheNetwork => true,
            Self::Nothing
            | Self::CheckTheClock
            | Self::UseAnotherNetwork
            | Self::CheckTlsInspection
            | Self::CheckTheProxy
            | Self::CheckTheProxyPassword
            | Self::AskTheAdministrator
            | Self::BringThePhoneToTheComputer
            | Self::AddBluetooth
            | Self::TurnBluetoothOn
            | Self::AllowBluetooth
            | Self::StartBluetooth
            | Self::RestartBluetooth
            | Self::CloseOtherPrograms
            | Self::UpdateThePhone
            | Self::UpdateTheOtherDevice
            | Self::SetUpScreenLock
            | Self::LinkThePhoneAgain
            | Self::UseAnotherPasskey
            | Self::AlreadyRegistered
            | Self::MakeRoomOnThePhone
            | Self::UseAnotherDevice
            | Self::TellTheSite
            | Self::ReportTheProgram => false,
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "There is nothing to do.",
            Self::TryAgain => "Try again.",
            Self::TryAgainLater => "Wait a minute, then try again.",
            Self::ScanANewCode => {
                "Try again: show a new QR code and scan it with the phone's camera."
            }
            Self::AnotherPhoneWasFirst => {
                "Another phone was used with this QR code. To use this one, show a new QR code and \
                 try again."
            }
            Self::CheckBothClocks => {
                "Try again with a new QR code. If that fails too, check the date and time on both \
                 devices."
            }
            Self::BringTheDevicesTogether => {
                "Turn on Bluetooth on both devices, bring them close together, and try again. If \
                 two phones scanned the code, only the first one was used."
            }
            Self::BringThePhoneToTheComputer => {
                "Bring the phone to the computer that runs this program."
            }
            Self::AnswerOnThePhone => "Try again, and answer the question on the phone.",
            Self::ContinueOnThePhone => {
                "The phone ended the request. Try again and continue on the phone. If it ends that \
                 too, use another phone."
            }
            Self::UnlockThePhone => "Unlock the phone with its PIN or password, and try again.",
            Self::CheckTheWayToTheSite => {
                "Check the internet connection and try again. Log in to this network if it asks \
                 for that. A firewall or proxy must allow this site."
            }
            Self::CheckTheNetwork => {
                "Check the internet connection and try again. A firewall must allow \
                 https://cable.ua5v.com and https://cable.auth.com."
            }
            Self::CheckTheClock => "Check the date and time on this device.",
            Self::UseAnotherNetwork => {
                "Log in to this network if it asks for that, or use another one. A firewall or \
                 proxy must allow https://cable.ua5v.com and https://cable.auth.com."
            }
            Self::CheckTlsInspection => {
                "Ask the network's administrator whether secure connections are inspected. Install \
                 the certificate that this needs."
            }
            Self::CheckTheProxy => "Check this device's proxy settings.",
            Self::CheckTheProxyPassword => "Check the user name and password for the proxy.",
            Self::AskTheAdministrator => {
                "Use another phone, or ask the administrator to allow the service of this one."
            }
            Self::AddBluetooth => "Plug in a Bluetooth adapter, or use another computer.",
            Self::TurnBluetoothOn => "Turn on Bluetooth.",
            Self::AllowBluetooth => "Allow Bluetooth for this program in the system settings.",
            Self::StartBluetooth => {
                "Start the system's Bluetooth service. In a container or sandbox, let this program \
                 reach it."
            }
            Self::RestartBluetooth => "Turn Bluetooth off and on again.",
            Self::CloseOtherPrograms => {
                "Close other programs that use Bluetooth, or turn it off and on again."
            }
            Self::UpdateThePhone => "Update the phone's system and its passkey app.",
            Self::UpdateTheOtherDevice => "Update the browser or program on the other device.",
            Self::SetUpScreenLock => {
                "Set up a screen lock, fingerprint or face on the phone, or use another phone."
            }
            Self::LinkThePhoneAgain => {
                "The phone is not linked to this device any more. Link it again with a QR code."
            }
            Self::UseAnotherPasskey => "Choose a passkey or phone that is registered at this site.",
            Self::AlreadyRegistered => "This phone is registered already: sign in with it.",
            Self::MakeRoomOnThePhone => "Delete passkeys that are not needed from the phone.",
            Self::UseAnotherDevice => "Use another phone or computer.",
            Self::TellTheSite => "Tell the makers of the site that its request is invalid.",
            Self::ReportTheProgram => "Report this to the makers of this program.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain_text::assert_has_short_sentences;

    /// Every advice after another. A new one needs a place here.
    fn next(advice: &Advice) -> Option<Advice> {
        Some(match advice {
            Advice::Nothing => Advice::TryAgain,
            Advice::TryAgain => Advice::TryAgainLater,
            Advice::TryAgainLater => Advice::ScanANewCode,
            Advice::ScanANewCode => Advice::AnotherPhoneWasFirst,
            Advice::AnotherPhoneWasFirst => Advice::CheckBothClocks,
            Advice::CheckBothClocks => Advice::BringTheDevicesTogether,
            Advice::BringTheDevicesTogether => Advice::BringThePhoneToTheComputer,
            Advice::BringThePhoneToTheComputer => Advice::AnswerOnThePhone,
            Advice::AnswerOnThePhone => Advice::ContinueOnThePhone,
            Advice::ContinueOnThePhone => Advice::UnlockThePhone,
            Advice::UnlockThePhone => Advice::CheckTheWayToTheSite,
            Advice::CheckTheWayToTheSite => Advice::CheckTheNetwork,
            Advice::CheckTheNetwork => Advice::CheckTheClock,
            Advice::CheckTheClock => Advice::UseAnotherNetwork,
            Advice::UseAnotherNetwork => Advice::CheckTlsInspection,
            Advice::CheckTlsInspection => Advice::CheckTheProxy,
            Advice::CheckTheProxy => Advice::CheckTheProxyPassword,
            Advice::CheckTheProxyPassword => Advice::AskTheAdministrator,
            Advice::AskTheAdministrator => Advice::AddBluetooth,
            Advice::AddBluetooth => Advice::TurnBluetoothOn,
            Advice::TurnBluetoothOn => Advice::AllowBluetooth,
            Advice::AllowBluetooth => Advice::StartBluetooth,
            Advice::StartBluetooth => Advice::RestartBluetooth,
            Advice::RestartBluetooth => Advice::CloseOtherPrograms,
            Advice::CloseOtherPrograms => Advice::UpdateThePhone,
            Advice::UpdateThePhone => Advice::UpdateTheOtherDevice,
            Advice::UpdateTheOtherDevice => Advice::SetUpScreenLock,
            Advice::SetUpScreenLock => Advice::LinkThePhoneAgain,
            Advice::LinkThePhoneAgain => Advice::UseAnotherPasskey,
            Advice::UseAnotherPasskey => Advice::AlreadyRegistered,
            Advice::AlreadyRegistered => Advice::MakeRoomOnThePhone,
            Advice::MakeRoomOnThePhone => Advice::UseAnotherDevice,
            Advice::UseAnotherDevice => Advice::TellTheSite,
            Advice::TellTheSite => Advice::ReportTheProgram,
            Advice::ReportTheProgram => return None,
        })
    }

    #[test]
    fn every_advice_has_short_sentences_for_people() {
        let all: Vec<_> = std::iter::successors(Some(Advice::Nothing), next).collect();
        assert_eq!(all.len(), 35);
        all.iter().for_each(|it| assert_has_short_sentences(&it.to_string()));
    }
}
