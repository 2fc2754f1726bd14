//! squid on loopback, an HTTP proxy: with passwords, with TLS, and inspecting TLS.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::pki_types::CertificateDer;

use crate::pem::pem;
use crate::programs::{Folder, Running, installed};

/// The user that squid knows, and the password.
pub const USER: &str = "alice";
pub const PASSWORD: &str = "opensesame";

/// The two in the form of Apache's `htpasswd`.
const PASSWORDS: &str = "alice:$apr1$abcdefgh$hnz8AY7O7E7QvKAVjuw920\n";

/// What Debian's package has beside the program.
const HELPERS: &str = "/usr/lib/squid";

/// The proxy; dropped, it ends.
pub struct Squid {
    running: Running,
    /// The name of its shared memory.
    name: String,
    _folder: Folder,
}

/// What a squid does.
pub enum Squids<'a> {
    /// It connects for every client.
    Open,
    /// It connects for [`USER`] with [`PASSWORD`].
    WithPassword,
    /// It refuses every client.
    Refusing,
    /// It is spoken to by TLS, with this certificate and key in DER.
    Secure { certificate: &'a CertificateDer<'static>, key: &'a [u8] },
    /// It shows certificates of its own authority for every service. It trusts `service`.
    Inspecting { authority: &'a Authority, service: &'a CertificateDer<'static> },
}

/// The authority of a squid that inspects TLS.
pub struct Authority {
    root: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Inspection");
        parameters.key_usages =
            vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::DigitalSignature];
        let key = rcgen::KeyPair::generate().unwrap();
        let root = parameters.self_signed(&key).unwrap().der().clone();
        let pem = pem("CERTIFICATE", &root) + &pem("PRIVATE KEY", &key.serialize_der());
        Self { root, pem }
    }

    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }
}

impl Squid {
    /// Starts it; `None`, which it tells, where squid is not installed.
    pub fn start(kind: &Squids<'_>) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let program = installed(&["squid", "/usr/sbin/squid"], "-v", "squid-openssl")?;
        let folder = Folder::new("squid");
        let own = format!("{}", folder.path().display());
        if let Squids::Inspecting { .. } = kind {
            let made = Command::new(format!("{HELPERS}/security_file_certgen"))
                .args(["-c", "-s", &format!("{own}/certificates"), "-M", "4MB"])
                .stdout(Stdio::null())
                .status();
            assert!(made.unwrap().success(), "squid has no OpenSSL: install `squid-openssl`");
        }
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("fido{}n{number}", std::process::id());
        let running = Running::on_a_port(
            |address| {
                folder.write("squid.conf", config(&folder, kind, address));
                // Started by root, it goes on as the user `proxy`.
                let _handed_over = Command::new("chown")
                    .args(["-R", "proxy"])
                    .arg(folder.path())
                    .stderr(Stdio::null())
                    .status();
                let mut command = Command::new(program);
                command.args(["-N", "-n", &name, "-d", "1", "-f", &format!("{own}/squid.conf")]);
                command
            },
            "Accepting",
        );
        Some(Self { running, name, _folder: folder })
    }

    pub const fn address(&self) -> SocketAddr {
        self.running.address()
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        // Ended at once, it leaves these behind.
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{}-", self.name)) {
                let _removed = fs::remove_file(entry.path());
            }
        }
    }
}

fn config(folder: &Folder, kind: &Squids<'_>, address: SocketAddr) -> String {
    let own = folder.path().display();
    let port = match kind {
        Squids::Open => format!("http_port {address}\nhttp_access allow all"),
        Squids::Refusing => format!("http_port {address}\nhttp_access deny all"),
        Squids::WithPassword => {
            let passwords = folder.write("passwords", PASSWORDS);
            format!(
                "http_port {address}
auth_param basic program {HELPERS}/basic_ncsa_auth {}
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all",
                passwords.display()
            )
        }
        Squids::Secure { certificate, key } => {
            folder.write("cert.pem", pem("CERTIFICATE", certificate));
            folder.write("key.pem", pem("PRIVATE KEY", key));
            format!(
                "https_port {address} tls-cert={own}/cert.pem tls-key={own}/key.pem
http_access allow all"
            )
        }
        Squids::Inspecting { authority, service } => {
            folder.write("authority.pem", &authority.pem);
            folder.write("service.pem", pem("CERTIFICATE", service));
            format!(
                "http_port {address} ssl-bump tls-cert={own}/authority.pem \
                 generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {HELPERS}/security_file_certgen -s {own}/certificates -M 4MB
sslcrtd_children 1
acl first_step at_step SslBump1
acl second_step at_step SslBump2
ssl_bump peek first_step
ssl_bump stare second_step
ssl_bump bump all
tls_outgoing_options cafile={own}/service.pem
http_upgrade_request_protocols websocket allow all
http_access allow all"
            )
        }
    };
    format!(
        "{port}
pid_filename none
cache deny all
cache_mem 0 MB
access_log none
cache_log /dev/stderr
coredump_dir {own}
pinger_enable off
netdb_filename none
visible_hostname localhost
max_filedescriptors 1024
dns_nameservers 127.0.0.1
"
    )
}
