//! Our client and our authenticator, each alone with a tunnel service that the
//! test plays.

use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, QrAgeLimit, Session,
    UserCheck, UserVerification,
};
use fido_hybrid::bluetooth::{Advertisement, Advertiser as _};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::{
    CancelledBy, Error, ErrorKind, PeerMisbehaved, Stage, TunnelError, TunnelStep,
};
use fido_hybrid::transport::{AdvertKey, Eid, QrCode, RoutingId, TunnelDomain, key_schedule};
use fido_hybrid::tunnel::{DEFAULT_DIAL_TIMEOUT, WebSocketDialer};
use fido_hybrid_sim::Air;

use crate::rig::{self, make_credential};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Phone,
}

pub(crate) const ROLES: [Role; 2] = [Role::Client, Role::Phone];

impl Role {
    /// The stage in which it dials.
    pub(crate) const fn dialling(self) -> Stage {
        match self {
            Self::Client => Stage::Connecting,
            Self::Phone => Stage::Registering,
        }
    }

    /// The stage in which it is once the tunnel is open.
    pub(crate) const fn open(self) -> Stage {
        match self {
            Self::Client => Stage::Handshaking,
            Self::Phone => Stage::Advertising,
        }
    }

    /// How long that stage may take.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Client => fido_hybrid::client::ClientDeadlines::default().handshaking,
            Self::Phone => {
                fido_hybrid::authenticator::AuthenticatorDeadlines::default().advertising
            }
        }
    }
}

/// The dialer's time for all of it, before the deadline of either role.
pub(crate) const DIALLING: Duration = DEFAULT_DIAL_TIMEOUT;

/// A user who agrees to everything at once.
pub(crate) struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async {
            Decision::Approved { verification: UserVerification::Verified, account: 0 }
        })
    }
}

pub(crate) fn client(air: &Air, tunnel: WebSocketDialer) -> Client {
    Client::new(air.clone(), tunnel)
}

pub(crate) fn phone(air: &Air, tunnel: WebSocketDialer) -> Authenticator {
    Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Agrees,
        advertiser: air.clone(),
        dialer: tunnel,
        domain: TunnelDomain::GOOGLE,
    })
    // The clock of these tests is not the calendar's.
    .qr_age_limit(QrAgeLimit::None)
}

/// One of ours, about to dial.
pub(crate) struct Victim {
    air: Air,
    doing: Doing,
}

enum Doing {
    /// With the advert that it received.
    Client(Box<Ceremony<CtapResponse>>, Box<dyn Advertisement>),
    Phone(Session),
}

impl Victim {
    pub(crate) async fn dialling(role: Role, tunnel: WebSocketDialer) -> Self {
        let air = Air::new();
        let doing = match role {
            Role::Client => {
                let ceremony =
                    client(&air, tunnel).begin(make_credential("Ada").into(), None).unwrap();
                let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
                let eid = Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE);
                let advert = AdvertKey::new(&key_schedule::eid_key(&code.secret)).seal(&eid);
                Doing::Client(Box::new(ceremony), air.advertise(advert.into()).await.unwrap())
            }
            Role::Phone => {
                Doing::Phone(phone(&air, tunnel).answer(rig::Client::new(1).code).unwrap())
            }
        };
        Self { air, doing }
    }

    /// The error with which it ends, after which nothing is advertised.
    pub(crate) async fn end(self) -> Error {
        match self.doing {
            Doing::Client(mut ceremony, advert) => {
                let end = ceremony.outcome().await.unwrap_err();
                drop(advert);
                assert_eq!(self.air.adverts(), 0);
                end
            }
            Doing::Phone(mut session) => {
                let end = session.outcome().await.unwrap_err();
                assert_eq!(self.air.adverts(), 0);
                end
            }
        }
    }
}

/// An error in the words that these tests compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Deadline,
    PeerDisconnected,
    EndedOnPhone,
    CancelledByClient,
    Tcp,
    Tls,
    TimedOut(TunnelStep),
    Status(u16),
    Redirect,
    Upgrade,
    Closed(Option<u16>),
    TooLong(usize),
    Flooded,
    NotBinary,
    Unresponsive,
    Broken,
    Misbehaved(PeerMisbehaved),
    Other,
}

/// Where and why a transaction ended.
pub(crate) fn told(error: &Error) -> (Stage, Why) {
    let why = match &error.kind {
        ErrorKind::Deadline => Why::Deadline,
        ErrorKind::PeerDisconnected => Why::PeerDisconnected,
        ErrorKind::EndedOnPhone => Why::EndedOnPhone,
        ErrorKind::Cancelled(CancelledBy::Client) => Why::CancelledByClient,
        ErrorKind::PeerMisbehaved(misbehaved) => Why::Misbehaved(*misbehaved),
        ErrorKind::Tunnel(error) => match error {
            TunnelError::Tcp(_) => Why::Tcp,
            TunnelError::Tls(_) => Why::Tls,
            TunnelError::TimedOut(step) => Why::TimedOut(*step),
            TunnelError::Status(status) => Why::Status(*status),
            TunnelError::Redirect => Why::Redirect,
            TunnelError::Upgrade(_) => Why::Upgrade,
            TunnelError::Closed(code) => Why::Closed(*code),
            TunnelError::TooLong(limit) => Why::TooLong(*limit),
            TunnelError::Flooded => Why::Flooded,
            TunnelError::NotBinary => Why::NotBinary,
            TunnelError::Unresponsive => Why::Unresponsive,
            TunnelError::Broken(_) => Why::Broken,
            _ => Why::Other,
        },
        _ => Why::Other,
    };
    (error.stage, why)
}
