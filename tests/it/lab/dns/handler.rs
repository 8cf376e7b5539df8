//! Puts the answers of a [`Zone`](super::Zone) on the wire.

use hickory_proto::{
    op::{Edns, Header, HeaderCounts, Metadata, ResponseCode},
    rr::rdata::opt::EdnsOption,
};
use hickory_server::{
    net::{runtime::Time, xfer::Protocol},
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponseBuilder,
};

use super::{
    SharedZone,
    says::{Reply, Response, Role},
};

/// The request handler of a lab server.
#[derive(Debug)]
pub(crate) struct Handler {
    zone: SharedZone,
}

impl Handler {
    pub(crate) fn new(zone: SharedZone) -> Self {
        Self { zone }
    }

    /// The answer and whom it speaks for, or silence.
    fn respond(&self, request: &Request) -> (Response, Role) {
        let mut zone = self.zone.lock().expect("a zone that no test panicked in");
        let role = zone.role();
        let Ok(info) = request.request_info() else {
            return (Response::Silence, role);
        };
        let checking_disabled = info.metadata.checking_disabled;
        (
            zone.ask(info.query.name(), info.query.query_type(), checking_disabled),
            role,
        )
    }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut out: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let (response, role) = self.respond(request);
        let Response::Send(delay, mut reply) = response else {
            return unsent(metadata);
        };
        tokio::time::sleep(delay).await;
        metadata.response_code = reply.code;
        metadata.authoritative = role == Role::Authoritative && reply.code != ResponseCode::Refused;
        metadata.recursion_available = role == Role::Recursive;
        if reply.truncated && request.protocol() == Protocol::Udp {
            metadata.truncation = true;
            reply.answers.clear();
        }
        let edns = extended(request, &reply);
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &edns {
            builder.edns(edns);
        }
        let message = builder.build(metadata, &reply.answers, &reply.authority, [], []);
        match out.send_response(message).await {
            Ok(sent) => sent,
            Err(_) => unsent(metadata),
        }
    }
}

/// The EDNS part of the answer to a client that speaks EDNS (RFC 6891).
fn extended(request: &Request, reply: &Reply) -> Option<Edns> {
    request.edns.as_ref()?;
    let mut edns = Edns::new();
    edns.set_max_payload(request.max_payload());
    if let Some(code) = reply.extended_error {
        edns.options_mut()
            .insert(EdnsOption::Unknown(EXTENDED_ERROR, code.to_be_bytes().to_vec()));
    }
    Some(edns)
}

fn unsent(metadata: Metadata) -> ResponseInfo {
    ResponseInfo::from(Header {
        metadata,
        counts: HeaderCounts::default(),
    })
}

/// The option code of extended DNS errors (RFC 8914 section 2).
const EXTENDED_ERROR: u16 = 15;
