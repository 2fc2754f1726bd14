//! The known answer of the tunnel service: whom it refuses and how it routes.
//!
//! Clauses: [CTAP 2.2 §11.5.1.2].

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use fido_hybrid_proto::transport::{RoutingId, SUBPROTOCOL, TunnelDomain, TunnelId, TunnelUrl};
use fido_hybrid_relay::{ConnectionId, Limits, Rejection, Relay, UpgradeRequest};
use fido_hybrid_testkit::vectors::{array, family, number, text, unknown};

#[test]
fn tunnel_service_routing() {
    const ROUTING: RoutingId = RoutingId([1, 2, 3]);
    let required = "wss://cable.example.com";
    let visit = |relay: &mut Relay, request: &UpgradeRequest<'_>, number: u64| {
        let address = std::net::IpAddr::from([192, 0, 2, 1]).into();
        relay.accept(ConnectionId(number), address);
        relay.open(Duration::ZERO, ConnectionId(number), request, ROUTING)
    };
    family("tunnel-server", 1, |name, inputs, outputs| match name {
        "routing" => {
            assert_eq!(text(&outputs["sec_websocket_protocol"]), SUBPROTOCOL);
            let path = text(&inputs["path"]);
            let request =
                UpgradeRequest { path, subprotocols: vec![SUBPROTOCOL], origin: Some(required) };
            let mut relay = Relay::new(Limits::default()).require_origin(required);
            let refused = |refusal: Rejection, status: &str| {
                assert_eq!(usize::from(refusal.status()), number(&outputs[status]));
            };
            let without = UpgradeRequest { subprotocols: vec![], ..request.clone() };
            refused(visit(&mut relay, &without, 1).unwrap_err(), "no_subprotocol");
            for (at, origin) in (2..).zip([None, Some("wss://cable.example.net")]) {
                let refusal = visit(&mut relay, &UpgradeRequest { origin, ..request.clone() }, at);
                refused(refusal.unwrap_err(), "wrong_or_missing_origin_when_required");
            }

            assert_eq!(
                number(&outputs["ok"]),
                101,
                "what the service answers to a request that it accepts"
            );
            assert_eq!(visit(&mut relay, &request, 4).unwrap().routing_id, Some(ROUTING));
            let tunnel = TunnelId(array(&outputs["tunnel_id"]));
            let path = TunnelUrl::connect(TunnelDomain::GOOGLE, ROUTING, tunnel).to_string();
            let path = &path[path.find("/cable/").unwrap()..];
            visit(&mut relay, &UpgradeRequest { path, ..request }, 5).unwrap();
        }
        _ => unknown(name),
    });
}
