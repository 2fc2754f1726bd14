//! An authenticator's transaction in each stage in which sealed messages reach
//! it.

use fido_hybrid_proto::authenticator::{Input, Output, Prompt};
use fido_hybrid_proto::error::Stage;
use fido_hybrid_proto::secret::TrafficKey;
use fido_hybrid_proto::transport::Channel;

use super::rig::{
    self, RP_ID, Rig, approved, config, get_assertion, make_credential, passkey, prompt,
};

/// The phone wherever a request can be: none has come, or it is before the
/// store, before the user, being counted, being saved.
pub(crate) const STAGES: [(Stage, fn() -> Rig); 5] = [
    (Stage::Listening, || listening().0),
    (Stage::Answering, finding),
    (Stage::Answering, || asking().0),
    (Stage::Answering, counting),
    (Stage::Answering, saving),
];

/// A phone whose client has said nothing yet, and that client's key.
pub(crate) fn listening() -> (Rig, TrafficKey) {
    let (mut rig, advert) = Rig::advertising(config(), 1);
    let (initiator, first) = rig.handshake(&advert);
    let sent = rig::sent(rig.step(Input::Message(first)));
    let [reply, introduction, update] = sent.try_into().unwrap();
    let established = initiator.finish(&reply).unwrap();
    let key = TrafficKey::new(*established.sending.expose());
    let mut channel = Channel::new(established);
    channel.open_untyped(introduction).unwrap();
    channel.open(update).unwrap();
    rig.channel = Some(channel);
    (rig, key)
}

fn finding() -> Rig {
    let mut rig = listening().0;
    let outputs = rig.ask(&get_assertion(&[]).into());
    assert!(matches!(outputs[..], [Output::FindPasskeys { .. }]));
    rig
}

/// A phone whose user is asked about a sign-in.
pub(crate) fn asking() -> (Rig, Prompt) {
    let mut rig = finding();
    let prompt = prompt(&rig.find(vec![passkey(1, RP_ID, "ada")]));
    (rig, prompt)
}

fn counting() -> Rig {
    let (mut rig, prompt) = asking();
    let outputs = rig.decide(&prompt, approved(0));
    assert!(matches!(outputs[..], [Output::CountUse { .. }]));
    rig
}

fn saving() -> Rig {
    let mut rig = listening().0;
    let prompt = prompt(&rig.ask(&make_credential("ada").into()));
    rig::saving(&rig.decide(&prompt, approved(0)));
    rig
}
