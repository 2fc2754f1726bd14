//! See `fido_hybrid_benches::qr`.

fn main() {
    fido_hybrid_benches::run_criterion("qr");
}
