//! nginx on loopback, as a reverse proxy with TLS before a tunnel service.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::pem::pem;
use crate::programs::{Folder, Running, installed};

/// After so long in silence this nginx closes a tunnel.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// The server; dropped, it ends.
pub struct Nginx {
    running: Running,
    _folder: Folder,
    root: CertificateDer<'static>,
}

impl Nginx {
    /// Starts it before `service`, with a certificate for `name`; `None`, which
    /// it tells, where nginx is not installed.
    pub fn before(service: SocketAddr, name: &str) -> Option<Self> {
        // It lies where only root's `PATH` leads on some systems.
        let program = installed(&["nginx", "/usr/sbin/nginx"], "-v", "nginx")?;
        let folder = Folder::new("nginx");
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        folder.write("cert.pem", pem("CERTIFICATE", made.cert.der()));
        folder.write("key.pem", pem("PRIVATE KEY", &made.signing_key.serialize_der()));
        let root = made.cert.der().clone();
        let running = Running::on_a_port(
            |address| {
                let config = folder.write("nginx.conf", config(folder.path(), address, service));
                let mut command = Command::new(program);
                command.args(["-e", "stderr", "-c"]).arg(config).arg("-p").arg(folder.path());
                command
            },
            "event method",
        );
        Some(Self { running, _folder: folder, root })
    }

    pub const fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
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
