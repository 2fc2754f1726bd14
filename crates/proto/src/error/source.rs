//! Underlying errors.

use std::sync::Arc;

/// An underlying error, kept for logs.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;
