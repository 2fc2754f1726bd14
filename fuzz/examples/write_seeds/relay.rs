//! Scripts for `relay`.

use fido_hybrid_fuzz::relay::step;

use super::{Seed, Steps};

/// Messages of 100 bytes, 20 of them; 4 tunnels, 4 of one address; 2 messages
/// and 240 bytes that wait; 3 ids remembered; 8 connections without a tunnel.
const SETTINGS: [u8; 8] = [100, 20, 4, 4, 2, 60, 3, 8];

/// A phone, connection 0, has opened tunnel 1.
fn waiting() -> Steps {
    Steps::new(&SETTINGS).step(step::ARRIVE, &[0]).step(step::NEW, &[0, 1])
}

/// A client, connection 1, has joined it.
fn paired() -> Steps {
    waiting().step(step::ARRIVE, &[1]).step(step::CONNECT, &[1, 1, 0])
}

trait Say {
    fn say(self, from: u8, message: &[u8]) -> Self;

    /// As many connections come from address 0 as `count` says.
    fn crowd(self, count: usize) -> Self;
}

impl Say for Steps {
    fn say(self, from: u8, message: &[u8]) -> Self {
        self.step(step::MESSAGE, &[from]).bytes(message)
    }

    fn crowd(self, count: usize) -> Self {
        (0..count).fold(self, |steps, _| steps.step(step::ARRIVE, &[0]))
    }
}

/// Part of a fuzzer's input: connections come, most of which open nothing.
fn churn(steps: Steps) -> Steps {
    steps
        .crowd(7)
        .step(step::CLOSED, &[0])
        .crowd(4)
        .step(step::TEXT, &[0])
        .crowd(15)
        .step(step::NEW, &[1, 1])
        .step(step::NEW, &[1, 5])
        .step(step::NEW, &[0, 10])
        .step(step::CONNECT, &[2, 2, 2])
        .step(step::CONNECT, &[2, 2, 2])
        .step(step::CONNECT, &[2, 0, 3])
}

pub(crate) fn seeds() -> Vec<Seed> {
    vec![
        (
            "ceremony",
            "the messages of a sign-in, by their lengths, then the client disconnects, and the phone after it",
            paired()
                .say(1, &[1; 81])
                .step(step::TAKE_ALL, &[])
                .say(0, &[2; 81])
                .say(0, &[3; 90])
                .step(step::TAKE_ALL, &[])
                .say(1, &[4; 96])
                .step(step::TAKE_ALL, &[])
                .say(0, &[5; 100])
                .step(step::TAKE_ALL, &[])
                .say(1, &[6; 48])
                .step(step::CLOSED, &[1])
                .step(step::TAKE_ALL, &[])
                .step(step::CLOSED, &[0])
                .step(step::DEPART, &[0])
                .step(step::DEPART, &[0]),
        ),
        (
            "early-messages",
            "the phone sends before its client has connected",
            waiting()
                .say(0, &[1; 10])
                .say(0, &[2; 10])
                .say(0, &[3; 10])
                .step(step::ARRIVE, &[1])
                .step(step::CONNECT, &[1, 1, 0])
                .step(step::TAKE_ALL, &[])
                .say(0, &[4; 10])
                .step(step::TAKE_ALL, &[]),
        ),
        (
            "slow-reader",
            "a client that takes one message at a time from a phone that sends more",
            paired()
                .step(step::TAKE_ALL, &[])
                .say(0, &[1; 60])
                .say(0, &[2; 60])
                .say(0, &[3; 60])
                .step(step::TAKE, &[1])
                .say(0, &[4; 60])
                .step(step::CLOSED, &[0])
                .step(step::TAKE, &[1])
                .step(step::TAKE_ALL, &[]),
        ),
        (
            "unread-messages",
            "more bytes wait than may: the sender is closed with 1013",
            paired()
                .step(step::UNREAD_MESSAGE, &[0])
                .bytes(&[1; 100])
                .step(step::UNREAD_MESSAGE, &[0])
                .bytes(&[2; 100])
                .step(step::UNREAD_MESSAGE, &[0])
                .bytes(&[3; 100])
                .step(step::TAKE_ALL, &[]),
        ),
        (
            "taken",
            "a second phone and a second client for one tunnel, and its id again after its end",
            paired()
                .step(step::ARRIVE, &[2])
                .step(step::NEW, &[2, 1])
                .step(step::CONNECT, &[2, 1, 0])
                .step(step::DEPART, &[0])
                .step(step::NEW, &[1, 1]),
        ),
        (
            "one-code-scanned-by-three",
            "three phones wait under one tunnel id, the client connects to the second, and a fourth is too late",
            waiting()
                .step(step::ARRIVE, &[1])
                .step(step::NEW, &[1, 1])
                .step(step::ARRIVE, &[2])
                .step(step::NEW, &[2, 1])
                .say(0, &[1; 10])
                .say(1, &[2; 10])
                .step(step::ARRIVE, &[3])
                // Routing ids are 1, 2 and 3; the mask makes 1 into 2.
                .step(step::CONNECT, &[3, 1, 3])
                .step(step::TAKE_ALL, &[])
                .say(3, &[3; 10])
                .step(step::TAKE_ALL, &[])
                .step(step::ARRIVE, &[0])
                .step(step::NEW, &[4, 1]),
        ),
        (
            "scanned-again",
            "a phone disconnects before its client connects, and scans the code again",
            waiting()
                .step(step::CLOSED, &[0])
                .step(step::DEPART, &[0])
                .step(step::ARRIVE, &[0])
                .step(step::NEW, &[0, 1])
                .step(step::ARRIVE, &[1])
                .step(step::CONNECT, &[1, 1, 0])
                .say(1, &[1; 10])
                .step(step::TAKE_ALL, &[]),
        ),
        (
            "wrong-routing-id",
            "a client with the right tunnel id and a wrong routing id",
            waiting().step(step::ARRIVE, &[1]).step(step::CONNECT, &[1, 1, 0xff]),
        ),
        (
            "paths",
            "invalid paths, and no subprotocol",
            Steps::new(&SETTINGS)
                .step(step::ARRIVE, &[0])
                .step(step::PATH, &[0])
                .bytes(b"/cable/contact/abcd")
                .step(step::PATH, &[0])
                .bytes(b"/cable/new/zz")
                .step(step::PATH, &[0])
                .bytes(b"/cable/connect/0a0b/00112233445566778899aabbccddeeff")
                .step(step::PATH, &[0])
                .bytes("/cable/new/é".as_bytes())
                .step(step::NO_SUBPROTOCOL, &[0, 1]),
        ),
        (
            "found-client-displaced",
            "phones that scanned a code second are turned away when its client comes: their connections displaced that of the client",
            churn(
                churn(
                    Steps::new(&SETTINGS)
                        .step(step::FLOOD, &[0])
                        .step(step::ARRIVE, &[1])
                        .step(step::ARRIVE, &[1])
                        .step(step::ARRIVE, &[1])
                        .step(step::NEW, &[1, 1])
                        .step(step::ARRIVE, &[2])
                        .step(step::NEW, &[2, 1])
                        .say(0, &[1, 1, 1, 1, 1, 1, 1, 1, 0, 0]),
                )
                .step(step::CONNECT, &[1, 0, 0]),
            )
            .step(step::CONNECT, &[3, 1, 3])
            .step(step::TAKE_ALL, &[])
            .say(3, &[3; 10])
            .step(step::TAKE_ALL, &[])
            .step(step::ARRIVE, &[0])
            .step(step::NEW, &[4, 1]),
        ),
        (
            "limits",
            "many connections from one address",
            Steps::new(&[100, 2, 2, 1, 1, 60, 1, 8])
                .step(step::ARRIVE, &[0])
                .step(step::ARRIVE, &[0])
                .step(step::ARRIVE, &[0])
                .step(step::NEW, &[0, 1])
                .step(step::NEW, &[1, 2])
                .step(step::ARRIVE, &[1])
                .step(step::ARRIVE, &[1])
                .step(step::ARRIVE, &[2])
                .step(step::ARRIVE, &[3])
                .step(step::NEW, &[2, 2])
                .step(step::NEW, &[4, 3]),
        ),
        (
            "silent-crowd",
            "one address displaces its own oldest connections, and another's request is still read",
            Steps::new(&[100, 2, 2, 1, 1, 60, 1, 3])
                .step(step::ARRIVE, &[1])
                .step(step::ARRIVE, &[0])
                .step(step::ARRIVE, &[0])
                .step(step::ARRIVE, &[0])
                .step(step::ARRIVE, &[0])
                .step(step::TAKE_ALL, &[])
                .step(step::NEW, &[0, 1])
                .step(step::DEPART, &[1])
                .step(step::CLOSED, &[0])
                .step(step::ARRIVE, &[2])
                .step(step::TAKE_ALL, &[]),
        ),
        (
            "many-used-ids",
            "an address that uses many tunnel ids makes only its own forgotten",
            [(1, 1), (2, 2), (2, 3), (2, 4), (2, 5)]
                .into_iter()
                .fold(Steps::new(&SETTINGS), |steps, (address, tunnel)| {
                    steps
                        .step(step::ARRIVE, &[address])
                        .step(step::NEW, &[0, tunnel])
                        .step(step::ARRIVE, &[address])
                        .step(step::CONNECT, &[1, tunnel, 0])
                        .step(step::DEPART, &[0])
                        .step(step::DEPART, &[0])
                })
                .step(step::ARRIVE, &[3])
                .step(step::NEW, &[0, 1])
                .step(step::NEW, &[0, 3])
                .step(step::NEW, &[0, 2]),
        ),
        (
            "too-much",
            "a message over the limit, text, one message more than allowed, and a flood of pings",
            Steps::new(&[100, 1, 4, 4, 4, 60, 3, 8])
                .step(step::ARRIVE, &[0])
                .step(step::NEW, &[0, 1])
                .say(0, &[1; 101])
                .step(step::ARRIVE, &[0])
                .step(step::NEW, &[1, 2])
                .step(step::TEXT, &[1])
                .step(step::ARRIVE, &[1])
                .step(step::NEW, &[2, 3])
                .say(2, &[1])
                .say(2, &[2])
                .step(step::ARRIVE, &[1])
                .step(step::NEW, &[3, 4])
                .step(step::TOO_LONG, &[3])
                .step(step::ARRIVE, &[1])
                .step(step::NEW, &[4, 5])
                .step(step::FLOOD, &[4])
                .step(step::TAKE_ALL, &[]),
        ),
        (
            "time",
            "a phone times out, a pair stays too long, and ids are forgotten",
            paired()
                .step(step::ARRIVE, &[2])
                .step(step::NEW, &[2, 2])
                .step(step::DEADLINE, &[])
                .step(step::TAKE_ALL, &[])
                .say(0, &[1; 10])
                .step(step::DEADLINE, &[])
                .step(step::TAKE_ALL, &[])
                .step(step::TIME_PASSED, &[4, 0])
                .step(step::ARRIVE, &[3])
                .step(step::NEW, &[3, 1]),
        ),
        (
            "connection-lost",
            "a half-open client is lost with messages waiting for it",
            paired().say(0, &[1; 50]).step(step::LOST, &[1]).step(step::TAKE_ALL, &[]),
        ),
    ]
}
