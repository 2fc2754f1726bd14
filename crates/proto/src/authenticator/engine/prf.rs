//! The PRF of a passkey, as an authenticator evaluates it:
//! [WebAuthn L3 §10.1.4], on what CTAP 2.2 says of hmac-secret.
//!
//! ```text
//! output = HMAC-SHA-256(key = the passkey's PRF secret, what the client hashed)
//! ```
//!
//! * hmac-secret has two secrets for each passkey, and WebAuthn exposes one
//!   alone: that of requests in which the user is verified. So there is one
//!   secret here, and it is used under an approval that sets UV and under no
//!   other: outputs never leave in an answer without that flag.
//! * Every new passkey has a secret, whether the RP asked for one or not, as CTAP
//!   recommends: it may ask for the PRF in a later sign-in.
//! * The secret is drawn, not derived from the private key: an RP that learns
//!   outputs learns nothing about signatures.
//! * An authenticator that cannot verify its user lists no PRF. Its answers, as
//!   all without UV, leave the extension out like one that is not known.
//! * Outputs at registration are given where they are asked for. iPhones do so,
//!   Chromium's phone does not.

use crate::crypto::HmacSha256;
use crate::ctap::Flags;
use crate::ctap::extensions::{
    PrfAssertionInput, PrfAssertionOutput, PrfRegistrationInput, PrfRegistrationOutput, PrfValues,
};
use crate::secret::{PrfInput, PrfOutput, PrfSecret};

use super::passkey::Passkey;

/// The answer for a new passkey, or none where there is nothing to say.
pub(super) fn at_registration(
    passkey: &Passkey,
    input: &PrfRegistrationInput,
    flags: Flags,
) -> Option<PrfRegistrationOutput> {
    let secret = usable(passkey, flags)?;
    let mut output = PrfRegistrationOutput::new(true);
    output.results = input.eval.as_ref().map(|inputs| evaluate(secret, inputs));
    Some(output)
}

/// The answer for a passkey that signs in, or none where there is nothing to
/// say: no secret, or no input that is for this passkey.
pub(super) fn at_sign_in(
    passkey: &Passkey,
    input: &PrfAssertionInput,
    flags: Flags,
) -> Option<PrfAssertionOutput> {
    let secret = usable(passkey, flags)?;
    let inputs = input.values_for(&passkey.id)?;
    Some(PrfAssertionOutput::new(evaluate(secret, inputs)))
}

fn usable(passkey: &Passkey, flags: Flags) -> Option<&PrfSecret> {
    passkey.prf_secret.as_ref().filter(|_| flags.contains(Flags::USER_VERIFIED))
}

fn evaluate(secret: &PrfSecret, inputs: &PrfValues<PrfInput>) -> PrfValues<PrfOutput> {
    let function = HmacSha256::new(secret.expose());
    let output = |input: &PrfInput| PrfOutput::from(function.secret_tag(input.expose()));
    PrfValues { first: output(&inputs.first), second: inputs.second.as_ref().map(output) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretKey;
    use crate::ctap::{CredentialId, User, UserHandle};

    const VERIFIED: Flags = Flags(0x05);
    const PRESENT: Flags = Flags(0x01);

    fn passkey(secret: Option<[u8; 32]>) -> Passkey {
        let user = User::new(UserHandle::new([1]).unwrap(), "ada", "Ada");
        let key = SecretKey::from_scalar(&[1; 32]).unwrap();
        let id = CredentialId::new([1; 16]).unwrap();
        let mut passkey = Passkey::new(id, "example.com", user, key);
        passkey.prf_secret = secret.map(PrfSecret::new);
        passkey
    }

    fn inputs() -> PrfValues<PrfInput> {
        PrfValues { first: PrfInput::new([0x11; 32]), second: Some(PrfInput::new([0x22; 32])) }
    }

    #[test]
    fn an_output_is_the_hmac_of_its_input() {
        // Python: hmac.new(bytes(range(32)), b"\x11" * 32, "sha256").hexdigest()
        let expected = [
            "19c89035532577d8d991258817b7ff62e37dc37e42237d66034ad0ca5602fe0c",
            "652cf36446a9606492097f64ea1bb8d03c93192ceb8082c2f5c1c29da6f22ab4",
        ];
        let secret = PrfSecret::new(std::array::from_fn(|at| at as u8));
        let outputs = evaluate(&secret, &inputs());
        let hex = |output: &PrfOutput| data_encoding::HEXLOWER.encode(output.expose());
        assert_eq!([hex(&outputs.first), hex(&outputs.second.unwrap())], expected);
    }

    #[test]
    fn without_verification_or_secret_there_is_no_answer() {
        let asked = PrfAssertionInput::new(inputs());
        let input = PrfRegistrationInput { eval: Some(inputs()) };
        for (passkey, flags, answers) in [
            (passkey(Some([7; 32])), VERIFIED, true),
            (passkey(Some([7; 32])), PRESENT, false),
            (passkey(None), VERIFIED, false),
        ] {
            assert_eq!(at_registration(&passkey, &input, flags).is_some(), answers);
            assert_eq!(at_sign_in(&passkey, &asked, flags).is_some(), answers);
        }
    }

    #[test]
    fn inputs_for_other_passkeys_alone_get_no_answer() {
        let mut asked = PrfAssertionInput::default();
        asked.eval_by_credential.insert(CredentialId::new([2; 16]).unwrap(), inputs());
        assert_eq!(at_sign_in(&passkey(Some([7; 32])), &asked, VERIFIED), None);
    }
}
