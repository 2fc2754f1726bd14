//! Who did what, as seen from outside: what each side has going, what the user
//! allowed, what the phone did with that, and what the client was answered.
//!
//! Every check here holds at every moment, whatever goes wrong.

use std::collections::BTreeMap;

use fido_hybrid_proto::authenticator::{self, Decision, Passkey, Prompt, Question};
use fido_hybrid_proto::client::{self, PhoneRequest};
use fido_hybrid_proto::crypto::{PublicKey, sha256};
use fido_hybrid_proto::ctap::{
    AuthenticatorData, CredentialId, CtapRequest, CtapResponse, Flags, GetAssertionRequest,
    GetAssertionResponse, Status,
};
use fido_hybrid_proto::error::Error;
use fido_hybrid_sim::{Observation, Side};

use super::plan::RP_ID;

/// What one side has going, and is to stop before its end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Going {
    radio: bool,
    tunnel: bool,
    prompt: bool,
}

/// What the user's last approval is still good for.
#[derive(Debug, PartialEq, Eq)]
enum Allowed {
    Nothing,
    Making,
    /// A passkey was made of it, and is being saved.
    Saving,
    Signing(CredentialId),
}

/// What the phone told the client, as it says itself.
#[derive(Debug)]
pub(crate) enum Verdict {
    Made(CredentialId),
    Signed(CredentialId),
    Refused(Status),
}

pub(crate) struct Ledger {
    going: BTreeMap<Side, Going>,
    prompt: Option<Prompt>,
    allowed: Allowed,
    approvals: usize,
    acts: usize,
    made: Option<CredentialId>,
    keys: BTreeMap<CredentialId, PublicKey>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) asked: Vec<CtapRequest>,
    pub(crate) answers: Vec<Result<CtapResponse, Status>>,
    pub(crate) results: BTreeMap<Side, Result<(), Error>>,
    pub(crate) advert: Option<Vec<u8>>,
}

impl Ledger {
    pub(crate) fn new(passkeys: &[Passkey]) -> Self {
        let client = Going { radio: true, ..Going::default() };
        let keys = passkeys.iter().map(|passkey| (passkey.id.clone(), *passkey.key.public_key()));
        Self {
            going: BTreeMap::from([(Side::Client, client), (Side::Phone, Going::default())]),
            prompt: None,
            allowed: Allowed::Nothing,
            approvals: 0,
            acts: 0,
            made: None,
            keys: keys.collect(),
            verdicts: Vec::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            results: BTreeMap::new(),
            advert: None,
        }
    }

    pub(crate) fn see(&mut self, seen: Observation<'_>) {
        match seen {
            Observation::ToClient(input) => self.client_gets(input),
            Observation::ByClient(output) => self.client_wants(output),
            Observation::ToPhone(input) => self.phone_gets(input),
            Observation::ByPhone(output) => self.phone_wants(output),
        }
    }

    fn going(&mut self, side: Side) -> &mut Going {
        self.going.get_mut(&side).unwrap()
    }

    fn end(&mut self, side: Side, result: &Result<(), Error>) {
        assert_eq!(*self.going(side), Going::default(), "{side}: left going at its end");
        let earlier = self.results.insert(side, result.clone());
        assert!(earlier.is_none(), "{side}: ended twice");
    }

    fn assert_not_over(&self, side: Side) {
        assert!(!self.results.contains_key(&side), "{side}: an output after the end");
    }

    fn client_gets(&mut self, input: &client::Input) {
        use client::Input;
        match input {
            Input::Request { request: PhoneRequest::Ctap(request), .. } => {
                self.asked.push(request.request().clone());
            }
            Input::Request { request: PhoneRequest::Raw(_) | PhoneRequest::Json(_), .. } => {
                panic!("nothing is asked in raw CTAP or in JSON");
            }
            Input::TunnelClosed | Input::TunnelFailed(_) => self.going(Side::Client).tunnel = false,
            Input::Advert(_)
            | Input::NewCode { .. }
            | Input::Adapter(_)
            | Input::BluetoothFailed(_)
            | Input::TunnelOpened { .. }
            | Input::Message(_)
            | Input::Finish
            | Input::Cancel
            | Input::TimePassed => {}
        }
    }

    fn client_wants(&mut self, output: &client::Output) {
        use client::Output;
        self.assert_not_over(Side::Client);
        match output {
            Output::Dial(_) => self.going(Side::Client).tunnel = true,
            Output::Send(_) => assert!(self.going(Side::Client).tunnel, "sent into no tunnel"),
            Output::StopScanning => self.going(Side::Client).radio = false,
            Output::CloseTunnel => self.going(Side::Client).tunnel = false,
            Output::Response(response) => self.answer(response),
            Output::RawResponse(_) => panic!("nothing was asked in raw CTAP"),
            Output::JsonResponse(_) => panic!("nothing was asked in JSON"),
            Output::Linked(_) | Output::ForgetLink => panic!("there is no link"),
            Output::Closed(result) => self.end(Side::Client, result),
            Output::Update(_) => {}
        }
    }

    fn phone_gets(&mut self, input: &authenticator::Input) {
        use authenticator::Input;
        match input {
            Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_) => {
                self.going(Side::Phone).tunnel = false;
            }
            Input::AdvertisingFailed(_) => self.going(Side::Phone).radio = false,
            Input::Decided { prompt: id, decision } => {
                // One that comes too late is no decision any more.
                let shown = self.prompt.take_if(|prompt| prompt.id == *id);
                if let Some(prompt) = shown {
                    self.going(Side::Phone).prompt = false;
                    self.decided(&prompt, *decision);
                }
            }
            Input::TunnelOpened { .. }
            | Input::Message(_)
            | Input::Adapter(_)
            | Input::PasskeysFound(_)
            | Input::Saved(_)
            | Input::UseCounted(_)
            | Input::KeyCreated(_)
            | Input::Signed(_)
            | Input::Cancel
            | Input::TimePassed => {}
        }
    }

    fn decided(&mut self, prompt: &Prompt, decision: Decision) {
        self.allowed = match decision {
            Decision::Approved { verification, account } if verification >= prompt.demanded => {
                self.approvals += 1;
                match &prompt.question {
                    Question::Register(_) => Allowed::Making,
                    Question::SignIn(accounts) => {
                        Allowed::Signing(accounts[account].credential.clone().unwrap())
                    }
                    _ => Allowed::Nothing,
                }
            }
            _ => Allowed::Nothing,
        };
    }

    fn phone_wants(&mut self, output: &authenticator::Output) {
        use authenticator::{AuthenticatorUpdate, Output};
        self.assert_not_over(Side::Phone);
        match output {
            Output::Dial(_) => self.going(Side::Phone).tunnel = true,
            Output::Advertise(advert) => {
                self.going(Side::Phone).radio = true;
                self.advert = Some(advert.clone());
            }
            Output::StopAdvertising => self.going(Side::Phone).radio = false,
            Output::Send(_) => assert!(self.going(Side::Phone).tunnel, "sent into no tunnel"),
            Output::Prompt(prompt) => {
                assert!(self.prompt.is_none(), "two prompts at a time");
                self.going(Side::Phone).prompt = true;
                self.allowed = Allowed::Nothing;
                self.prompt = Some(prompt.clone());
            }
            Output::DismissPrompt => {
                assert!(self.prompt.take().is_some(), "no prompt to take away");
                self.going(Side::Phone).prompt = false;
            }
            Output::SavePasskey(passkey) => {
                assert_eq!(self.allowed, Allowed::Making, "made without an approval");
                self.allowed = Allowed::Saving;
                self.acts += 1;
                self.made = Some(passkey.id.clone());
                let key = *passkey.key.public_key();
                assert!(self.keys.insert(passkey.id.clone(), key).is_none(), "an id used twice");
            }
            Output::CountUse { rp_id, id } => {
                assert_eq!(self.allowed, Allowed::Signing(id.clone()), "not what was approved");
                assert_eq!(rp_id, RP_ID);
            }
            Output::CloseTunnel => self.going(Side::Phone).tunnel = false,
            Output::Update(AuthenticatorUpdate::Registered) => {
                assert_eq!(self.allowed, Allowed::Saving, "told of no new passkey");
                self.allowed = Allowed::Nothing;
                self.verdicts.push(Verdict::Made(self.made.take().unwrap()));
            }
            Output::Update(AuthenticatorUpdate::SignedIn) => {
                let allowed = std::mem::replace(&mut self.allowed, Allowed::Nothing);
                let Allowed::Signing(id) = allowed else { panic!("signed with {allowed:?}") };
                self.acts += 1;
                self.verdicts.push(Verdict::Signed(id));
            }
            Output::Update(AuthenticatorUpdate::Refused(refusal)) => {
                self.allowed = Allowed::Nothing;
                self.verdicts.push(Verdict::Refused(refusal.status()));
            }
            Output::Closed(result) => self.end(Side::Phone, result),
            _ => {}
        }
        assert!(self.acts <= self.approvals, "more was done than approved");
    }

    /// An answer that the client believes is the one that the phone gave to
    /// this very request.
    fn answer(&mut self, response: &Result<CtapResponse, Status>) {
        let request = &self.asked[self.answers.len()];
        // A client answers a getInfo from what it was introduced with.
        let local = |request: &&CtapRequest| matches!(request, CtapRequest::GetInfo);
        let before = self.asked[..self.answers.len()].iter().filter(|request| !local(request));
        let verdict = self.verdicts.get(before.count());
        match (request, response) {
            (CtapRequest::GetInfo, Ok(CtapResponse::GetInfo(_))) => {}
            (CtapRequest::MakeCredential(request), Ok(CtapResponse::MakeCredential(response))) => {
                let credential = response.credential().unwrap();
                let Some(Verdict::Made(id)) = verdict else { panic!("made, but {verdict:?}") };
                assert_eq!(credential.id, *id);
                assert_eq!(credential.public_key.es256(), self.keys.get(id));
                assert_eq!(request.rp.id, RP_ID);
                let outputs = response.unsigned_extensions.prf.as_ref();
                let outputs = outputs.filter(|prf| prf.enabled && prf.results.is_some());
                let asked = request.extensions.prf.is_some();
                assert_evaluated(asked, &response.auth_data, outputs.is_some());
            }
            (CtapRequest::GetAssertion(request), Ok(CtapResponse::GetAssertion(response))) => {
                let Some(Verdict::Signed(id)) = verdict else { panic!("signed, but {verdict:?}") };
                assert_eq!(response.credential.as_ref().unwrap().id, *id);
                assert_signed(request, response, &self.keys[id]);
                let outputs = response.unsigned_extensions.prf.as_ref();
                let asked = request.extensions.prf.is_some();
                assert_evaluated(asked, &response.auth_data, outputs.is_some());
            }
            (_, Err(status)) => match verdict {
                Some(Verdict::Refused(refused)) => assert_eq!(refused, status),
                // The last word of a phone that ends while it is asked. Its
                // next output reports that.
                None => assert!(
                    [Status::OPERATION_DENIED, Status::USER_ACTION_TIMEOUT].contains(status)
                        && matches!(self.results.get(&Side::Phone), Some(Err(_))),
                    "{status} from nowhere"
                ),
                other => panic!("{status}, but {other:?}"),
            },
            other => panic!("an answer to something else: {other:?}"),
        }
        self.answers.push(response.clone());
    }
}

fn assert_signed(request: &GetAssertionRequest, response: &GetAssertionResponse, key: &PublicKey) {
    assert_eq!(response.auth_data.rp_id_hash(), &sha256(&[RP_ID.as_bytes()]));
    assert!(response.auth_data.flags().contains(Flags::USER_PRESENT));
    let signed = [response.auth_data.raw(), &request.client_data_hash].concat();
    assert!(key.verifies(&signed, response.signature.expose()), "the signature is another's");
}

/// Every passkey here has a PRF, and every request for it something to evaluate.
fn assert_evaluated(asked: bool, auth_data: &AuthenticatorData, evaluated: bool) {
    let is_verified = auth_data.flags().contains(Flags::USER_VERIFIED);
    assert_eq!(evaluated, asked && is_verified, "PRF outputs are a verified user's who asked");
}
