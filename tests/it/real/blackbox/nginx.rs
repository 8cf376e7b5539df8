//! A real nginx, plain and with TLS and HTTP/2.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::lab::authority::Issued;
use crate::real::peers::{Generation, Program};

/// How long it may take to listen.
const START: Duration = Duration::from_secs(10);

/// A running nginx; dropping it ends it.
pub(super) struct Nginx {
    child: Child,
    ports: [u16; 2],
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts it with this certificate.
    pub(super) async fn start(issued: &Issued) -> Self {
        let program = Program::Nginx
            .find(Generation::Current)
            .expect("nginx is in target/real: run `make real`");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("write a file");
        write("chain.pem", &issued.chain_pem());
        write("key.pem", &issued.key_pem());
        // A realm with nobody in it.
        write("nobody", "");
        write("index.html", &"<p>All is well.</p>\n".repeat(20));
        // Free a moment ago, at an address that no other test takes ports of.
        let free = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").port()
        };
        let ports = [free(), free()];
        write("nginx.conf", &configuration(ports));
        let child = Command::new(program)
            .args([
                "-e",
                "stderr",
                "-p",
                &folder.path().display().to_string(),
                "-c",
                "nginx.conf",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("run nginx");
        let nginx = Self {
            child,
            ports,
            _folder: folder,
        };
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", ports[1])).await.is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        nginx
    }

    pub(super) fn plain(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    pub(super) fn tls(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[1])
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration([plain, tls]: [u16; 2]) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off; server_tokens off; gzip on; gzip_min_length 1;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  default_type text/html; root .;
  server {{
    listen 127.0.0.1:{plain};
    location = /moved {{ return 301 https://127.0.0.1:{tls}/; }}
    location = /private {{ auth_basic here; auth_basic_user_file nobody; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate chain.pem; ssl_certificate_key key.pem;
  }}
}}
"
    )
}
