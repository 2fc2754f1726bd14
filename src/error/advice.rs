//! What a person can do about a fault.

use std::fmt;

/// What a person can do. `Display` is one sentence for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing: somebody wanted it so.
    Nothing,
    /// Try once more.
    TryAgain,
    /// Scan the code that is shown now.
    ScanTheCode,
    /// Bring phone and computer close together.
    BringTheDevicesTogether,
    /// Answer the phone's question.
    AnswerOnThePhone,
    /// Plug in a Bluetooth adapter or use another computer.
    AddBluetooth,
    /// Turn Bluetooth on.
    TurnBluetoothOn,
    /// Give this program permission to use Bluetooth.
    AllowBluetooth,
    /// Start the system's Bluetooth service.
    StartBluetooth,
    /// Turn Bluetooth off and on.
    RestartBluetooth,
    /// Close other programs that use Bluetooth.
    CloseOtherPrograms,
    /// Check the network and the firewall's list.
    CheckTheNetwork,
    /// Ask the administrator about TLS inspection.
    CheckTlsInspection,
    /// Update the phone.
    UpdateThePhone,
    /// Choose a passkey that exists.
    UseAnotherPasskey,
    /// There is a passkey already.
    AlreadyRegistered,
    /// Delete passkeys on the phone.
    MakeRoomOnThePhone,
    /// Use another phone or computer.
    UseAnotherDevice,
    /// Tell the makers of the site.
    TellTheSite,
    /// Tell the makers of the program.
    ReportTheProgram,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "There is nothing to do.",
            Self::TryAgain => "Try again.",
            Self::ScanTheCode => "Scan the QR code that is shown now with the phone's camera.",
            Self::BringTheDevicesTogether => {
                "Bring the two devices close together, with Bluetooth on at both."
            }
            Self::AnswerOnThePhone => "Unlock the phone and answer its question.",
            Self::AddBluetooth => "Plug in a Bluetooth adapter, or use another computer.",
            Self::TurnBluetoothOn => "Turn Bluetooth on.",
            Self::AllowBluetooth => "Allow this program to use Bluetooth in the system's settings.",
            Self::StartBluetooth => {
                "Start the system's Bluetooth service; if this program runs in a container or \
                 sandbox, let it reach that service."
            }
            Self::RestartBluetooth => "Turn Bluetooth off and on again.",
            Self::CloseOtherPrograms => {
                "Close other programs that use Bluetooth, or turn it off and on again."
            }
            Self::CheckTheNetwork => {
                "Check the internet connection; a firewall must let https://cable.ua5v.com and \
                 https://cable.auth.com through."
            }
            Self::CheckTlsInspection => {
                "Ask the network's administrator whether connections are inspected, and for the \
                 certificate that this takes."
            }
            Self::UpdateThePhone => "Update the phone's system and try again.",
            Self::UseAnotherPasskey => "Choose a passkey or phone that is registered at this site.",
            Self::AlreadyRegistered => "This phone is registered already: sign in with it.",
            Self::MakeRoomOnThePhone => "Delete passkeys that are not needed from the phone.",
            Self::UseAnotherDevice => "Use another phone or computer.",
            Self::TellTheSite => "Tell the makers of the site that its request is invalid.",
            Self::ReportTheProgram => "Report this to the makers of this program.",
        })
    }
}
