//! See `fido_hybrid_benches::ceremony`.

fn main() {
    fido_hybrid_benches::run_criterion("ceremony");
}
