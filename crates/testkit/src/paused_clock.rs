//! A paused clock that only the test moves.
//!
//! Tokio lets a paused clock run ahead whenever nothing but timers is left to
//! do, and bytes under way in the kernel do not count: every deadline would
//! pass at once. It does not while a blocking task is under way, so there is
//! one, for as long as the test holds this.

use std::sync::mpsc;
use std::time::Duration;

/// Who holds the clock for so long has hung: it then runs free, and the
/// deadlines end the test with an error that it does not expect.
const HUNG: Duration = Duration::from_secs(60);

/// The clock stands still until this is dropped.
pub struct Held {
    _release: mpsc::Sender<()>,
}

/// Within `#[tokio::test(start_paused = true)]`.
pub fn hold() -> Held {
    let (release, released) = mpsc::channel::<()>();
    drop(tokio::task::spawn_blocking(move || released.recv_timeout(HUNG)));
    Held { _release: release }
}

/// Lets everything happen that can happen without time: each turn polls the
/// sockets once.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Moves the clock.
pub async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}
