//! See `fido_hybrid_benches::ctap`.

fn main() {
    fido_hybrid_benches::run_criterion("ctap");
}
