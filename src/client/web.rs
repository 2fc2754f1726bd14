//! What decides which origins may use which RP IDs: the list of public suffixes, and the
//! relying parties' own lists of related origins.

use std::sync::Arc;

use fido_hybrid_proto::ports::related_origins::RelatedOriginsFetcher;
use fido_hybrid_proto::webauthn::{BuiltInSuffixes, PublicSuffixes};

/// A client's view of the web.
#[derive(Clone)]
pub(super) struct Web {
    pub(super) suffixes: Arc<dyn PublicSuffixes + Send + Sync>,
    pub(super) fetcher: Option<Arc<dyn RelatedOriginsFetcher>>,
}

impl Default for Web {
    fn default() -> Self {
        Self { suffixes: Arc::new(BuiltInSuffixes), fetcher: None }
    }
}

impl Web {
    pub(super) fn suffixes(&self) -> &(dyn PublicSuffixes + Send + Sync) {
        &*self.suffixes
    }
}
