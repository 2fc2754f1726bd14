//! Our client and our authenticator, each alone with a tunnel service that the
//! test plays.

use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, Decision, Freshness, MemoryStore, Prompt, Session, UserCheck, Verification,
};
use fido_hybrid::bluetooth::{Advertisement, Advertiser as _};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::Response;
use fido_hybrid::error::{
    CancelledBy, Error, Fault, PeerMisbehaved, Stage, TunnelFault, TunnelStep,
};
use fido_hybrid::transport::advert::{AdvertKey, Eid};
use fido_hybrid::transport::keys;
use fido_hybrid::transport::qr_code::QrCode;
use fido_hybrid::transport::tunnel_domain::TunnelDomain;
use fido_hybrid::transport::tunnel_url::RoutingId;
use fido_hybrid::tunnel::{DEFAULT_DIAL_TIMEOUT, WebSocketTunnel};
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
            Self::Client => fido_hybrid::client::Deadlines::default().handshaking,
            Self::Phone => fido_hybrid::authenticator::Deadlines::default().advertising,
        }
    }
}

/// The dialer's time for all of it, before the deadline of either role.
pub(crate) const DIALLING: Duration = DEFAULT_DIAL_TIMEOUT;

/// A user who agrees to everything at once.
pub(crate) struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { Decision::Approved { verification: Verification::Verified, account: 0 } })
    }
}

pub(crate) fn client(air: &Air, tunnel: WebSocketTunnel) -> Client {
    Client::builder().scanner(air.clone()).tunnel(tunnel).build().unwrap()
}

pub(crate) fn phone(air: &Air, tunnel: WebSocketTunnel) -> Authenticator {
    Authenticator::builder(MemoryStore::new(), Agrees)
        .advertiser(air.clone())
        .tunnel(tunnel)
        .domain(TunnelDomain::GOOGLE)
        // The clock of these tests is not the calendar's.
        .freshness(Freshness::Any)
        .build()
        .unwrap()
}

/// One of ours, about to dial.
pub(crate) struct Victim {
    air: Air,
    doing: Doing,
}

enum Doing {
    /// With the advert that it heard.
    Client(Box<Ceremony<Response>>, Box<dyn Advertisement>),
    Phone(Session),
}

impl Victim {
    pub(crate) async fn dialling(role: Role, tunnel: WebSocketTunnel) -> Self {
        let air = Air::new();
        let doing = match role {
            Role::Client => {
                let ceremony =
                    client(&air, tunnel).begin(make_credential("Ada").into(), None).unwrap();
                let code: QrCode = ceremony.qr_code().unwrap().expose().parse().unwrap();
                let eid = Eid::new([7; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE);
                let advert = AdvertKey::new(&keys::eid_key(&code.secret)).seal(&eid);
                Doing::Client(Box::new(ceremony), air.advertise(advert.into()).await.unwrap())
            }
            Role::Phone => {
                Doing::Phone(phone(&air, tunnel).answer(rig::Client::new(1).code).unwrap())
            }
        };
        Self { air, doing }
    }

    /// How it ends, which is never well, and leaves nothing on the air.
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
    PeerLeft,
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
    let why = match &error.fault {
        Fault::Deadline => Why::Deadline,
        Fault::PeerLeft => Why::PeerLeft,
        Fault::Cancelled(CancelledBy::Client) => Why::CancelledByClient,
        Fault::PeerMisbehaved(misbehaved) => Why::Misbehaved(*misbehaved),
        Fault::Tunnel(fault) => match fault {
            TunnelFault::Tcp(_) => Why::Tcp,
            TunnelFault::Tls(_) => Why::Tls,
            TunnelFault::TimedOut(step) => Why::TimedOut(*step),
            TunnelFault::Status(status) => Why::Status(*status),
            TunnelFault::Redirect => Why::Redirect,
            TunnelFault::Upgrade(_) => Why::Upgrade,
            TunnelFault::Closed(code) => Why::Closed(*code),
            TunnelFault::TooLong(limit) => Why::TooLong(*limit),
            TunnelFault::Flooded => Why::Flooded,
            TunnelFault::NotBinary => Why::NotBinary,
            TunnelFault::Unresponsive => Why::Unresponsive,
            TunnelFault::Broken(_) => Why::Broken,
            _ => Why::Other,
        },
        _ => Why::Other,
    };
    (error.stage, why)
}
