//! The sockets that echo requests go through: one without privilege where the kernel permits it, else a raw one.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::Settings;
use super::packet::Echo;
use crate::outcome::{EchoSocket, Failure};
use crate::probe::connect;

/// An open socket, connected to the target.
#[derive(Debug)]
pub(super) struct Opened {
    /// Of ICMP, not of UDP: the type stands for any socket of datagrams that has a peer.
    socket: UdpSocket,
    kind: EchoSocket,
}

/// What was received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) length: usize,
    /// Hop limit of the packet, where the kernel tells it.
    pub(super) hop_limit: Option<u8>,
}

/// Opens a socket for a target and connects it.
pub(super) fn open(settings: &Settings, address: IpAddr, echo: &Echo) -> Result<Opened, Failure> {
    let kinds: &[EchoSocket] = match address {
        // A bit of the packet's own header: only who writes that can set it.
        IpAddr::V4(_) if settings.dont_fragment => &[EchoSocket::RawWithHeader],
        IpAddr::V4(_) | IpAddr::V6(_) => &[EchoSocket::Datagram, EchoSocket::Raw],
    };
    let mut refused = Vec::new();
    for kind in kinds {
        match create(*kind, address) {
            Ok(socket) => {
                return prepare(socket, *kind, settings, (address, echo))
                    .map_err(|error| Failure::Connect(connect::classify(&error)));
            }
            // Another kind of socket may be permitted; no other may have the family, or a descriptor left.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refused.push(lacks(*kind)),
            Err(error) if is_missing_family(&error) => {
                return Err(Failure::Connect(connect::classify(&error)));
            }
            Err(error) => return Err(Failure::Unable(format!("no socket can be opened: {error}"))),
        }
    }
    Err(Failure::Unable(refused.join(", and ")))
}

fn create(kind: EchoSocket, address: IpAddr) -> io::Result<Socket> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let kind = match kind {
        EchoSocket::Datagram => Type::DGRAM,
        EchoSocket::Raw | EchoSocket::RawWithHeader => Type::RAW,
    };
    Socket::new(domain, kind.nonblocking(), Some(protocol))
}

fn lacks(kind: EchoSocket) -> String {
    let lacks = match kind {
        EchoSocket::Datagram => "net.ipv4.ping_group_range does not hold its group",
        EchoSocket::Raw => "it has no CAP_NET_RAW",
        EchoSocket::RawWithHeader => "dont_fragment takes a raw socket, and it has no CAP_NET_RAW",
    };
    lacks.to_owned()
}

fn is_missing_family(error: &io::Error) -> bool {
    let missing = [
        nix::errno::Errno::EAFNOSUPPORT,
        nix::errno::Errno::EPROTONOSUPPORT,
    ];
    let number = error.raw_os_error();
    missing.into_iter().any(|errno| number == Some(errno as i32))
}

fn prepare(
    socket: Socket,
    kind: EchoSocket,
    settings: &Settings,
    (address, echo): (IpAddr, &Echo),
) -> io::Result<Opened> {
    let hops = u32::from(settings.hop_limit);
    match address {
        IpAddr::V4(_) => {
            socket.set_ttl_v4(hops)?;
            // Without them the reply comes all the same; only its hop limit, or what a router says, is not known.
            let _ = setsockopt(&socket, sockopt::Ipv4RecvTtl, &true);
            let _ = setsockopt(&socket, sockopt::Ipv4RecvErr, &true);
            if kind == EchoSocket::RawWithHeader {
                socket.set_header_included_v4(true)?;
            }
        }
        IpAddr::V6(_) => {
            socket.set_unicast_hops_v6(hops)?;
            let _ = setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true);
            let _ = setsockopt(&socket, sockopt::Ipv6RecvErr, &true);
        }
    }
    if let Some(source) = settings.source {
        // A raw socket of IPv4 takes an address of IPv6 for any address.
        if source.is_ipv4() != address.is_ipv4() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    if kind != EchoSocket::Datagram {
        // A raw socket is given every packet of the protocol that comes in, the replies to all other probes too.
        socket.attach_filter(&filter(address, echo.id()))?;
    }
    socket.connect(&SocketAddr::new(address, 0).into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok(Opened { socket, kind })
}

/// A program for the kernel that lets nothing through but echo replies with an id (classic BPF).
///
/// An instruction is its operation, where to go on if a comparison holds and if it does not, and its operand.
fn filter(address: IpAddr, id: u16) -> Vec<SockFilter> {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE_BEHIND_HEADER: u16 = 0x50;
    const LOAD_HALF_BEHIND_HEADER: u16 = 0x48;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const IS: u16 = 0x15;
    const TAKE: u16 = 0x06;
    let mut program = Vec::with_capacity(7);
    // A packet of IPv4 begins with its own header, of a length that stands in it.
    let (byte, half, reply) = match address {
        IpAddr::V4(_) => {
            program.push(SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 0));
            (LOAD_BYTE_BEHIND_HEADER, LOAD_HALF_BEHIND_HEADER, 0)
        }
        IpAddr::V6(_) => (LOAD_BYTE, LOAD_HALF, 129),
    };
    program.extend([
        SockFilter::new(byte, 0, 0, 0),
        SockFilter::new(IS, 0, 3, reply),
        SockFilter::new(half, 0, 0, 4),
        SockFilter::new(IS, 0, 1, u32::from(id)),
        SockFilter::new(TAKE, 0, 0, u32::MAX),
        SockFilter::new(TAKE, 0, 0, 0),
    ]);
    program
}

impl Opened {
    pub(super) const fn kind(&self) -> EchoSocket {
        self.kind
    }

    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send(packet).await.map(drop)
    }

    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Heard> {
        let mut receive = || receive(&self.socket, buffer);
        // What a router says arrives as an error alone.
        let interest = Interest::READABLE.add(Interest::ERROR);
        self.socket.async_io(interest, &mut receive).await
    }
}

/// The hop limit, or the time to live, that a control message tells.
fn limit_in(message: &ControlMessageOwned) -> Option<u8> {
    if let ControlMessageOwned::Ipv4Ttl(limit) | ControlMessageOwned::Ipv6HopLimit(limit) = message {
        u8::try_from(*limit).ok()
    } else {
        None
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Heard> {
    let mut room = [IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!(i32, i32);
    let received = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut room,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let hop_limit = received
        .cmsgs()
        .ok()
        .and_then(|mut messages| messages.find_map(|message| limit_in(&message)));
    Ok(Heard {
        length: received.bytes,
        hop_limit,
    })
}
