//! Names from the other side: those of relying parties and accounts, as prompts show
//! them and as passkeys keep them.
//!
//! The client passes them on from a web page. What could make a prompt say
//! something else than it says is taken out; what is too long is cut, as
//! [WebAuthn L3 §6.4.1] allows. None of this applies to the RP ID, which is
//! never changed: one that no browser sends is refused.

use crate::ctap::bounds::MAX_RP_ID;
use crate::ctap::{RelyingParty, User};

/// The longest name kept and shown, in bytes. [WebAuthn L3 §6.4.1] wants 64
/// or more.
pub const MAX_DISPLAY_NAME_BYTES: usize = 256;

/// A relying party, as a prompt shows it.
pub(super) struct ShownRp {
    pub(super) rp_id: String,
    pub(super) rp_name: Option<String>,
}

impl ShownRp {
    pub(super) fn of(rp: &RelyingParty) -> Self {
        let rp_name = rp.name.as_deref().map(sanitized_for_display);
        let rp_name = rp_name.filter(|name| !name.trim().is_empty());
        Self { rp_id: rp.id.clone(), rp_name }
    }

    pub(super) fn named(rp_id: &str) -> Self {
        Self { rp_id: rp_id.to_owned(), rp_name: None }
    }

    /// The client named no RP ID.
    pub(super) const fn unnamed() -> Self {
        Self { rp_id: String::new(), rp_name: None }
    }
}

/// The name without control characters and without those that turn the
/// direction of writing, cut at [`MAX_DISPLAY_NAME_BYTES`].
pub(super) fn sanitized_for_display(name: &str) -> String {
    let mut sanitized_for_display = String::new();
    for letter in name.chars().filter(|letter| !is_deceptive(*letter)) {
        if sanitized_for_display.len() + letter.len_utf8() > MAX_DISPLAY_NAME_BYTES {
            break;
        }
        sanitized_for_display.push(letter);
    }
    sanitized_for_display
}

/// The user with [`sanitized_for_display`] names.
pub(super) fn presentable_user(user: &User) -> User {
    let mut presented = User::from_handle(user.id.clone());
    presented.name = user.name.as_deref().map(sanitized_for_display);
    presented.display_name = user.display_name.as_deref().map(sanitized_for_display);
    presented
}

/// Before the id of a browser extension that asks for itself: Chromium makes
/// the extension's origin its RP ID.
const EXTENSION: &str = "chrome-extension://";

/// Length of an extension's id: 16 bytes in the letters a to p.
const EXTENSION_ID_LENGTH: usize = 32;

/// Whether this can be an RP ID: a domain name in the form in which it is
/// looked up (lower case, Punycode), or a Chromium extension's origin. Browsers
/// send no other, and what a person is to judge by must not have letters that
/// look like others.
pub(super) fn is_rp_id(id: &str) -> bool {
    if let Some(id) = id.strip_prefix(EXTENSION) {
        let letter = |byte| matches!(byte, b'a'..=b'p');
        return id.len() == EXTENSION_ID_LENGTH && id.bytes().all(letter);
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    id.len() <= MAX_RP_ID && id.split('.').all(label)
}

fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{061c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_deceives_and_nothing_else() {
        assert_eq!(sanitized_for_display("Ada Lovelace"), "Ada Lovelace");
        assert_eq!(sanitized_for_display("Ünï-çødé 愛 עברית"), "Ünï-çødé 愛 עברית");
        assert_eq!(
            sanitized_for_display("👩\u{200d}💻 می\u{200c}خواهم"),
            "👩\u{200d}💻 می\u{200c}خواهم"
        );
        assert_eq!(sanitized_for_display("a\nb\u{202e}c\u{0}d\u{200b}e"), "abcde");
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        assert_eq!(
            sanitized_for_display(&"a".repeat(MAX_DISPLAY_NAME_BYTES)).len(),
            MAX_DISPLAY_NAME_BYTES
        );
        assert_eq!(
            sanitized_for_display(&"a".repeat(MAX_DISPLAY_NAME_BYTES + 1)).len(),
            MAX_DISPLAY_NAME_BYTES
        );
        // 256 is no multiple of 3.
        assert_eq!(
            sanitized_for_display(&"愛".repeat(200)).chars().count(),
            MAX_DISPLAY_NAME_BYTES / 3
        );
    }

    #[test]
    fn rp_ids_are_domain_names_or_chromium_extensions() {
        for id in ["example.com", "localhost", "xn--bcher-kva.example", "a_b.c-d.e", "1.example"] {
            assert!(is_rp_id(id), "{id}");
        }
        let extension = format!("chrome-extension://{}", "abcdefghijklmnop".repeat(2));
        assert!(is_rp_id(&extension));
        let (longer, shorter) = (format!("{extension}a"), &extension[..extension.len() - 1]);
        for id in [&longer, shorter, &format!("{shorter}q"), &format!("{shorter}/")] {
            assert!(!is_rp_id(id), "{id:?}");
        }
        let long = format!("{}.example", "a".repeat(MAX_RP_ID));
        for id in
            ["", ".", "a.", ".a", "a..b", "Example.com", "bücher.example", "a b", "a\n", &long]
        {
            assert!(!is_rp_id(id), "{id:?}");
        }
    }
}
