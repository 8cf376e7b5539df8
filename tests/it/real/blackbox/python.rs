//! Real servers in Python: SMTP with STARTTLS (aiosmtpd), gRPC with the health service (grpcio).

use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::lab::authority::Issued;
use crate::real::peers::{Generation, Program};

/// How long they may take to listen.
const START: Duration = Duration::from_secs(20);

const SERVERS: &str = "
import asyncio, os, ssl, sys, threading
from concurrent import futures
import grpc
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

chain, key, ports = sys.argv[1:4]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)
loop = asyncio.new_event_loop()
speak = lambda: SMTP(Sink(), hostname='mail.test', tls_context=context, loop=loop)
mail = loop.run_until_complete(loop.create_server(speak, '127.0.0.1', 0))
threading.Thread(target=loop.run_forever, daemon=True).start()
checks = health.HealthServicer()
checks.set('linkwatch.Up', health_pb2.HealthCheckResponse.SERVING)
checks.set('linkwatch.Down', health_pb2.HealthCheckResponse.NOT_SERVING)
server = grpc.server(futures.ThreadPoolExecutor(2))
health_pb2_grpc.add_HealthServicer_to_server(checks, server)
plain = server.add_insecure_port('127.0.0.1:0')
server.start()
with open(ports + '.draft', 'w') as file:
    file.write('%d %d' % (mail.sockets[0].getsockname()[1], plain))
os.rename(ports + '.draft', ports)
# Until whoever started us is gone.
sys.stdin.read()
server.stop(None)
";

/// The running servers; dropping them ends them.
pub(super) struct Servers {
    child: Child,
    _input: Option<ChildStdin>,
    pub(super) smtp: String,
    pub(super) health: String,
}

impl Servers {
    /// Starts them; mail's TLS presents this certificate. Files go into `folder`.
    pub(super) async fn start(issued: &Issued, folder: &Path) -> Self {
        let program = Program::Python
            .find(Generation::Current)
            .expect("the Python of the peers is in target/real: run `make real`");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("write a file");
            path
        };
        let chain = file("mail.pem", &issued.chain_pem());
        let key = file("mail.key", &issued.key_pem());
        let ports = folder.join("ports");
        let mut child = Command::new(program)
            .args(["-c", SERVERS])
            .args([&chain, &key, &ports])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("run Python");
        let input = child.stdin.take();
        let deadline = Instant::now() + START;
        let said = loop {
            if let Ok(said) = std::fs::read_to_string(&ports) {
                break said;
            }
            assert!(Instant::now() < deadline, "the servers in Python do not start");
            sleep(Duration::from_millis(20)).await;
        };
        let (smtp, health) = said.split_once(' ').expect("two ports");
        let servers = Self {
            child,
            _input: input,
            smtp: format!("127.0.0.1:{smtp}"),
            health: format!("127.0.0.1:{health}"),
        };
        TcpStream::connect(&servers.smtp)
            .await
            .expect("a server that listens");
        servers
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
