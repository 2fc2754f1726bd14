//! Scripts for `client_transaction`.

use fido_hybrid_fuzz::client_transaction::{answer, introduction, request, setting, step};

use super::{Seed, Steps};

/// The service at which iPhones wait, and the routing id of one.
const IPHONE: [u8; 5] = [0x4d, 0x58, 0x88, 1, 0];

fn received(settings: u8) -> Steps {
    Steps::new(&[settings]).step(step::ADVERT, &IPHONE).bytes(&[])
}

fn handshaking(settings: u8) -> Steps {
    received(settings).step(step::TUNNEL_OPENED, &[0])
}

fn ready(settings: u8, introduction: u8) -> Steps {
    handshaking(settings).step(step::REPLY, &[]).step(step::INTRODUCTION, &[introduction])
}

/// The phone has a request, which has no timeout of its own.
fn asking(settings: u8, request: u8) -> Steps {
    ready(settings, 0).step(step::REQUEST, &[request, u8::MAX])
}

/// An update as Android sends it, padded and without a link.
fn empty_update() -> Vec<u8> {
    let mut update = vec![0xa1, 0x00, 0x59, 0x01, 0xf8];
    update.resize(update.len() + 0x1f8, 0);
    update
}

pub(crate) fn seeds() -> Vec<Seed> {
    let sign_in = request::SIGN_IN | request::LISTED | request::VERIFY;
    vec![
        (
            "registration",
            "a registration with its answer, and a clean end",
            asking(0, request::VERIFY).step(step::ANSWER, &[0]).step(step::FINISH, &[]),
        ),
        (
            "sign-in",
            "a sign-in with an allow list, and a clean end",
            asking(0, sign_in).step(step::ANSWER, &[0]).step(step::FINISH, &[]),
        ),
        (
            "sign-in-of-an-iphone",
            "the recorded iPhone: it answers, then closes the tunnel",
            asking(0, request::SIGN_IN).step(step::ANSWER, &[0]).step(step::TUNNEL_CLOSED, &[]),
        ),
        (
            "sign-in-of-an-android",
            "a link in the first message and an empty update of 528 bytes before the answer",
            ready(setting::LINKING, introduction::LINK)
                .step(step::TYPED, &[2])
                .bytes(&empty_update())
                .step(step::REQUEST, &[sign_in, 60])
                .step(step::ANSWER, &[0])
                .step(step::FINISH, &[])
                .step(step::DEADLINE, &[]),
        ),
        (
            "two-requests",
            "getInfo from the copy, a sign-in that is refused, then a registration",
            ready(0, 0)
                .step(step::REQUEST, &[request::GET_INFO, 0])
                .step(step::REQUEST, &[sign_in, u8::MAX])
                .step(step::ANSWER, &[answer::REFUSED])
                .step(step::REQUEST, &[0, u8::MAX])
                .step(step::ANSWER, &[0])
                .step(step::FINISH, &[]),
        ),
        (
            "linked",
            "a linked phone: tunnel opened, signal, advert, request",
            Steps::new(&[setting::LINKED])
                .step(step::TUNNEL_OPENED, &[1])
                .step(step::RAW_MESSAGE, &[])
                .bytes(&[0])
                .step(step::ADVERT, &[1, 2, 3, 0xff, 0xff])
                .bytes(&[])
                .step(step::REPLY, &[])
                .step(step::INTRODUCTION, &[0])
                .step(step::REQUEST, &[sign_in, u8::MAX])
                .step(step::ANSWER, &[0])
                .step(step::FINISH, &[]),
        ),
        (
            "linked-and-advert-first",
            "a linked phone's advert comes before its tunnel opens, and its signal after the handshake began",
            Steps::new(&[setting::LINKED])
                .step(step::ADVERT, &IPHONE)
                .bytes(&[])
                .step(step::TUNNEL_OPENED, &[1])
                .step(step::RAW_MESSAGE, &[])
                .bytes(&[0])
                .step(step::REPLY, &[])
                .step(step::INTRODUCTION, &[introduction::LINK]),
        ),
        (
            "linked-and-revoked",
            "the service answers 410: the link is no longer valid",
            Steps::new(&[setting::LINKED]).step(step::TUNNEL_FAILED, &[0, 0x01, 0x9a]),
        ),
        (
            "late-link",
            "a link that comes after the client's shutdown is kept, a second forged one is not",
            asking(setting::LINKING, sign_in)
                .step(step::ANSWER, &[0])
                .step(step::FINISH, &[])
                .step(step::LINK, &[0])
                .step(step::LINK, &[1])
                .step(step::TUNNEL_FAILED, &[1, 0x03, 0xe9]),
        ),
        (
            "revision-0",
            "a phone of revision 0, whose messages have no type and which is sent no shutdown",
            ready(0, introduction::REVISION_ZERO)
                .step(step::REQUEST, &[sign_in, u8::MAX])
                .step(step::ANSWER, &[0])
                .step(step::FINISH, &[]),
        ),
        (
            "update-after-the-answer",
            "an empty update comes after the answer",
            asking(0, sign_in)
                .step(step::ANSWER, &[0])
                .step(step::TYPED, &[2])
                .bytes(&empty_update())
                .step(step::FINISH, &[]),
        ),
        (
            "closed-without-an-answer",
            "the phone closes the tunnel after the request, as iOS does when its user declines",
            asking(0, sign_in).step(step::TUNNEL_CLOSED, &[]),
        ),
        (
            "shutdown-from-the-phone",
            "an empty shutdown, which only clients send",
            asking(0, sign_in).step(step::TYPED, &[0]).bytes(&[]),
        ),
        (
            "unrequested-json",
            "JSON from a phone that has digital credentials too",
            ready(0, introduction::DIGITAL_CREDENTIALS).step(step::TYPED, &[3]).bytes(b"{}"),
        ),
        (
            "two-answers",
            "the answer comes twice",
            asking(0, sign_in).step(step::ANSWER, &[0]).step(step::TYPED, &[1]).bytes(&[0]),
        ),
        (
            "answer-for-another-rp",
            "the phone signed for another relying party",
            asking(0, sign_in).step(step::ANSWER, &[answer::OTHER_RP]),
        ),
        (
            "answer-by-another-passkey",
            "the phone signed with a passkey that was not on the list",
            asking(0, sign_in).step(step::ANSWER, &[answer::OTHER_CREDENTIAL]),
        ),
        (
            "answer-without-user",
            "the phone signed without verification, which was required",
            asking(0, sign_in).step(step::ANSWER, &[answer::NOT_VERIFIED]),
        ),
        (
            "empty-answer",
            "a CTAP message without a status",
            asking(0, sign_in).step(step::TYPED, &[1]).bytes(&[]),
        ),
        (
            "unknown-type",
            "a message of type 9",
            asking(0, sign_in).step(step::TYPED, &[9]).bytes(&[0]),
        ),
        (
            "not-sealed",
            "three bytes in place of an answer, as a relay could send them",
            asking(0, sign_in).step(step::RAW_MESSAGE, &[]).bytes(&[0, 0, 0]),
        ),
        (
            "changed-reply",
            "the relay changed a bit of the phone's handshake message",
            handshaking(0)
                .step(step::CHANGED_REPLY, &[80, 1])
                .step(step::INTRODUCTION, &[0])
                .step(step::REQUEST, &[0, u8::MAX]),
        ),
        (
            "short-reply",
            "three bytes in place of the handshake message",
            handshaking(0).step(step::RAW_MESSAGE, &[]).bytes(&[4, 0, 0]),
        ),
        (
            "message-too-early",
            "a message before the tunnel is open",
            received(0).step(step::RAW_MESSAGE, &[]).bytes(&[0]),
        ),
        (
            "invalid-introduction",
            "a post-handshake message with its keys in the wrong order",
            handshaking(0)
                .step(step::REPLY, &[])
                .step(step::SEALED, &[])
                .bytes(&[0xa2, 0x03, 0x81, 0x64, b'c', b't', b'a', b'p', 0x01, 0x41, 0xa0]),
        ),
        (
            "foreign-adverts",
            "foreign adverts, empty ones and ones with unknown domains, then the right one with a suffix",
            Steps::new(&[setting::OFFERING_ENDS])
                .step(step::FOREIGN_ADVERT, &[])
                .bytes(&[])
                .step(step::FOREIGN_ADVERT, &[])
                .bytes(&[7; 20])
                .step(step::ADVERT, &[1, 2, 3, 0x77, 0])
                .bytes(&[])
                .step(step::ADVERT, &[1, 2, 3, 0x23, 0x01])
                .bytes(&[0xa1, 0x01, 0x18, 0x80])
                .step(step::TUNNEL_OPENED, &[0])
                .step(step::REPLY, &[]),
        ),
        (
            "every-deadline",
            "each stage times out",
            asking(0, 0).step(step::TIME_PASSED, &[0, 100]).step(step::DEADLINE, &[]),
        ),
        (
            "late-answer",
            "the answer comes when its time is up, and a link after the end",
            ready(setting::LINKING, 0)
                .step(step::REQUEST, &[sign_in, 60])
                .step(step::WAIT, &[0, 60])
                .step(step::ANSWER, &[0])
                .step(step::LINK, &[0]),
        ),
        (
            "radio-fails",
            "Bluetooth is turned off while the code is shown",
            Steps::new(&[0]).step(step::BLUETOOTH_FAILED, &[1]),
        ),
        (
            "radio-comes-late",
            "an adapter is plugged in, then turned on, and receives the advert",
            Steps::new(&[0])
                .step(step::ADAPTER, &[2])
                .step(step::ADAPTER, &[1])
                .step(step::ADAPTER, &[0])
                .step(step::ADVERT, &IPHONE)
                .bytes(&[])
                .step(step::ADAPTER, &[1]),
        ),
        (
            "clock-and-requests-out-of-place",
            "the clock goes back, and the program sends a request and finishes before the phone connects",
            Steps::new(&[0])
                .step(step::TIME_BACKWARDS, &[])
                .step(step::REQUEST, &[0, 1])
                .step(step::FINISH, &[])
                .step(step::TUNNEL_OPENED, &[0])
                .step(step::CANCEL, &[]),
        ),
        (
            "request-no-phone-takes",
            "the program asks for a selection",
            ready(0, 0).step(step::REQUEST, &[request::SELECTION, u8::MAX]),
        ),
    ]
}
