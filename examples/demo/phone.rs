//! The phone: a camera that reads QR codes, a store of passkeys, a person.

use std::sync::Arc;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, Question, Session, UserCheck,
    UserVerification,
};
use fido_hybrid::qr_render::PixelImage;
use fido_hybrid::transport::QrCode;

use super::narrator::{Narrator, Voice};
use super::{Result, World, qr_reader};

pub(crate) struct Phone {
    authenticator: Authenticator,
}

impl Phone {
    pub(crate) fn new(world: &World, narrator: &Arc<Narrator>) -> Result<Self> {
        let person = Person { narrator: Arc::clone(narrator) };
        let authenticator = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: person,
            advertiser: world.air.clone(),
            dialer: world.tunnel.clone(),
            domain: world.domain,
        });
        Ok(Self { authenticator })
    }

    /// Points the camera at a picture, and answers what it shows.
    pub(crate) fn scan(&self, picture: &PixelImage, narrator: &Narrator) -> Result<Session> {
        let (width, height) = (picture.width(), picture.height());
        let texts = qr_reader::read(picture.pixels().to_vec(), width, height);
        let [text] = texts.as_slice() else {
            return Err(format!("the picture has {} QR codes", texts.len()).into());
        };
        narrator.say(
            Voice::Phone,
            format_args!("Scanned the code, in a picture of {width} × {height} pixels."),
        );
        let code: QrCode = text.expose().parse()?;
        Ok(self.authenticator.answer(code)?)
    }
}

/// A user who reads the prompt and approves it.
struct Person {
    narrator: Arc<Narrator>,
}

impl UserCheck for Person {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            self.narrator.say(Voice::Phone, &prompt);
            let accounts: Vec<&str> = prompt
                .accounts()
                .iter()
                .map(|account| account.user.display_name.as_deref().unwrap_or("(no name)"))
                .collect();
            let yes = match &prompt.question {
                Question::Register(_) | Question::SignIn(_) => !accounts.is_empty(),
                _ => false,
            };
            if !yes {
                self.narrator.say(Voice::Phone, "Refuses the request.");
                return Decision::Declined;
            }
            // A real phone asks for a face, a finger or a PIN here.
            let said = format!("Yes, as {}. The user is verified.", accounts.join(" or "));
            self.narrator.say(Voice::Phone, said);
            Decision::Approved { verification: UserVerification::Verified, account: 0 }
        })
    }
}
