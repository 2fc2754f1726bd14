//! Whether a QR code is from about now: key 3 [CTAP 2.2 §11.5.1].
//!
//! The check only rejects old pictures of a code: if the client has
//! disconnected, the transaction times out anyway. It is therefore lenient:
//! codes stay on the screen as long as people need, and clocks differ by
//! minutes, some by an hour. Chromium's phone does not check; what other
//! vendors' phones do is not known.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::transport::QrCode;

/// How far a QR code's time may be from this device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QrAgeLimit {
    /// As far as it likes, for devices without a clock.
    None,
    /// At most so far, in either direction.
    Within(Duration),
}

impl Default for QrAgeLimit {
    /// Within 90 minutes: an hour for a clock that missed a change of season,
    /// and half of one to find the phone.
    fn default() -> Self {
        Self::Within(Duration::from_secs(90 * 60))
    }
}

impl QrAgeLimit {
    /// Checks a code at the time `now`, in seconds since 1970. One that does
    /// not say when it was made passes.
    ///
    /// # Errors
    /// [`ErrorKind::StaleQrCode`].
    pub fn check(self, code: &QrCode, now: u64) -> Result<(), ErrorKind> {
        match (self, code.created) {
            (Self::Within(limit), Some(created)) if created.abs_diff(now) > limit.as_secs() => {
                Err(ErrorKind::StaleQrCode)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretKey;
    use crate::secret::QrSecret;
    use crate::transport::RequestHint;

    fn passes(qr_age_limit: QrAgeLimit, created: Option<u64>, now: u64) -> bool {
        let key = *SecretKey::from_scalar(&[1; 32]).unwrap().public_key();
        let mut code = QrCode::new(key, QrSecret::new([0; 16]), 0, RequestHint::GetAssertion);
        code.created = created;
        qr_age_limit.check(&code, now).is_ok()
    }

    #[test]
    fn codes_pass_up_to_the_limit_in_either_direction() {
        let minute = QrAgeLimit::Within(Duration::from_secs(60));
        for (created, fresh) in [(939, false), (940, true), (1060, true), (1061, false)] {
            assert_eq!(passes(minute, Some(created), 1000), fresh, "{created}");
        }
    }

    #[test]
    fn times_at_the_end_of_their_range_are_only_far_away() {
        let default = QrAgeLimit::default();
        assert!(!passes(default, Some(u64::MAX), 1_700_000_000));
        assert!(!passes(default, Some(0), u64::MAX));
        assert!(passes(QrAgeLimit::Within(Duration::MAX), Some(u64::MAX), 0));
    }

    #[test]
    fn a_code_without_a_time_and_a_device_without_a_clock_pass() {
        assert!(passes(QrAgeLimit::default(), None, 1_700_000_000));
        assert!(passes(QrAgeLimit::None, Some(u64::MAX), 0));
    }
}
