//! See `fido_hybrid_benches::handshake`.

fn main() {
    fido_hybrid_benches::run_criterion("handshake");
}
