//! Options as large services serve them, each through a whole ceremony: our client and
//! our authenticator in a simulated room, and a relying party that checks the answer.
//!
//! `tests/vectors/sites/README.md` says where they are from.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use fido_hybrid::authenticator::{Attestation, Profile};
use fido_hybrid::webauthn::{CreationOptions, MAX_TIMEOUT, MIN_TIMEOUT, RequestOptions};
use fido_hybrid_sim::SeededRng;
use fido_hybrid_testkit::relying_party::{Policy, RelyingParty, VerificationPolicy};
use fido_hybrid_testkit::simulated_phone::SimulatedPhone;
use fido_hybrid_testkit::sites::{self, Site};

const SESSION: &str = "session";
const NOW: Duration = Duration::from_secs(1000);

/// The relying party of these options.
fn relying_party(site: &Site) -> RelyingParty {
    let mut policy = Policy::new(site.rp_id(), site.origin.as_str());
    if !site.requires_verification() {
        policy.verification = VerificationPolicy::Preferred;
    }
    RelyingParty::new(policy)
}

/// A phone that attests, as far as it is asked to.
fn phone() -> SimulatedPhone {
    let mut profile = Profile::default();
    profile.attestation = Attestation::Packed;
    SimulatedPhone::new(profile)
}

#[test]
fn a_passkey_is_registered_with_the_options_of_each_service() {
    let sites: Vec<_> = sites::all().into_iter().filter(Site::is_registration).collect();
    assert!(sites.len() >= 20, "{}", sites.len());
    for site in sites {
        let mut server = relying_party(&site);
        server.policy.algorithms = site.algorithms();
        let (handle, challenge) = (site.user_handle(), site.challenge());
        server.adopt_registration(SESSION, "ada", &handle, &challenge, NOW);
        let answer = phone().register(&site.options, &site.origin);
        let registered = server.finish_registration(SESSION, &answer, NOW);
        registered.unwrap_or_else(|refusal| panic!("{}: {refusal}", site.name));
    }
}

#[test]
fn a_passkey_signs_in_with_the_options_of_each_service() {
    let mut rng = SeededRng::new(1);
    let sites: Vec<_> = sites::all().into_iter().filter(|site| !site.is_registration()).collect();
    assert!(sites.len() >= 6, "{}", sites.len());
    for site in sites {
        let (mut server, mut phone) = (relying_party(&site), phone());
        let options = server.start_registration(SESSION, "ada", NOW, &mut rng);
        let answer = phone.register(&options, &site.origin);
        let id = server.finish_registration(SESSION, &answer, NOW).unwrap();

        server.adopt_sign_in(SESSION, &site.challenge(), NOW);
        let answer = phone.sign_in(&site.allowing(&id), &site.origin);
        let signed_in = server.finish_sign_in(SESSION, &answer, NOW);
        let signed_in = signed_in.unwrap_or_else(|refusal| panic!("{}: {refusal}", site.name));
        assert_eq!(signed_in.credential, id, "{}", site.name);
    }
}

#[test]
fn what_each_service_asks_for_is_read() {
    for site in sites::all() {
        let timeout = if site.is_registration() {
            let options = CreationOptions::from_json(&site.options).unwrap();
            let offered = options.parameters.iter().map(|offer| offer.algorithm);
            assert!(offered.eq(site.algorithms()), "{}: {:?}", site.name, options.parameters);
            let excluded = options.exclude_credentials.iter().map(|excluded| &excluded.id);
            assert!(excluded.eq(&site.listed("excludeCredentials")), "{}", site.name);
            assert_eq!(options.challenge, site.challenge(), "{}", site.name);
            assert_eq!(options.user.id.as_bytes(), site.user_handle(), "{}", site.name);
            options.timeout
        } else {
            let options = RequestOptions::from_json(&site.options).unwrap();
            let allowed = options.allow_credentials.iter().map(|allowed| &allowed.id);
            assert!(allowed.eq(&site.listed("allowCredentials")), "{}", site.name);
            assert_eq!(options.challenge, site.challenge(), "{}", site.name);
            options.timeout
        };
        let stated = site.parsed.get("timeout").map(sites::number);
        let stated = stated.map(|stated| Duration::from_millis(stated.try_into().unwrap()));
        let stated = stated.map(|stated| stated.clamp(MIN_TIMEOUT, MAX_TIMEOUT));
        assert_eq!(timeout, stated, "{}", site.name);
    }
}

#[test]
fn each_file_names_its_source_and_a_date() {
    for site in sites::all() {
        assert!(site.source.starts_with("https://"), "{}: {}", site.name, site.source);
        let date = site.date.trim_start_matches("read ");
        let numbers: Vec<_> = date.split('-').map(|part| part.parse::<u32>().unwrap()).collect();
        assert!(matches!(numbers[..], [2019..=2099, 1..=12, 1..=31]), "{}: {date}", site.name);
    }
}
