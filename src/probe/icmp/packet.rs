//! The request as bytes, and which bytes are its reply.

use std::net::IpAddr;

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, IpNumber, Ipv4Header};

use super::Settings;
use crate::outcome::{EchoSocket, Failure};

/// One echo: id, sequence number and payload are random, so that nobody who has not seen the request can answer it.
#[derive(Debug)]
pub(super) struct Echo {
    header: IcmpEchoHeader,
    payload: Vec<u8>,
}

impl Echo {
    pub(super) fn new(payload: u16) -> Result<Self, Failure> {
        let mut numbers = [0; 4];
        let mut payload = vec![0; usize::from(payload)];
        let filled = aws_lc_rs::rand::fill(&mut numbers).and_then(|()| aws_lc_rs::rand::fill(&mut payload));
        if filled.is_err() {
            return Err(Failure::Unable("it has no random numbers".to_owned()));
        }
        Ok(Self {
            header: IcmpEchoHeader::from_bytes(numbers),
            payload,
        })
    }

    pub(super) const fn id(&self) -> u16 {
        self.header.id
    }

    /// The request as the kind of socket takes it. Where the kernel makes the header of the packet, it writes id or
    /// checksum itself as it needs them.
    pub(super) fn request(&self, to: IpAddr, socket: EchoSocket, settings: &Settings) -> Vec<u8> {
        match to {
            IpAddr::V4(to) => {
                let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(self.header), &self.payload);
                let message = [&header.to_bytes()[..], &self.payload].concat();
                if socket != EchoSocket::RawWithHeader {
                    return message;
                }
                let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
                // The source is filled in by the kernel, which knows it.
                let header = Ipv4Header::new(length, settings.hop_limit, IpNumber::ICMP, [0; 4], to.octets());
                let header = header.map(|header| Ipv4Header {
                    dont_fragment: true,
                    ..header
                });
                let header = header.map(|header| header.to_bytes()).unwrap_or_default();
                [&header[..], &message].concat()
            }
            IpAddr::V6(_) => {
                let header = Icmpv6Header::new(Icmpv6Type::EchoRequest(self.header));
                [&header.to_bytes()[..], &self.payload].concat()
            }
        }
    }

    /// Whether what a socket of this kind received is the reply. The kernel gives a datagram socket an id of its own, and
    /// hands it the replies to that id alone.
    pub(super) fn is_answered_by(&self, bytes: &[u8], from: IpAddr, socket: EchoSocket) -> bool {
        let own_id = socket == EchoSocket::Datagram;
        let reply = match from {
            IpAddr::V4(_) => reply_v4(bytes, socket),
            IpAddr::V6(_) => reply_v6(bytes),
        };
        reply.is_some_and(|(header, payload)| {
            (own_id || header.id == self.header.id)
                && header.seq == self.header.seq
                && payload == self.payload
        })
    }
}

/// A raw socket of IPv4 gives the packet's own header too.
fn reply_v4(bytes: &[u8], socket: EchoSocket) -> Option<(IcmpEchoHeader, &[u8])> {
    let message = match socket {
        EchoSocket::Datagram => bytes,
        EchoSocket::Raw | EchoSocket::RawWithHeader => Ipv4Header::from_slice(bytes).ok()?.1,
    };
    let (header, payload) = Icmpv4Header::from_slice(message).ok()?;
    if let Icmpv4Type::EchoReply(echo) = header.icmp_type {
        Some((echo, payload))
    } else {
        None
    }
}

fn reply_v6(bytes: &[u8]) -> Option<(IcmpEchoHeader, &[u8])> {
    let (header, payload) = Icmpv6Header::from_slice(bytes).ok()?;
    if let Icmpv6Type::EchoReply(echo) = header.icmp_type {
        Some((echo, payload))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::outcome::Family;
    use crate::probe::Addressing;

    const SETTINGS: Settings = Settings {
        addressing: Addressing {
            preferred: Family::Ipv4,
            fallback: true,
        },
        source: None,
        payload: 3,
        dont_fragment: true,
        hop_limit: 9,
    };

    fn echo() -> Echo {
        Echo {
            header: IcmpEchoHeader { id: 0x1234, seq: 7 },
            payload: b"abc".to_vec(),
        }
    }

    #[test]
    fn only_the_reply_with_the_same_numbers_and_payload_is_the_reply() {
        let v4 = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let reply = b"\0\0\xff\xff\x12\x34\0\x07abc";
        let is_reply = |bytes: &[u8], socket| echo().is_answered_by(bytes, v4, socket);
        assert!(is_reply(reply, EchoSocket::Datagram));
        for (place, byte) in [(0, 8), (7, 8), (8, b'x')] {
            let mut other = reply.to_vec();
            other[place] = byte;
            assert!(!is_reply(&other, EchoSocket::Datagram), "{place}");
        }
        for length in 0..reply.len() {
            assert!(!is_reply(&reply[..length], EchoSocket::Datagram), "{length}");
        }
        let header = b"\x45\0\0\x1f\0\0\0\0\x40\x01\0\0\x7f\0\0\x01\x7f\0\0\x01";
        let packet = [&header[..], reply].concat();
        assert!(is_reply(&packet, EchoSocket::Raw));
        assert!(!is_reply(reply, EchoSocket::Raw));
        // The id is the kernel's own only where the kernel looks at it.
        let mut other = packet.clone();
        other[24] = 0;
        assert!(!is_reply(&other, EchoSocket::Raw));
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let mut reply = reply.to_vec();
        reply[0] = 129;
        assert!(echo().is_answered_by(&reply, v6, EchoSocket::Raw));
        reply[0] = 128;
        assert!(!echo().is_answered_by(&reply, v6, EchoSocket::Raw));
    }

    #[test]
    fn a_request_has_its_own_header_where_no_router_may_take_it_apart() {
        let to = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let packet = echo().request(to, EchoSocket::RawWithHeader, &SETTINGS);
        let (header, message) = Ipv4Header::from_slice(&packet).expect("a header");
        assert!(header.dont_fragment && !header.more_fragments);
        assert_eq!((header.time_to_live, header.destination), (9, [192, 0, 2, 1]));
        assert_eq!(message, echo().request(to, EchoSocket::Raw, &SETTINGS));
        assert_eq!(message[..2], [8, 0]);
    }

    #[test]
    fn no_two_echoes_are_alike() {
        let (one, other) = (Echo::new(28).unwrap(), Echo::new(28).unwrap());
        assert_ne!(one.payload, other.payload);
        assert_eq!(one.payload.len(), 28);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            for socket in [EchoSocket::Datagram, EchoSocket::Raw] {
                echo().is_answered_by(&bytes, IpAddr::V4(Ipv4Addr::LOCALHOST), socket);
                echo().is_answered_by(&bytes, IpAddr::V6(Ipv6Addr::LOCALHOST), socket);
            }
        }
    }
}
