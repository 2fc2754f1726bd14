use std::path::Path;

use super::fuzz;

fn seeds(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target)
}

#[test]
fn a_target_gets_its_seeds_and_the_changed_ones() {
    let folder = seeds("ctap_response");
    let count = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(fuzz("ctap_response", 500, &folder).unwrap(), count + 500);
}

#[test]
fn a_target_that_does_not_exist_is_an_error() {
    let error = fuzz("ctap", 1, &seeds("ctap_response")).unwrap_err();
    assert_eq!(error.to_string(), "there is no target ctap");
}
