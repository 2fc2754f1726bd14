//! Which callers may use which RP IDs: decided by the caller's domain, or by the relying
//! party's list of related origins, before a ceremony begins.

use std::sync::Arc;
use std::time::Duration;

use fido_hybrid_proto::error::{ApiMisuse, Error, RelatedOriginsError, RpIdError};
use fido_hybrid_proto::ports::related_origins::{FetchedList, RelatedOriginsFetcher};
use fido_hybrid_proto::webauthn::{Caller, PublicSuffixes};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::debug;

use super::begin::Client;

/// The longest that a list of related origins is waited for: 10 s, as in browsers.
pub const RELATED_ORIGINS_DEADLINE: Duration = Duration::from_secs(10);

impl Client {
    /// Takes another list of public suffixes than the one that is compiled in,
    /// [`BuiltInSuffixes`](fido_hybrid_proto::webauthn::BuiltInSuffixes), which grows old with this crate.
    #[must_use]
    pub fn public_suffixes(mut self, list: impl PublicSuffixes + Send + Sync + 'static) -> Self {
        self.web.suffixes = Arc::new(list);
        self
    }

    /// Fetches relying parties' lists of related origins with `fetcher`, for
    /// [`check_caller`](Self::check_caller). Without one, no origin may use an RP ID
    /// outside of its own domain.
    ///
    /// `fetcher` is that of the dialer, `WebSocketDialer::https_fetcher`, or a program's own
    /// [`RelatedOriginsFetcher`].
    #[must_use]
    pub fn related_origins(mut self, fetcher: impl RelatedOriginsFetcher + 'static) -> Self {
        self.web.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Checks whether `caller` may use the RP ID of a relying party's options, and asks the
    /// relying party if the caller's domain does not decide it [WebAuthn L3 §5.11]:
    /// `https://<RP ID>/.well-known/webauthn` lists related origins.
    ///
    /// The caller that it returns is for [`get`](Self::get) or [`create`](Self::create).
    /// Nothing is fetched if `caller` may use the RP ID anyway. Else the relying party
    /// learns this machine's IP address, and nothing of who asks. This takes
    /// [`RELATED_ORIGINS_DEADLINE`] at most.
    ///
    /// ```no_run
    /// # #[cfg(all(feature = "bluetooth", feature = "tunnel"))]
    /// # async fn sign_in(
    /// #     dialer: fido_hybrid::tunnel::WebSocketDialer,
    /// #     options: fido_hybrid::webauthn::RequestOptions,
    /// #     show: fn(fido_hybrid::client::ClientUpdate),
    /// # ) -> Result<(), fido_hybrid::Error> {
    /// use fido_hybrid::bluetooth::Bluetooth;
    /// use fido_hybrid::client::Client;
    /// use fido_hybrid::webauthn::Origin;
    ///
    /// let fetcher = dialer.https_fetcher();
    /// let client = Client::new(Bluetooth::new(), dialer).related_origins(fetcher);
    ///
    /// let origin = Origin::parse("https://example.de")?;
    /// let caller = client.check_caller(origin, options.rp_id.as_deref()).await?;
    /// let assertion = client.get(&options, caller)?.on_update(show).await?;
    /// # let _ = assertion;
    /// # Ok(())
    /// # }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`RpIdError`] as an
    /// [`ErrorKind::Options`](fido_hybrid_proto::error::ErrorKind::Options) if no list can
    /// allow it, or if there is no fetcher;
    /// [`RelatedOriginsError`] if the list cannot be fetched, is malformed, or does not have
    /// the caller's origin; [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the request.
    pub async fn check_caller(
        &self,
        caller: impl Into<Caller>,
        rp_id: Option<&str>,
    ) -> Result<Caller, Error> {
        let caller = caller.into();
        let suffixes = self.web.suffixes();
        let Some(request) = caller.related_origins(rp_id, suffixes)? else {
            return Ok(caller);
        };
        let fetcher = self.web.fetcher.as_ref().ok_or(RpIdError::OtherDomain)?;
        Handle::try_current().map_err(|_| ApiMisuse::NoRuntime)?;
        debug!("fetching the relying party's list of related origins");
        let fetched = timeout(RELATED_ORIGINS_DEADLINE, fetcher.fetch(request.url())).await;
        let FetchedList { status, content_type, body } =
            fetched.unwrap_or(Err(RelatedOriginsError::TimedOut))?;
        let list = request.read(status, content_type.as_deref(), &body)?;
        Ok(caller.with_related(&list, suffixes)?)
    }
}
