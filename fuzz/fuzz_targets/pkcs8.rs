#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fido_hybrid_fuzz::pkcs8(input));
