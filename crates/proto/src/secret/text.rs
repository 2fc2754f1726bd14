//! Secret text.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret text: a QR code as drawn for a terminal or a page.
///
/// `Debug` prints the length only, and there is no `Display`.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text, no longer wiped when dropped.
    #[must_use]
    pub fn into_exposed(mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_alone() {
        let secret = SecretText::new("abc".to_owned());
        assert_eq!(format!("{secret:?}"), "SecretText(3 bytes)");
    }
}
