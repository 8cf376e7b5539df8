//! The targets of every prober, from the lab of the tests, in a process of their own.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;

use crate::it::lab::{Answer, Authority, Check, DAY, DnsLab, GrpcLab, TalkLab, Turn, WebLab};
use crate::server::ROOT_FILE;

/// The socket of a dialogue, in the folder given.
pub(crate) const SOCKET_FILE: &str = "talk.sock";

/// What the DNS server has an address for.
pub(crate) const NAME: &str = "bench.example";

/// The number of that status (grpc.health.v1).
const SERVING: u8 = 1;

/// `targets FOLDER`: prints the ports of what answers over TLS, plainly, never, in a dialogue, in one over TLS, to questions
/// of DNS and to health checks, then waits for the end of its input.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [folder] = arguments else {
        bail!("targets needs a folder");
    };
    let authority = Authority::new();
    std::fs::write(Path::new(folder).join(ROOT_FILE), authority.root_pem())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let good = authority.leaf("127.0.0.1").valid(-DAY, 60 * DAY).issue();
        let tls = Arc::new(good.server_config(&[]));
        let secure = WebLab::tls(good).start().await;
        let plain = WebLab::plain().start().await;
        let mute = WebLab::plain().answer(Answer::Stall).start().await;
        let greeting = || Turn::say("220 bench ESMTP\r\n");
        let dialogue = || [greeting(), Turn::Hear, Turn::say("250 bench\r\n")];
        let talk = TalkLab::start(dialogue()).await;
        let _socket = TalkLab::unix(&Path::new(folder).join(SOCKET_FILE), dialogue());
        let talk_tls = TalkLab::start([Turn::Tls(tls), greeting()]).await;
        let dns = DnsLab::start().await;
        dns.a(NAME, &["192.0.2.1"]);
        let grpc = GrpcLab::plain(Check::Health(SERVING)).await;
        let ports = [
            secure.port(),
            plain.port(),
            mute.port(),
            talk.addr().port(),
            talk_tls.addr().port(),
            dns.addr().port(),
            grpc.addr().port(),
        ];
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", ports.join(" "))?;
            out.flush()?;
        }
        tokio::task::spawn_blocking(|| std::io::stdin().lock().read_to_end(&mut Vec::new())).await??;
        anyhow::Ok(())
    })
}
