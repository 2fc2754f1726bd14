//! How long an adapter that is switched on and refuses is asked again, and when
//! the program is told of it.

use std::collections::BTreeMap;
use std::time::Duration;

use dbus::Path;
use tokio::time::Instant;

use super::objects::Found;
use fido_hybrid_proto::error::BluetoothError;
use fido_hybrid_proto::ports::bluetooth::AdapterState;

/// Between two attempts. An adapter that was just plugged in refuses the first.
pub(super) const RETRY: Duration = Duration::from_millis(400);

/// How long an adapter may refuse before the program is told: no person needs to
/// know of what passes by itself this soon.
const QUIET: Duration = Duration::from_secs(2);

/// How long an adapter that is busy or not ready is asked again. A bluetoothd that
/// was killed leaves a discovery in the kernel, which refuses another for 10.24 s
/// more (`DISCOV_LE_TIMEOUT` in Linux's `hci_core.h`).
const BUSY_PATIENCE: Duration = Duration::from_secs(20);

/// How long an adapter that fails in another way is asked again.
const PATIENCE: Duration = Duration::from_secs(2);

/// The adapters that refuse, each with the time of its first refusal in a row.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<Path<'static>, Instant>);

/// The next step after a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask again after [`RETRY`].
    Retry,
    /// The same, and tell the program that the adapter is not ready.
    TellAndRetry,
    /// Asking again would not help.
    GiveUp,
}

impl Refusals {
    pub(super) fn refused(
        &mut self,
        path: &Path<'static>,
        error: &BluetoothError,
        now: Instant,
    ) -> Verdict {
        let since = *self.0.entry(path.clone()).or_insert(now);
        let patience = match error {
            BluetoothError::Busy | BluetoothError::NotReady => BUSY_PATIENCE,
            // Waiting does not change what is allowed or possible, and a BlueZ that
            // does not answer has been waited for.
            BluetoothError::NotPermitted
            | BluetoothError::Unsupported(_)
            | BluetoothError::NoAdvertisingSlot
            | BluetoothError::Silent => Duration::ZERO,
            _ => PATIENCE,
        };
        match now.saturating_duration_since(since) {
            refusing if refusing >= patience => Verdict::GiveUp,
            refusing if refusing >= QUIET => Verdict::TellAndRetry,
            _ => Verdict::Retry,
        }
    }

    /// This adapter does not refuse, or is not asked any more.
    pub(super) fn forget(&mut self, path: &Path<'static>) {
        self.0.remove(path);
    }

    /// Of the others, those that are switched off or removed start again later.
    pub(super) fn forget_all_but(&mut self, adapters: &[Found]) {
        self.0.retain(|path, _| {
            let is_on = |found: &Found| found.adapter.state == AdapterState::On;
            adapters.iter().any(|found| found.path == *path && is_on(found))
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_may_pass_is_asked_again_and_what_is_forbidden_is_not() {
        let failed = BluetoothError::Failed(Arc::new(std::io::Error::other("broken")));
        for (error, quiet_for, told_for) in [
            // In units of RETRY: silent until 2 s, told until the end.
            (BluetoothError::Busy, 5, 50),
            (BluetoothError::NotReady, 5, 50),
            (failed, 5, 5),
            (BluetoothError::NotPermitted, 0, 0),
            (BluetoothError::Unsupported("advertise"), 0, 0),
            (BluetoothError::NoAdvertisingSlot, 0, 0),
            (BluetoothError::Silent, 0, 0),
        ] {
            let mut refusals = Refusals::default();
            let (path, begin) = (Path::from("/org/bluez/hci0"), Instant::now());
            for attempt in 0..60 {
                let expected = match attempt {
                    attempt if attempt < quiet_for => Verdict::Retry,
                    attempt if attempt < told_for => Verdict::TellAndRetry,
                    _ => Verdict::GiveUp,
                };
                let verdict = refusals.refused(&path, &error, begin + RETRY * attempt);
                assert_eq!(verdict, expected, "{error:?}, attempt {attempt}");
            }
        }
    }

    #[test]
    fn an_adapter_that_listened_in_between_starts_its_retries_again() {
        let mut refusals = Refusals::default();
        let (path, begin) = (Path::from("/org/bluez/hci0"), Instant::now());
        assert_eq!(refusals.refused(&path, &BluetoothError::Busy, begin), Verdict::Retry);
        let late = begin + BUSY_PATIENCE;
        assert_eq!(refusals.refused(&path, &BluetoothError::Busy, late), Verdict::GiveUp);
        refusals.forget(&path);
        assert_eq!(refusals.refused(&path, &BluetoothError::Busy, late), Verdict::Retry);
    }
}
