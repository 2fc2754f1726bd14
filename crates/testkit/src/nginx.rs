//! nginx on loopback, as a reverse proxy with TLS before a tunnel service.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::pem::pem;

/// After so long in silence this nginx closes a tunnel.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// Attempts to find a port that stays free until nginx has it.
const PORTS: usize = 20;

/// The server; dropped, it ends.
pub struct Nginx {
    process: Child,
    /// Held open, so that it can write its log.
    _log: BufReader<ChildStderr>,
    folder: PathBuf,
    address: SocketAddr,
    root: CertificateDer<'static>,
}

impl Nginx {
    /// Starts it before `service`, with a certificate for `name`; `None`, which
    /// it tells, where nginx is not installed.
    pub fn before(service: SocketAddr, name: &str) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let program = installed()?;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("nginx-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
        std::fs::write(
            folder.join("key.pem"),
            pem("PRIVATE KEY", &made.signing_key.serialize_der()),
        )
        .unwrap();
        let root = made.cert.der().clone();

        let mut told = String::new();
        for _ in 0..PORTS {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            std::fs::write(folder.join("nginx.conf"), config(&folder, address, service)).unwrap();
            let mut process = Command::new(program)
                .args(["-e", "stderr", "-c"])
                .arg(folder.join("nginx.conf"))
                .arg("-p")
                .arg(&folder)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut log = BufReader::new(process.stderr.take().unwrap());
            told.clear();
            // It tells this once it listens; if it cannot, its log ends.
            while !told.contains("event method") {
                if log.read_line(&mut told).unwrap() == 0 {
                    break;
                }
            }
            if told.contains("event method") {
                return Some(Self { process, _log: log, folder, address, root });
            }
            process.wait().unwrap();
        }
        panic!("nginx does not start: {told}");
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
        let _dropped = std::fs::remove_dir_all(&self.folder);
    }
}

/// One process, which needs no rights and no folder but its own.
fn config(folder: &Path, address: SocketAddr, service: SocketAddr) -> String {
    let folder = folder.display();
    let seconds = TIMEOUT.as_secs();
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(temporary, "    {kind}_temp_path {folder}/{kind};").unwrap();
    }
    format!(
        "daemon off;
master_process off;
error_log stderr notice;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
{temporary}
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        '' close;
    }}
    server {{
        listen {address} ssl http2;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass http://{service};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout {seconds}s;
            proxy_send_timeout {seconds}s;
        }}
    }}
}}
"
    )
}

/// nginx, which lies where only root's `PATH` leads on some systems.
fn installed() -> Option<&'static str> {
    let runs = |program: &&str| {
        let mut command = Command::new(program);
        command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = ["nginx", "/usr/sbin/nginx"].into_iter().find(runs);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no nginx: install the package `nginx`");
        // The harness captures what goes through `eprintln!` alone.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(
            std::io::stderr(),
            "LEFT OUT: {test}: there is no nginx; install the package `nginx`"
        );
    }
    found
}
