//! Everything that is there when a user signs in: a computer with Chromium, a
//! site, the air, a tunnel service. All of it is private to this test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fido_hybrid::bluetooth::Bluetooth;
use fido_hybrid::client::Client;
use fido_hybrid::transport::TunnelDomain;
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_testkit::services::certificate;

use crate::bluez::{Air, Machine, Power};
use crate::browser::{Chromium, Home};
use crate::page::Page;
use crate::phone::Phone;
use crate::screen::Screen;
use crate::site::Site;

/// As many as a phone sends that wants to be found soon.
const INTERVAL: Duration = Duration::from_millis(100);

/// In the order in which they end.
pub(crate) struct World {
    pub(crate) chromium: Chromium,
    pub(crate) screen: Arc<Screen>,
    pub(crate) site: Site,
    computer: Machine,
    phone: Machine,
    pub(crate) tunnel: WebSocketDialer,
    _relay: ServerHandle,
    _page: Page,
    folder: PathBuf,
    notes: Mutex<Vec<String>>,
}

impl World {
    /// Keeps pictures and logs in this folder, in place of earlier ones.
    pub(crate) async fn new(folder: &Path) -> Self {
        let _there_was_none = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        let began = Instant::now();
        let screen = Arc::new(Screen::start(folder));
        let air = Air::every(INTERVAL).unwrap();
        let [computer, phone] = ["computer", "phone"].map(|name| Machine::start(&air, name));
        computer.plug_in("hci0", Power::On);
        phone.plug_in("hci0", Power::On);
        let page = Page::serve().await;
        let service = TunnelDomain::GOOGLE.host();
        let (root, config) = certificate(&[&service]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let relay = server.start().unwrap();
        let tunnel = WebSocketDialer::builder()
            .extra_roots([root])
            .resolve(&service, relay.local_addr())
            .build()
            .unwrap();
        let chromium = Chromium::start(Home {
            folder,
            screen: &screen,
            system_bus: computer.bus_address(),
            tunnel_service: relay.local_addr(),
            page: &page.origin(),
        })
        .await;
        screen.at_rest().await;
        let notes =
            Mutex::new(vec![format!("{:.2?} until Chromium has the page", began.elapsed())]);
        let (site, folder) = (Site::new(page.origin()), folder.to_owned());
        Self {
            chromium,
            screen,
            site,
            computer,
            phone,
            tunnel,
            _relay: relay,
            _page: page,
            folder,
            notes,
        }
    }

    /// A user's new phone.
    pub(crate) fn phone(&self) -> Phone {
        Phone::new(Bluetooth::new().bus_address(self.phone.bus_address()), self.tunnel.clone())
    }

    /// Our client, on the computer on which Chromium runs.
    pub(crate) fn client(&self) -> Client {
        let radio = Bluetooth::new().bus_address(self.computer.bus_address());
        Client::new(radio, self.tunnel.clone())
    }

    /// Where a picture is kept.
    pub(crate) fn picture(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.png"))
    }

    /// Keeps something to be told at the end, in one piece.
    pub(crate) fn note(&self, note: String) {
        self.notes.lock().unwrap().push(note);
    }

    /// Tells what was noted, and keeps Chromium's own account of all ceremonies,
    /// if it is asked for.
    pub(crate) async fn close(self) {
        println!("{}", self.notes.lock().unwrap().join("\n"));
        self.chromium.keep_device_log(&self.folder.join("device-log.txt")).await;
    }
}
