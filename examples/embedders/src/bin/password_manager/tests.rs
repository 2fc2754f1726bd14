use fido_hybrid::authenticator::PasskeyStore as _;
use fido_hybrid::blocking::Client;
use fido_hybrid::ctap::CredentialId;
use fido_hybrid::webauthn::{Origin, RequestOptions};
use fido_hybrid_embedders::{ORIGIN, SIGN_IN, World};

use super::Vault;

/// A file that is deleted with its folder.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("fido-hybrid-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn vault(&self) -> Vault {
        Vault::open(self.0.join("passkeys.db").to_str().unwrap()).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The signature counter of an answer [WebAuthn L3 §6.1].
fn sign_in(world: &World) -> u32 {
    let client = Client::new(world.air.clone(), world.relay.clone()).unwrap();
    let options = RequestOptions::from_json(SIGN_IN).unwrap();
    let ceremony = client.get(&options, Origin::parse(ORIGIN).unwrap()).unwrap();
    let assertion = ceremony.on_update(world.show()).unwrap();
    assertion.authenticator_data().sign_count()
}

#[test]
fn a_passkey_outlives_the_program() {
    let file = File::new("outlives");
    let world = World::with_store(file.vault());
    world.register();
    assert_eq!(sign_in(&world), 1);

    let world = World::with_store(file.vault());
    assert_eq!(sign_in(&world), 2);
}

#[tokio::test]
async fn an_account_has_one_passkey_and_a_use_of_another_is_an_error() {
    let file = File::new("one");
    let world = World::with_store(file.vault());
    tokio::task::spawn_blocking(move || (world.register(), world.register())).await.unwrap();
    let vault = file.vault();
    let found = vault.candidates("example.com", None).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(vault.candidates("example.net", None).await.unwrap().is_empty());
    let other = CredentialId::new([7; 16]).unwrap();
    assert!(vault.count_use("example.com", &other).await.is_err());
}
