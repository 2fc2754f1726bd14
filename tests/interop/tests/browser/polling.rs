//! Waiting for what other programs do without saying so.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        sleep(PAUSE).await;
    }
}
