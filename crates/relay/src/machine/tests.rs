use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use fido_hybrid_proto::transport::SUBPROTOCOL;

const PHONE: ConnectionId = ConnectionId(1);
const CLIENT: ConnectionId = ConnectionId(2);
const THIRD: ConnectionId = ConnectionId(3);

const TUNNEL: TunnelId = TunnelId([0xab; 16]);
const ROUTING: RoutingId = RoutingId([1, 2, 3]);

const START: Duration = Duration::from_secs(1000);

fn address(last: u8) -> NetworkAddress {
    NetworkAddress::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
}

fn new_path(tunnel: TunnelId) -> String {
    format!("/cable/new/{tunnel}")
}

fn connect_path(routing: RoutingId, tunnel: TunnelId) -> String {
    format!("/cable/connect/{routing}/{tunnel}")
}

fn request(path: &str) -> UpgradeRequest<'_> {
    UpgradeRequest { path, subprotocols: vec![SUBPROTOCOL], origin: None }
}

fn visit(
    relay: &mut Relay,
    now: Duration,
    connection: ConnectionId,
    path: &str,
) -> Result<Accepted, Rejection> {
    relay.accept(connection, address(connection.0 as u8));
    relay.open(now, connection, &request(path), ROUTING)
}

fn waiting(limits: Limits) -> Relay {
    let mut relay = Relay::new(limits);
    let accepted = visit(&mut relay, START, PHONE, &new_path(TUNNEL)).unwrap();
    assert_eq!(accepted.routing_id, Some(ROUTING));
    relay
}

fn join(relay: &mut Relay) {
    let accepted = visit(relay, START, CLIENT, &connect_path(ROUTING, TUNNEL)).unwrap();
    assert_eq!(accepted.routing_id, None);
}

fn paired(limits: Limits) -> Relay {
    let mut relay = waiting(limits);
    join(&mut relay);
    relay
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn woken(relay: &mut Relay) -> Vec<ConnectionId> {
    std::iter::from_fn(|| relay.next_woken()).collect()
}

fn message(text: &str) -> Event {
    Event::Message(text.as_bytes().to_vec())
}

fn sent(text: &str) -> RelayOutput {
    RelayOutput::Message(text.as_bytes().to_vec())
}

#[test]
fn messages_go_to_the_other_side_in_order() {
    let mut relay = paired(Limits::default());
    relay.receive(CLIENT, message("one"));
    relay.receive(CLIENT, message("two"));
    relay.receive(PHONE, message("answer"));
    for text in ["one", "two"] {
        assert_eq!(relay.next(PHONE), sent(text));
    }
    assert_eq!(relay.next(PHONE), RelayOutput::Wait);
    assert_eq!(relay.next(CLIENT), sent("answer"));
    assert_eq!(relay.next(CLIENT), RelayOutput::Wait);
}

#[test]
fn what_the_phone_sends_early_waits_for_the_client() {
    let mut relay = waiting(Limits::default());
    relay.receive(PHONE, message("early"));
    relay.receive(PHONE, message("bird"));
    join(&mut relay);
    relay.receive(PHONE, message("worm"));
    assert!(woken(&mut relay).contains(&CLIENT));
    for text in ["early", "bird", "worm"] {
        assert_eq!(relay.next(CLIENT), sent(text));
    }
}

#[test]
fn only_the_receiver_of_a_message_is_woken() {
    let mut relay = paired(Limits::default());
    woken(&mut relay);
    relay.receive(CLIENT, message("one"));
    assert_eq!(woken(&mut relay), [PHONE]);
    assert!(woken(&mut relay).is_empty());
}

#[test]
fn a_second_phone_is_refused_once_the_first_has_its_client() {
    let mut relay = paired(Limits::default());
    let refused = visit(&mut relay, START, THIRD, &new_path(TUNNEL));
    assert_eq!(refused, Err(Rejection::Taken));
}

#[test]
fn several_phones_wait_under_one_tunnel_id_and_the_client_chooses_by_routing_id() {
    let mut relay = waiting(Limits::default());
    relay.receive(PHONE, message("from the first"));
    relay.accept(THIRD, address(3));
    let other = RoutingId([4, 5, 6]);
    let accepted = relay.open(START, THIRD, &request(&new_path(TUNNEL)), other).unwrap();
    assert_eq!(accepted.routing_id, Some(other));
    assert_eq!(relay.tunnel_count(), 2);
    relay.receive(THIRD, message("from the second"));
    woken(&mut relay);
    visit(&mut relay, START, CLIENT, &connect_path(other, TUNNEL)).unwrap();
    assert_eq!(relay.next(CLIENT), sent("from the second"));
    relay.receive(CLIENT, message("hello"));
    assert_eq!(relay.next(THIRD), sent("hello"));
    // The first is told at once, instead of waiting for its deadline.
    assert!(woken(&mut relay).contains(&PHONE));
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Taken));
    assert_eq!((relay.tunnel_count(), relay.queued_bytes), (1, 0));
}

#[test]
fn a_routing_id_that_another_phone_has_under_the_tunnel_id_is_counted_up() {
    let mut relay = Relay::new(Limits::default());
    let last = RoutingId([0xff, 0xff, 0xff]);
    for (id, expected) in [(1, last), (2, RoutingId([0; 3])), (3, RoutingId([0, 0, 1]))] {
        relay.accept(ConnectionId(id), address(1));
        let accepted = relay.open(START, ConnectionId(id), &request(&new_path(TUNNEL)), last);
        assert_eq!(accepted.unwrap().routing_id, Some(expected));
    }
    // Under another tunnel id it is free.
    relay.accept(ConnectionId(4), address(1));
    let path = new_path(TunnelId([1; 16]));
    let accepted = relay.open(START, ConnectionId(4), &request(&path), last);
    assert_eq!(accepted.unwrap().routing_id, Some(last));
}

#[test]
fn a_tunnel_id_whose_phone_disconnected_without_a_client_is_opened_again() {
    let end: [fn(&mut Relay); 4] = [
        |relay| relay.receive(PHONE, Event::Closed),
        |relay| relay.remove(PHONE),
        |relay| relay.receive(PHONE, Event::Text),
        |relay| relay.expire(START + relay.limits().waiting),
    ];
    for end in end {
        let mut relay = waiting(Limits::default());
        end(&mut relay);
        let now = START + relay.limits().waiting;
        relay.accept(THIRD, address(3));
        let again = relay.open(now, THIRD, &request(&new_path(TUNNEL)), ROUTING);
        assert_eq!(again.map(|accepted| accepted.routing_id), Ok(Some(ROUTING)));
        relay.accept(CLIENT, address(2));
        let path = connect_path(ROUTING, TUNNEL);
        assert!(relay.open(now, CLIENT, &request(&path), ROUTING).is_ok());
    }
}

#[test]
fn a_second_client_is_refused_and_the_first_stays() {
    let mut relay = paired(Limits::default());
    let refused = visit(&mut relay, START, THIRD, &connect_path(ROUTING, TUNNEL));
    assert_eq!(refused, Err(Rejection::Taken));
    relay.receive(PHONE, message("for the first"));
    assert_eq!(relay.next(CLIENT), sent("for the first"));
    assert_eq!(relay.next(THIRD), RelayOutput::Wait);
}

#[test]
fn one_connection_has_one_seat() {
    let mut relay = waiting(Limits::default());
    let path = connect_path(ROUTING, TUNNEL);
    assert_eq!(relay.open(START, PHONE, &request(&path), ROUTING), Err(Rejection::Taken));
}

#[test]
fn a_tunnel_id_is_not_used_twice_within_its_lifetime() {
    let mut relay = paired(Limits::default());
    relay.receive(PHONE, Event::Closed);
    let lifetime = relay.limits().lifetime;
    let just_before = START + lifetime - Duration::from_nanos(1);
    let refused = visit(&mut relay, just_before, THIRD, &new_path(TUNNEL));
    assert_eq!(refused, Err(Rejection::Taken));
    let retry = relay.open(START + lifetime, THIRD, &request(&new_path(TUNNEL)), ROUTING);
    assert!(retry.is_ok());
}

#[test]
fn a_finished_tunnel_cannot_be_joined() {
    let mut relay = waiting(Limits::default());
    relay.receive(PHONE, Event::Closed);
    let refused = visit(&mut relay, START, CLIENT, &connect_path(ROUTING, TUNNEL));
    assert_eq!(refused, Err(Rejection::Unknown));
}

#[test]
fn unknown_tunnels_routing_ids_and_paths_get_404() {
    let mut relay = waiting(Limits::default());
    relay.accept(CLIENT, address(2));
    for path in [
        connect_path(RoutingId([1, 2, 4]), TUNNEL),
        connect_path(ROUTING, TunnelId([0xac; 16])),
        "/cable/contact/AAAA".into(),
        "/".into(),
    ] {
        let refused = relay.open(START, CLIENT, &request(&path), ROUTING).unwrap_err();
        assert_eq!((refused, refused.status()), (Rejection::Unknown, 404), "{path}");
    }
    // A wrong guess does not hurt the tunnel.
    let path = connect_path(ROUTING, TUNNEL);
    assert!(relay.open(START, CLIENT, &request(&path), ROUTING).is_ok());
}

#[test]
fn the_subprotocol_is_required() {
    let mut relay = Relay::new(Limits::default());
    relay.accept(PHONE, address(1));
    let path = new_path(TUNNEL);
    let request = UpgradeRequest { subprotocols: vec!["chat"], ..request(&path) };
    let refused = relay.open(START, PHONE, &request, ROUTING).unwrap_err();
    assert_eq!(refused.status(), 400);
}

#[test]
fn the_origin_is_checked_where_one_is_required() {
    let mut relay = Relay::new(Limits::default()).require_origin("wss://relay.example");
    relay.accept(PHONE, address(1));
    let path = new_path(TUNNEL);
    for origin in [None, Some("wss://relay.example.evil"), Some("https://relay.example")] {
        let request = UpgradeRequest { origin, ..request(&path) };
        let refused = relay.open(START, PHONE, &request, ROUTING).unwrap_err();
        assert_eq!(refused.status(), 403, "{origin:?}");
    }
    let request = UpgradeRequest { origin: Some("WSS://Relay.example"), ..request(&path) };
    assert!(relay.open(START, PHONE, &request, ROUTING).is_ok());
}

#[test]
fn every_refusal_has_its_status() {
    let refusals = [
        (Rejection::Malformed, 400),
        (Rejection::Origin, 403),
        (Rejection::Unknown, 404),
        (Rejection::Method, 405),
        (Rejection::Taken, 409),
        (Rejection::TooMany, 429),
        (Rejection::Full, 503),
    ];
    for (refusal, status) in refusals {
        assert_eq!(refusal.status(), status);
    }
}

#[test]
fn tunnels_in_all_are_limited() {
    let mut relay = waiting(limits(|limits| limits.tunnels = 1));
    let path = new_path(TunnelId([1; 16]));
    assert_eq!(visit(&mut relay, START, THIRD, &path), Err(Rejection::Full));
    relay.receive(PHONE, Event::Closed);
    assert!(relay.open(START, THIRD, &request(&path), ROUTING).is_ok());
}

#[test]
fn phones_of_one_address_are_limited_and_their_clients_are_not() {
    let mut relay = Relay::new(limits(|limits| limits.per_address = 2));
    let path = |id| new_path(TunnelId([id; 16]));
    let from_one_address = |relay: &mut Relay, id, path: &str| {
        relay.accept(ConnectionId(id), address(1));
        relay.open(START, ConnectionId(id), &request(path), ROUTING)
    };
    from_one_address(&mut relay, 1, &path(1)).unwrap();
    from_one_address(&mut relay, 2, &path(2)).unwrap();
    assert_eq!(from_one_address(&mut relay, 3, &path(3)), Err(Rejection::TooMany));
    for (client, tunnel) in [(4, 1), (5, 2)] {
        let path = connect_path(ROUTING, TunnelId([tunnel; 16]));
        assert!(from_one_address(&mut relay, client, &path).is_ok());
    }
    // Another address has its own share.
    relay.accept(ConnectionId(6), address(2));
    relay.open(START, ConnectionId(6), &request(&path(6)), ROUTING).unwrap();
    // A tunnel that ended makes room, also one that its client ended.
    relay.receive(ConnectionId(4), Event::Closed);
    assert!(relay.open(START, ConnectionId(3), &request(&path(3)), ROUTING).is_ok());
}

#[test]
fn a_late_phone_is_refused_as_late_though_its_address_has_no_room() {
    let mut relay = paired(limits(|limits| (limits.per_address, limits.tunnels) = (1, 1)));
    relay.accept(THIRD, address(PHONE.0 as u8));
    let refused = relay.open(START, THIRD, &request(&new_path(TUNNEL)), ROUTING);
    assert_eq!(refused, Err(Rejection::Taken));
}

#[test]
fn a_visitor_refused_for_room_is_told_when_to_come_back() {
    for refusal in [Rejection::TooMany, Rejection::Full] {
        assert_eq!(refusal.retry_after(), Some(Duration::from_secs(10)), "{refusal}");
    }
    for refusal in [Rejection::Taken, Rejection::Unknown, Rejection::Malformed, Rejection::Origin] {
        assert_eq!(refusal.retry_after(), None, "{refusal}");
    }
}

fn dropped(relay: &Relay) -> Vec<u64> {
    let ids = relay.connections.keys();
    ids.filter(|id| relay.is_dropped(**id)).map(|id| id.0).collect()
}

#[test]
fn visitors_who_say_nothing_crowd_out_the_oldest_of_their_own_address() {
    let mut relay = Relay::new(limits(|limits| limits.pending_connections = 3));
    relay.accept(ConnectionId(1), address(1));
    for id in 2..=5 {
        relay.accept(ConnectionId(id), address(2));
    }
    assert_eq!(dropped(&relay), [2, 3]);
    assert_eq!(woken(&mut relay), [ConnectionId(2), ConnectionId(3)]);
    // Two addresses have two each: the oldest of all is one too many.
    relay.accept(ConnectionId(6), address(1));
    assert_eq!(dropped(&relay), [1, 2, 3]);
    for id in [2, 1, 3] {
        assert_eq!(relay.next(ConnectionId(id)), RelayOutput::Ended);
        let answer = relay.open(START, ConnectionId(id), &request(&new_path(TUNNEL)), ROUTING);
        assert!(answer.is_err(), "{id}: {answer:?}");
        relay.receive(ConnectionId(id), Event::Disconnected);
        assert!(relay.is_dropped(ConnectionId(id)), "{id}");
        relay.remove(ConnectionId(id));
    }
    assert!(dropped(&relay).is_empty());
}

#[test]
fn peers_and_the_phones_that_wait_are_not_dropped_for_visitors() {
    let mut relay = paired(limits(|limits| limits.pending_connections = 2));
    visit(&mut relay, START, THIRD, &new_path(TunnelId([1; 16]))).unwrap();
    for id in 10..20 {
        relay.accept(ConnectionId(id), address(2));
    }
    assert_eq!(dropped(&relay), (10..18).collect::<Vec<_>>());
    for id in [PHONE, CLIENT, THIRD] {
        assert_eq!(relay.next(id), RelayOutput::Wait);
    }
}

#[test]
fn a_client_that_connects_is_not_pushed_out_by_the_phones_that_came_second() {
    let mut relay = Relay::new(limits(|limits| limits.pending_connections = 1));
    visit(&mut relay, START, PHONE, &new_path(TUNNEL)).unwrap();
    relay.accept(THIRD, address(THIRD.0 as u8));
    let second = RoutingId([9, 9, 9]);
    relay.open(START, THIRD, &request(&new_path(TUNNEL)), second).unwrap();
    relay.receive(PHONE, message("early"));
    visit(&mut relay, START, CLIENT, &connect_path(ROUTING, TUNNEL)).unwrap();
    assert!(dropped(&relay).is_empty());
    assert_eq!(relay.next(CLIENT), sent("early"));
    assert_eq!(relay.next(THIRD), RelayOutput::Close(CloseCode::Taken));
    relay.receive(CLIENT, message("hello"));
    assert_eq!(relay.next(PHONE), sent("hello"));
}

#[test]
fn connections_that_close_count_as_visitors_again() {
    let mut relay = paired(limits(|limits| limits.pending_connections = 1));
    relay.receive(PHONE, message("last words"));
    relay.receive(PHONE, message("never read"));
    relay.receive(PHONE, Event::Closed);
    // Each address has one; the phone's has been without a tunnel for longer.
    assert_eq!(dropped(&relay), [PHONE.0]);
    assert_eq!(relay.next(CLIENT), sent("last words"));
    relay.accept(THIRD, address(CLIENT.0 as u8));
    assert_eq!(dropped(&relay), [PHONE.0, CLIENT.0]);
    assert_eq!((relay.next(CLIENT), relay.queued_bytes), (RelayOutput::Ended, 0));
}

#[test]
fn disconnecting_closes_the_other_side_after_its_last_message() {
    let mut relay = paired(Limits::default());
    relay.receive(PHONE, message("bye"));
    relay.receive(PHONE, Event::Closed);
    assert_eq!(relay.next(CLIENT), sent("bye"));
    assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Normal));
    assert_eq!(relay.next(CLIENT), RelayOutput::Ended);
    assert_eq!(relay.next(PHONE), RelayOutput::Ended);
    assert_eq!(relay.tunnel_count(), 0);
}

#[test]
fn a_lost_connection_closes_the_other_side_with_1001() {
    let mut relay = paired(Limits::default());
    relay.receive(CLIENT, Event::Disconnected);
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Away));

    let mut relay = paired(Limits::default());
    relay.remove(CLIENT);
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Away));
    assert_eq!(relay.next(CLIENT), RelayOutput::Ended);
}

#[test]
fn a_text_message_closes_its_sender_with_1003() {
    let mut relay = paired(Limits::default());
    relay.receive(CLIENT, Event::Text);
    assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Unsupported));
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Away));
}

#[test]
fn a_flood_of_frames_that_are_no_messages_closes_its_sender_with_1008() {
    let mut relay = paired(Limits::default());
    relay.receive(CLIENT, Event::Flood);
    assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Policy));
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Away));
}

#[test]
fn a_message_over_the_limit_closes_its_sender_with_1009() {
    for too_long in [Event::TooLong, Event::Message(vec![0; 17])] {
        let mut relay = paired(limits(|limits| limits.message_size = 16));
        relay.receive(PHONE, Event::Message(vec![0; 16]));
        relay.receive(PHONE, too_long);
        assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::TooLong));
        assert_eq!(relay.next(CLIENT), RelayOutput::Message(vec![0; 16]));
        assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Away));
    }
}

#[test]
fn each_side_has_its_own_number_of_messages() {
    let mut relay = paired(limits(|limits| limits.messages = 2));
    for _ in 0..2 {
        relay.receive(PHONE, message("a"));
        relay.receive(CLIENT, message("b"));
    }
    assert_eq!(relay.next(PHONE), sent("b"));
    relay.receive(CLIENT, message("one more"));
    assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Policy));
    assert_eq!(relay.next(PHONE), sent("b"));
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Away));
}

#[test]
fn messages_that_find_no_room_close_their_sender_with_1013() {
    let mut relay = waiting(limits(|limits| limits.queued_bytes = 8));
    relay.receive(PHONE, Event::Message(vec![0; 8]));
    relay.receive(PHONE, Event::Message(vec![0; 1]));
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::TryAgain));
    // What it had queued is dropped with its tunnel.
    assert_eq!(relay.queued_bytes, 0);
}

#[test]
fn a_slow_reader_stops_its_peer_from_being_read() {
    let mut relay = paired(limits(|limits| limits.queued_messages = 2));
    relay.receive(CLIENT, message("one"));
    assert!(relay.may_read(CLIENT));
    relay.receive(CLIENT, message("two"));
    assert!(!relay.may_read(CLIENT));
    assert!(relay.may_read(PHONE));
    woken(&mut relay);
    assert_eq!(relay.next(PHONE), sent("one"));
    assert_eq!(woken(&mut relay), [CLIENT]);
    assert!(relay.may_read(CLIENT));
}

#[test]
fn one_long_message_stops_its_sender_from_being_read_too() {
    let mut relay = waiting(limits(|limits| limits.message_size = 16));
    relay.receive(PHONE, Event::Message(vec![0; 16]));
    assert!(!relay.may_read(PHONE));
    join(&mut relay);
    assert!(!relay.may_read(PHONE));
    relay.next(CLIENT);
    assert!(relay.may_read(PHONE));
}

#[test]
fn a_reader_held_back_is_freed_when_the_tunnel_ends() {
    let mut relay = paired(limits(|limits| limits.queued_messages = 1));
    relay.receive(CLIENT, message("one"));
    assert!(!relay.may_read(CLIENT));
    relay.receive(PHONE, Event::Disconnected);
    assert!(woken(&mut relay).contains(&CLIENT));
    assert!(relay.may_read(CLIENT));
}

#[test]
fn a_phone_waits_for_its_client_only_so_long() {
    let mut relay = waiting(Limits::default());
    let deadline = START + relay.limits().waiting;
    assert_eq!(relay.next_deadline(), Some(deadline));
    relay.expire(deadline - Duration::from_nanos(1));
    assert_eq!(relay.next(PHONE), RelayOutput::Wait);
    relay.expire(deadline);
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Policy));
}

#[test]
fn a_tunnel_lasts_only_so_long_whatever_is_queued() {
    let mut relay = paired(Limits::default());
    let deadline = START + relay.limits().lifetime;
    assert_eq!(relay.next_deadline(), Some(deadline));
    relay.receive(PHONE, message("never read"));
    relay.expire(deadline);
    assert_eq!(relay.next(PHONE), RelayOutput::Close(CloseCode::Policy));
    assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Policy));
    assert_eq!(relay.queued_bytes, 0);
    // Nor is the id kept any longer.
    assert_eq!(relay.next_deadline(), None);
}

#[test]
fn a_deadline_that_no_input_followed_still_counts() {
    let mut relay = waiting(Limits::default());
    let late = START + relay.limits().waiting;
    let refused = visit(&mut relay, late, CLIENT, &connect_path(ROUTING, TUNNEL));
    assert_eq!(refused, Err(Rejection::Unknown));
}

/// A phone of this address meets a client, and both leave.
fn meet(relay: &mut Relay, now: Duration, id: u8, of: u8) {
    let (phone, client) = (ConnectionId(1000 + u64::from(id)), ConnectionId(2000 + u64::from(id)));
    let tunnel = TunnelId([id; 16]);
    for (connection, path) in [(phone, new_path(tunnel)), (client, connect_path(ROUTING, tunnel))] {
        relay.accept(connection, address(of));
        relay.open(now, connection, &request(&path), ROUTING).unwrap();
    }
    relay.remove(phone);
    relay.remove(client);
}

/// Of the ids to 10, those that cannot be opened.
fn refused(relay: &mut Relay, now: Duration) -> Vec<u8> {
    let is_refused = |id: &u8| {
        relay.accept(THIRD, address(99));
        let path = new_path(TunnelId([*id; 16]));
        let answer = relay.open(now, THIRD, &request(&path), ROUTING);
        relay.remove(THIRD);
        answer == Err(Rejection::Taken)
    };
    (1..=10).filter(is_refused).collect()
}

#[test]
fn the_ids_remembered_are_limited() {
    let mut relay = Relay::new(limits(|limits| limits.remembered = 2));
    for id in 1..=3_u8 {
        meet(&mut relay, START + Duration::from_secs(id.into()), id, 1);
    }
    let later = START + Duration::from_secs(4);
    assert_eq!(refused(&mut relay, later), [2, 3]);
    // The second's lifetime is over.
    let later = START + relay.limits().lifetime + Duration::from_secs(2);
    assert_eq!(refused(&mut relay, later), [3]);
}

#[test]
fn the_next_deadline_is_the_first_of_tunnels_and_of_ids() {
    let mut relay = Relay::new(Limits::default());
    meet(&mut relay, START, 1, 1);
    let forgetting = START + relay.limits().lifetime;
    assert_eq!(relay.next_deadline(), Some(forgetting));
    let second = Duration::from_secs(1);
    for (opened, expected) in [
        (forgetting - relay.limits().waiting - second, forgetting - second),
        (forgetting - second, forgetting),
    ] {
        visit(&mut relay, opened, PHONE, &new_path(TUNNEL)).unwrap();
        assert_eq!(relay.next_deadline(), Some(expected));
        relay.remove(PHONE);
    }
}

#[test]
fn an_address_that_opens_many_tunnels_makes_only_its_own_ids_forgotten() {
    let mut relay = Relay::new(limits(|limits| limits.remembered = 4));
    meet(&mut relay, START, 1, 1);
    for id in 2..=9 {
        meet(&mut relay, START + Duration::from_secs(id.into()), id, 2);
    }
    assert_eq!(refused(&mut relay, START + Duration::from_secs(10)), [1, 7, 8, 9]);
}

#[test]
fn nothing_that_arrives_after_the_end_is_forwarded() {
    let mut relay = paired(Limits::default());
    relay.receive(PHONE, Event::Closed);
    relay.receive(CLIENT, message("too late"));
    relay.receive(CLIENT, Event::Text);
    assert_eq!(relay.next(CLIENT), RelayOutput::Close(CloseCode::Normal));
    assert_eq!(relay.next(PHONE), RelayOutput::Ended);
}

#[test]
fn debug_shows_neither_ids_nor_payloads() {
    let mut relay = paired(Limits::default());
    relay.receive(PHONE, message("payload"));
    let path = new_path(TUNNEL);
    let shown =
        format!("{relay:?} {:?} {:?} {:?}", request(&path), message("payload"), relay.next(CLIENT));
    assert!(shown.contains("Message(7 bytes)"));
    for secret in ["payload", "112, 97", "ABAB", "171", "010203"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(u64),
    New(u64, u8, u8),
    Connect(u64, u8, u8),
    Receive(u64, Event),
    Next(u64),
    Depart(u64),
    Later(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let connection = 0..6_u64;
    let event = prop_oneof![
        6 => (0..20_usize).prop_map(|length| Event::Message(vec![0; length])),
        1 => Just(Event::Text),
        1 => Just(Event::TooLong),
        1 => Just(Event::Flood),
        1 => Just(Event::Closed),
        1 => Just(Event::Disconnected),
    ];
    let step = prop_oneof![
        2 => connection.clone().prop_map(Step::Arrive),
        2 => (connection.clone(), 0..3_u8, 0..2_u8)
            .prop_map(|(id, tunnel, routing)| Step::New(id, tunnel, routing)),
        3 => (connection.clone(), 0..3_u8, 0..3_u8)
            .prop_map(|(id, tunnel, routing)| Step::Connect(id, tunnel, routing)),
        6 => (connection.clone(), event).prop_map(|(id, event)| Step::Receive(id, event)),
        4 => connection.clone().prop_map(Step::Next),
        1 => connection.prop_map(Step::Depart),
        1 => (0..5_u8).prop_map(Step::Later),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn the_books_balance_after_any_steps(steps in steps()) {
        let mut relay = Relay::new(limits(|limits| {
            limits.message_size = 16;
            limits.messages = 8;
            limits.waiting = Duration::from_secs(5);
            limits.lifetime = Duration::from_secs(20);
            limits.tunnels = 2;
            limits.per_address = 1;
            limits.pending_connections = 2;
            limits.queued_bytes = 60;
            limits.remembered = 2;
        }));
        let mut now = START;
        for step in steps {
            match step {
                Step::Arrive(id) if relay.connections.contains_key(&ConnectionId(id)) => {}
                Step::Arrive(id) => relay.accept(ConnectionId(id), address(id as u8 % 2)),
                Step::New(id, tunnel, routing) => {
                    let path = new_path(TunnelId([tunnel; 16]));
                    let routing = RoutingId([0, 0, routing]);
                    let _ = relay.open(now, ConnectionId(id), &request(&path), routing);
                }
                Step::Connect(id, tunnel, routing) => {
                    let path =
                        connect_path(RoutingId([0, 0, routing]), TunnelId([tunnel; 16]));
                    let _ = relay.open(now, ConnectionId(id), &request(&path), ROUTING);
                }
                Step::Receive(id, event) => relay.receive(ConnectionId(id), event),
                Step::Next(id) => drop(relay.next(ConnectionId(id))),
                Step::Depart(id) => relay.remove(ConnectionId(id)),
                Step::Later(seconds) => {
                    now += Duration::from_secs(seconds.into());
                    relay.expire(now);
                }
            }
            check(&relay)?;
        }
    }
}

/// What one part of the machine says must agree with the others.
fn check(relay: &Relay) -> Result<(), TestCaseError> {
    let outgoing: usize = relay.connections.values().map(|one| one.outgoing.bytes).sum();
    let early: usize = relay
        .tunnels
        .values()
        .map(|tunnel| match &tunnel.side {
            ClientSide::Waiting(early) => early.bytes,
            ClientSide::Paired(_) => 0,
        })
        .sum();
    prop_assert_eq!(relay.queued_bytes, outgoing + early);
    prop_assert!(relay.queued_bytes <= relay.limits.queued_bytes);
    prop_assert!(relay.tunnels.len() <= relay.limits.tunnels);
    prop_assert!(relay.used.len() <= relay.limits.remembered);
    prop_assert!(relay.passing.len() <= relay.limits.pending_connections);
    prop_assert_eq!(relay.deadlines.len(), relay.tunnels.len());
    for (key, tunnel) in &relay.tunnels {
        let under_one_id = relay.tunnels.range(TunnelKey::all_of(key.tunnel)).count();
        if matches!(tunnel.side, ClientSide::Paired(_)) {
            prop_assert_eq!(under_one_id, 1);
        }
        prop_assert!(!relay.used.contains(key.tunnel));
    }
    let peers = relay.connections.values().filter(|one| matches!(one.stage, Stage::Peer { .. }));
    let seats: usize = relay
        .tunnels
        .values()
        .map(|tunnel| match tunnel.side {
            ClientSide::Waiting(_) => 1,
            ClientSide::Paired(_) => 2,
        })
        .sum();
    prop_assert_eq!(peers.count(), seats);
    prop_assert_eq!(relay.phones.values().sum::<usize>(), relay.tunnels.len());
    prop_assert!(relay.phones.values().all(|open| (1..=relay.limits.per_address).contains(open)));
    let passing = relay.connections.values().filter(|one| one.passing.is_some());
    prop_assert_eq!(passing.count(), relay.passing.len());
    let outside = relay.connections.values();
    let outside = outside.filter(|one| !matches!(one.stage, Stage::Peer { .. } | Stage::Dropped));
    prop_assert_eq!(outside.count(), relay.passing.len());
    Ok(())
}
