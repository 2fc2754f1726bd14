//! See `fido_hybrid_benches::advert`.

fn main() {
    fido_hybrid_benches::run_criterion("advert");
}
