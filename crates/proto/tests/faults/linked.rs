//! A linked phone is called, and things go wrong: a client's transaction with a
//! phone put together from the protocol's own steps, since no phone of this
//! crate makes links.

use std::collections::VecDeque;
use std::time::Duration;

use fido_hybrid_proto::cbor::encode;
use fido_hybrid_proto::client::{ClientDeadlines, ContactSecrets, Input, Output, Transaction};
use fido_hybrid_proto::crypto::{SecretKey, sha256};
use fido_hybrid_proto::ctap::{
    Aaguid, AuthenticatorData, CredentialDescriptor, CredentialId, CtapResponse, Flags,
    GetAssertionRequest, GetAssertionResponse, GetInfoResponse,
};
use fido_hybrid_proto::error::{BluetoothError, CancelledBy, Error, ErrorKind, Stage, TunnelError};
use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid_proto::secret::{LinkSecret, SecretBytes};
use fido_hybrid_proto::transport::{
    AdvertKey, Channel, ContactHint, ContactId, Eid, Link, LinkId, LinkedPhone, MessageType,
    PostHandshake, Responder, TunnelDomain, key_schedule,
};
use fido_hybrid_sim::SeededRng;

use super::plan::{RP_ID, chance, pick};
use super::trial::rank;

/// The phone that was linked.
struct Phone {
    identity: SecretKey,
    ephemeral: SecretKey,
    passkey: SecretKey,
    link: Link,
    eid: Eid,
    channel: Option<Channel>,
    signed: usize,
}

impl Phone {
    fn new(rng: &mut SeededRng) -> Self {
        let identity = SecretKey::generate(rng);
        let link = Link {
            contact_id: ContactId::new(vec![0xc0; 4]).unwrap(),
            link_id: LinkId([1; 8]),
            secret: LinkSecret::generate(rng),
            identity: *identity.public_key(),
            name: "A phone".to_owned(),
        };
        let mut plain: [u8; 16] = std::array::from_fn(|_| pick(rng, 256) as u8);
        plain[0] = 0;
        let eid = Eid::parse_linked(&plain).unwrap();
        let (ephemeral, passkey) = (SecretKey::generate(rng), SecretKey::generate(rng));
        Self { identity, ephemeral, passkey, link, eid, channel: None, signed: 0 }
    }

    /// What it says to a message; nothing to one that it cannot open.
    fn receive(&mut self, message: Vec<u8>, hash: &[u8; 32]) -> Vec<Vec<u8>> {
        let Some(channel) = &mut self.channel else {
            let psk = key_schedule::psk_linked(&self.link.secret, &self.eid);
            let responder = Responder::linked(self.identity.clone(), &psk, self.ephemeral.clone());
            let (established, reply) = responder.respond(&message).unwrap();
            let mut channel = Channel::new(established);
            let info = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid([0; 16]));
            let introduction = encode(&PostHandshake::ctap(encode(&info)));
            let introduction = channel.seal_untyped(&introduction).unwrap();
            self.channel = Some(channel);
            return vec![reply.to_vec(), introduction];
        };
        match channel.open(message).unwrap().kind {
            MessageType::Ctap => {
                let data = AuthenticatorData::new(
                    sha256(&[RP_ID.as_bytes()]),
                    Flags::USER_PRESENT | Flags::USER_VERIFIED,
                    1,
                );
                let signature = self.passkey.sign(&[data.raw(), hash].concat());
                let id = CredentialDescriptor::new(CredentialId::new([7; 16]).unwrap());
                let response = GetAssertionResponse::new(id, data, SecretBytes::new(signature));
                let response = CtapResponse::GetAssertion(response).to_raw().to_bytes();
                self.signed += 1;
                vec![channel.seal(MessageType::Ctap, response.expose()).unwrap()]
            }
            _ => Vec::new(),
        }
    }
}

/// One call, to its end.
pub(super) fn call(seed: u64) -> (Vec<String>, Result<(), Error>) {
    let rng = &mut SeededRng::new(seed).fork("linked");
    let is_calm = chance(rng, 25);
    let trouble = if is_calm { 0 } else { [3, 10, 30][pick(rng, 3)] };
    let mut phone = Phone::new(rng);
    let own = ContactSecrets::generate(rng);
    let advert = AdvertKey::new(&key_schedule::eid_key_linked(&phone.link.secret, &own.nonce));
    let advert = advert.seal(&phone.eid).to_vec();
    let mut client = Transaction::linked(
        ContactHint::GetAssertion,
        ClientDeadlines::default(),
        &LinkedPhone { link: phone.link.clone(), domain: TunnelDomain::GOOGLE },
        own,
        Duration::ZERO,
    );

    let hash: [u8; 32] = std::array::from_fn(|_| pick(rng, 256) as u8);
    let mut request = GetAssertionRequest::new(RP_ID, hash);
    request.allow_list = vec![CredentialDescriptor::new(CredentialId::new([7; 16]).unwrap())];
    let signal = chance(rng, 50);
    let mut coming = VecDeque::from([Input::TunnelOpened { connect_signal: signal }]);
    if signal {
        coming.push_back(Input::Message(vec![0]));
    }
    let received = pick(rng, coming.len() as u64 + 1);
    coming.insert(received, Input::Advert(AdvertReport::new(SERVICE_UUID, advert)));

    let mut transcript = Vec::new();
    let (mut now, mut stage, mut meddled) = (Duration::ZERO, client.stage(), false);
    let (mut answers, mut gone, mut forgotten) = (0, false, false);
    let (mut radio, mut tunnel, mut end) = (true, true, None);
    let (mut tunnel_fault, mut radio_fault, mut cancelled) = (false, false, false);
    loop {
        while let Some(output) = client.poll_output() {
            transcript.push(format!("{now:?} {output:?}"));
            assert!(end.is_none(), "an output after the end");
            match output {
                Output::Send(message) => {
                    assert!(tunnel, "sent into no tunnel");
                    // A client's message always arrives: what is meddled with
                    // is what it gets.
                    let replies = phone.receive(message, &hash);
                    coming.extend(replies.into_iter().map(Input::Message));
                }
                Output::StopScanning => radio = false,
                Output::CloseTunnel => tunnel = false,
                Output::ForgetLink => forgotten = true,
                Output::Response(response) => {
                    let Ok(CtapResponse::GetAssertion(response)) = response else { panic!() };
                    let signed = [response.auth_data.raw(), &hash].concat();
                    let key = phone.passkey.public_key();
                    assert!(key.verifies(&signed, response.signature.expose()));
                    answers += 1;
                    assert!(answers <= phone.signed, "answered more than was signed");
                }
                Output::Closed(result) => end = Some(result),
                Output::Linked(_) => panic!("a link from a linked transaction"),
                Output::RawResponse(_) => panic!("nothing was asked in raw CTAP"),
                Output::JsonResponse(_) => panic!("nothing was asked in JSON"),
                Output::Dial(_) | Output::Update(_) => {}
            }
        }
        assert!(rank(client.stage()) >= rank(stage), "back from {stage}");
        stage = client.stage();
        if end.is_some() {
            break;
        }
        let next = if stage == Stage::Ready {
            let (request, timeout) = (request.clone().try_into().unwrap(), None);
            if answers == 0 { Input::Request { request, timeout } } else { Input::Finish }
        } else {
            coming.pop_front().unwrap_or(Input::TimePassed)
        };
        let mut next = next;
        if chance(rng, trouble) {
            match (pick(rng, 7), &mut next) {
                (0, _) => {
                    next = Input::Cancel;
                    cancelled = true;
                }
                (1, _) => {
                    let status = [404, 410, 503][pick(rng, 3)];
                    gone = status == 410;
                    next = Input::TunnelFailed(TunnelError::Status(status));
                }
                (2, _) => next = Input::TunnelClosed,
                (3, _) => {
                    radio_fault |= radio;
                    let fault = Input::BluetoothFailed(BluetoothError::Off);
                    let put_off = std::mem::replace(&mut next, fault);
                    // What the caller and the clock say comes again by itself.
                    if !matches!(put_off, Input::Request { .. } | Input::Finish | Input::TimePassed)
                    {
                        coming.push_front(put_off);
                    }
                }
                (4, Input::Message(message)) => {
                    let at = pick(rng, message.len() as u64);
                    message[at] ^= 1 << rng.below(8);
                    meddled = true;
                }
                (5, Input::Message(message)) => {
                    coming.push_front(Input::Message(message.clone()));
                    meddled = true;
                }
                // Lost, or changed on the way.
                (_, Input::Message(message)) => {
                    message.truncate(pick(rng, message.len() as u64));
                    meddled = true;
                }
                (_, Input::Advert(advert)) => advert.service_data.truncate(pick(rng, 20)),
                _ => {}
            }
        }
        match next {
            Input::TimePassed => now = client.deadline().expect("something to wait for"),
            _ => now += Duration::from_millis(rng.below(500)),
        }
        if matches!(next, Input::TunnelClosed | Input::TunnelFailed(_)) {
            (tunnel, tunnel_fault) = (false, true);
        }
        transcript.push(format!("{now:?} {next:?}"));
        client.handle(now, next).unwrap();
    }
    assert!(!tunnel && (!radio || radio_fault), "left going at its end");
    let result = end.unwrap();
    let calls = matches!(&result, Err(error) if error.stage == Stage::ShowingQr);
    assert_eq!(forgotten, gone && calls, "a link is forgotten when it is dead, and only then");
    assert!(!is_calm || result.is_ok(), "nothing went wrong: {result:?}");
    match &result {
        Ok(()) => assert_eq!(answers, 1, "ended well, and was not answered"),
        Err(error) => assert!(
            match &error.kind {
                ErrorKind::Cancelled(CancelledBy::Caller) => cancelled,
                ErrorKind::Deadline => error.stage != Stage::Ready,
                ErrorKind::PeerMisbehaved(_) => meddled,
                ErrorKind::PeerDisconnected | ErrorKind::EndedOnPhone | ErrorKind::Tunnel(_) =>
                    tunnel_fault,
                ErrorKind::Bluetooth(_) => radio_fault && error.stage == Stage::ShowingQr,
                _ => false,
            },
            "blamed for nothing: {error}"
        ),
    }
    (transcript, result)
}
