//! Fetching a relying party's list of related origins: the [`RelatedOriginsFetcher`]
//! trait, for programs that have their own way to the web.

use super::BoxFuture;
use crate::error::RelatedOriginsError;

/// Fetches lists of related origins [WebAuthn L3 §5.11]. `WebSocketDialer::https_fetcher`
/// makes the one that is built in.
pub trait RelatedOriginsFetcher: Send + Sync {
    /// Sends a GET to `url`, an https address, and returns the last answer as it is:
    /// status, content type and body are judged by the caller, which also has a deadline.
    ///
    /// The request has no cookies, no other credentials and no `Referer`. A redirect is
    /// followed if it leads to another https address. No more than
    /// [`MAX_RELATED_ORIGINS`](crate::error::MAX_RELATED_ORIGINS) bytes of a body are
    /// read. An answer from a cache must not be older than it says.
    ///
    /// # Errors
    /// [`RelatedOriginsError::Fetch`] without an answer,
    /// [`Redirect`](RelatedOriginsError::Redirect),
    /// [`TooLong`](RelatedOriginsError::TooLong), and
    /// [`TimedOut`](RelatedOriginsError::TimedOut) after a deadline of its own.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the request.
    fn fetch(&self, url: String) -> BoxFuture<'_, Result<FetchedList, RelatedOriginsError>>;
}

/// The last answer to a request for a list of related origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedList {
    /// The HTTP status.
    pub status: u16,
    /// The value of `Content-Type`. `None`: the answer has none, or several.
    pub content_type: Option<String>,
    /// The body, without the encoding of its transfer.
    pub body: Vec<u8>,
}
