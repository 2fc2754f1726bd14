//! Opens one tunnel: connects, upgrades, follows redirects, until the deadline.

use std::time::Duration;

use tokio::time::Instant;

use super::OpenedTunnel;
use super::connect::Connector;
use super::options::TunnelOptions;
use super::tcp::in_time;
use super::upgrade::{Answer, Target, upgrade};
use fido_hybrid_proto::error::{TunnelError, TunnelStep};

/// Redirects followed for one tunnel. Chromium follows none and deployed
/// services send none; two let a service move behind a balancer.
pub const MAX_REDIRECTS: usize = 2;

/// A longer timeout counts as this: the sum with the present must not overflow.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a dialer and its early connections share.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) connector: Connector,
    pub(super) options: TunnelOptions,
    pub(super) timeout: Duration,
}

impl Opener {
    /// When an attempt that begins now times out.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout.min(LONGEST_TIMEOUT)
    }

    /// Makes a connection and upgrades it; follows redirects until `dials` connections
    /// were made.
    pub(super) async fn open(
        &self,
        mut target: Target,
        headers: &[(&'static str, String)],
        dials: usize,
        deadline: Instant,
    ) -> Result<OpenedTunnel, TunnelError> {
        for _ in 0..dials {
            let stream = self.connector.connect(&target, deadline).await?;
            let answer = upgrade(stream, &target, headers, self.options);
            match in_time(deadline, TunnelStep::Upgrade, answer).await?? {
                Answer::Open(tunnel) => {
                    tracing::debug!("the tunnel is open");
                    return Ok(tunnel);
                }
                Answer::Redirect(next) => {
                    tracing::debug!("the tunnel service redirects");
                    target = next;
                }
            }
        }
        Err(TunnelError::Redirect)
    }
}
