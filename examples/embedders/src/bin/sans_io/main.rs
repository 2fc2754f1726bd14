//! Both roles without I/O and without an async runtime: a phone makes a passkey for a
//! client, with two queues between them. A program has a radio, a tunnel and a clock there.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use fido_hybrid_proto::authenticator as phone;
use fido_hybrid_proto::client::{self, PhoneRequest};
use fido_hybrid_proto::ctap::{
    Algorithm, CredentialParameters, CtapRequest, CtapResponse, MakeCredentialRequest,
    RelyingParty, Status, User, UserHandle,
};
use fido_hybrid_proto::transport::QrCode;
use fido_hybrid_proto::transport::TunnelDomain;
use getrandom::{SysRng, rand_core::UnwrapErr};

mod client_half;
mod phone_half;
#[cfg(test)]
mod tests;

const NOW: Duration = Duration::ZERO;

#[derive(Default)]
struct Queues {
    to_client: VecDeque<client::Input>,
    to_phone: VecDeque<phone::Input>,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:?}", register(&mut Queues::default())?);
    Ok(())
}

fn register(queues: &mut Queues) -> Result<Result<CtapResponse, Status>, Box<dyn Error>> {
    let rng = &mut UnwrapErr(SysRng);
    let user = User::new(UserHandle::new(*b"ada")?, "ada", "Ada");
    let rp = RelyingParty::new("example.com", "Example");
    let parameters = vec![CredentialParameters::new(Algorithm::ES256)];
    let request = MakeCredentialRequest::new([0; 32], rp, user, parameters);
    let request = PhoneRequest::try_from(CtapRequest::from(request))?;

    let (config, keys) =
        (client::ClientConfig::new(request.hint()), client::QrSecrets::generate(rng));
    let mut client = client::Transaction::qr(config, keys, NOW, 0);
    let code: QrCode = client.qr_text().ok_or("no code")?.expose().parse()?;
    let (config, keys) =
        (phone::AuthenticatorConfig::new(TunnelDomain::GOOGLE), phone::PhoneSecrets::generate(rng));
    let mut phone = phone::Transaction::qr(config, &code, keys, NOW)?;
    let mut request = Some(request);
    loop {
        if let Some(response) = client_half::outputs(&mut client, &mut request, queues)? {
            return Ok(response);
        }
        phone_half::outputs(&mut phone, queues)?;
        // One input for either of them, then all outputs again.
        if let Some(input) = queues.to_client.pop_front() {
            client.handle(NOW, input)?;
        } else {
            phone.handle(NOW, queues.to_phone.pop_front().ok_or("both wait for the other")?)?;
        }
    }
}
