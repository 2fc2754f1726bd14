//! See `fido_hybrid_benches::frames`.

fn main() {
    fido_hybrid_benches::run_criterion("frames");
}
