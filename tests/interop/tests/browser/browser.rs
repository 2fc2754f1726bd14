//! Chromium as Debian has it, in a session of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::devtools::{DevTools, Tab};
use crate::polling::until;
use crate::process::Process;
use crate::screen::Screen;

/// With this in the environment, what Chromium notes about FIDO is kept, with
/// the CTAP messages of both directions.
const DEVICE_LOG: &str = "BROWSER_DEVICE_LOG";

/// For what takes long on a machine with much else to do.
const START: Duration = Duration::from_secs(60);

/// The page keeps its rows in shadow trees.
const DEEP_TEXT: &str = "(function text(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (/^(STYLE|SCRIPT)$/.test(node.nodeName)) return '';
  const inner = [...(node.shadowRoot ?? node).childNodes].map(text).join('');
  return /^(P|DIV|LI|TR)$/.test(node.nodeName) ? inner + '\\n' : inner + ' ';
})(document.body)";

pub(crate) struct Chromium {
    tab: Tab,
    devtools: Arc<DevTools>,
    _process: Process,
}

/// Where Chromium is to live.
pub(crate) struct Home<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) screen: &'a Screen,
    pub(crate) system_bus: &'a str,
    pub(crate) tunnel_service: SocketAddr,
    pub(crate) page: &'a str,
}

impl Chromium {
    pub(crate) async fn start(home: Home<'_>) -> Self {
        let profile = home.folder.join("profile");
        let port_file = profile.join("DevToolsActivePort");
        let log = home.folder.join("chromium.log");
        let mut command = Command::new("chromium");
        command
            .args(["--no-first-run", "--no-default-browser-check"])
            // Root cannot have a sandbox; nothing but our own page is loaded.
            .arg("--no-sandbox")
            // Containers have little of that memory.
            .arg("--disable-dev-shm-usage")
            // Nothing of the Internet: no services of Google's, no updates.
            .args(["--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--password-store=basic"])
            .args(["--window-position=0,0", "--window-size=1200,900"])
            .args(["--enable-logging=stderr", "--log-level=0", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            // The tunnel services' names, with the certificate of the tests'.
            .arg(format!("--host-resolver-rules=MAP cable.* {}", home.tunnel_service))
            .arg("--ignore-certificate-errors")
            .arg(home.page)
            .env("HOME", home.folder)
            .env("LANG", "C.UTF-8")
            .env("DISPLAY", home.screen.display())
            .env("DBUS_SYSTEM_BUS_ADDRESS", home.system_bus)
            // No desktop around it.
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .env("TMPDIR", home.folder);
        let mut process = Process::start(&command, &log);
        let endpoint = until("Chromium to open its DevTools port", START, || {
            process.assert_running();
            fs::read_to_string(&port_file).ok().filter(|text| text.contains('\n'))
        })
        .await;
        let devtools = DevTools::connect(endpoint.trim_end()).await;
        let tab = devtools.tab().await;
        let browser = Self { tab, devtools, _process: process };
        browser.tab.wait_for("typeof ceremony === 'function'", START).await;
        browser
    }

    /// Reloads the page, whatever it is in the middle of.
    pub(crate) async fn reload(&self) {
        self.tab.evaluate("window.old = true").await;
        self.tab.reload().await;
        let anew = "window.old === undefined && typeof ceremony === 'function'";
        self.tab.wait_for(anew, START).await;
    }

    /// What the page makes of these options.
    pub(crate) async fn ceremony(&self, kind: &str, options: &Value) -> Value {
        self.tab.evaluate(&format!("ceremony({kind:?}, {options})")).await
    }

    /// The value of an expression on the page.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        self.tab.evaluate(expression).await
    }

    /// Writes Chromium's own account of the ceremonies, if it is asked for.
    pub(crate) async fn keep_device_log(&self, path: &Path) {
        if std::env::var_os(DEVICE_LOG).is_none() {
            return;
        }
        let tab = self.devtools.open("chrome://device-log/?refresh=1").await;
        tab.wait_for(&format!("{DEEP_TEXT}.length > 1000"), Duration::from_secs(10)).await;
        let text = tab.evaluate(DEEP_TEXT).await;
        fs::write(path, text.as_str().unwrap()).unwrap();
    }
}
