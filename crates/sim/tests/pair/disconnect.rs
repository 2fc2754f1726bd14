//! One side disconnects without a message, at every stage.

use fido_hybrid_proto::authenticator::Input;
use fido_hybrid_proto::error::{BluetoothError, ErrorKind, Stage, TunnelError};
use fido_hybrid_sim::Side;

use super::{SEEDS, STAGES, error, pair_at};

#[test]
fn the_phone_disconnects() {
    for seed in SEEDS {
        for (of, stage) in STAGES {
            let mut pair = pair_at(seed, of, stage);
            let client_at = pair.stage(Side::Client);
            pair.power_off(Side::Phone);
            assert!(!pair.is_advertising());
            pair.run_until(|pair| pair.result(Side::Client).is_some());
            // The advert may have been on its way; if not, the code stays.
            if client_at == Stage::ShowingQr && pair.stage(Side::Client) == Stage::ShowingQr {
                continue;
            }
            let end = error(&pair, Side::Client);
            match end.kind {
                // Received, and disconnected before the client came: the service knows no
                // such tunnel.
                ErrorKind::Tunnel(_) => assert_eq!(end.stage, Stage::Connecting),
                ErrorKind::PeerDisconnected => assert_ne!(end.stage, Stage::ShowingQr),
                ref other => panic!("{other}"),
            }
            assert!(end.can_retry());
            assert!(pair.responses.is_empty());
            assert!(!pair.is_scanning());
        }
    }
}

#[test]
fn the_phones_radio_fails() {
    for seed in SEEDS {
        let mut pair = pair_at(seed, Side::Phone, Stage::Advertising);
        pair.tell_phone(Input::AdvertisingFailed(BluetoothError::Off));
        // By itself: whose radio failed has nothing to stop.
        assert!(!pair.is_advertising());
        let end = error(&pair, Side::Phone);
        assert_eq!(end.stage, Stage::Advertising);
        assert!(matches!(end.kind, ErrorKind::Bluetooth(BluetoothError::Off)), "{end}");
    }
}

#[test]
fn the_client_disconnects() {
    for seed in SEEDS {
        for (of, stage) in STAGES {
            let mut pair = pair_at(seed, of, stage);
            pair.power_off(Side::Client);
            pair.run_until(|pair| pair.result(Side::Phone).is_some());
            let end = error(&pair, Side::Phone);
            match end.kind {
                ErrorKind::PeerDisconnected => assert_ne!(end.stage, Stage::Registering),
                // Before it had sent anything: no side saw it, or only the tunnel
                // service did.
                ErrorKind::Deadline | ErrorKind::Tunnel(TunnelError::Closed(_)) => {
                    assert_eq!(end.stage, Stage::Advertising);
                }
                ref other => panic!("{other}\n{:#?}", pair.transcript()),
            }
            assert!(!pair.is_advertising());
            assert!(pair.passkeys.is_empty());
        }
    }
}

#[test]
fn the_tunnel_service_fails() {
    for seed in SEEDS {
        for (of, stage) in STAGES {
            if stage == Stage::ShowingQr || stage == Stage::Registering {
                continue;
            }
            let mut pair = pair_at(seed, of, stage);
            pair.break_tunnel();
            pair.run_until(|pair| pair.result(Side::Phone).is_some());
            error(&pair, Side::Phone);
            assert!(!pair.is_advertising());
            if pair.stage(Side::Client) == Stage::ShowingQr {
                pair.cancel(Side::Client);
            }
            pair.run();
            error(&pair, Side::Client);
        }
    }
}
