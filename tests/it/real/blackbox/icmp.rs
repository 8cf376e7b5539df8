//! The icmp prober: echoes of this machine.

use super::case::Case;
use super::difference::Difference;

/// What is asked.
pub(super) const CASES: &[Case] = &[
    Case::good("an address", "", "127.0.0.1"),
    Case::good("an address of IPv6", "", "::1"),
    Case::good("a name with both families", "", "both.test"),
    Case::good(
        "a name with both families, IPv4 first",
        "preferred_ip_protocol: ip4",
        "both.test",
    ),
    Case::bad(
        "IPv6 only, IPv4 there",
        "ip_protocol_fallback: false",
        "four.test",
    ),
    Case::bad(
        "IPv4 only, IPv6 there",
        "preferred_ip_protocol: ip4, ip_protocol_fallback: false",
        "six.test",
    ),
    Case::bad("a name that does not exist", "", "nothing.onion"),
    Case::good("another source", "source_ip_address: 127.0.0.2", "127.0.0.1"),
    Case::bad(
        "a source that is not here",
        "source_ip_address: 192.0.2.1",
        "127.0.0.1",
    ),
    Case::good("a small payload", "payload_size: 1", "127.0.0.1"),
    Case::good("a large payload", "payload_size: 65507", "127.0.0.1"),
    Case::good("not to be taken apart", "dont_fragment: true", "127.0.0.1"),
    Case::good(
        "a large payload, not to be taken apart",
        "dont_fragment: true, payload_size: 9000",
        "127.0.0.1",
    ),
    Case::good("not to be taken apart, over IPv6", "dont_fragment: true", "::1"),
    Case::good("one hop", "ttl: 1", "127.0.0.1"),
    Case::good("as many hops as there can be", "ttl: 255", "127.0.0.1"),
    Case::bad("an address that nobody has", "", "127.255.255.255").differs(&[Difference::ToldUnreachable]),
    Case::bad("a port", "", "127.0.0.1:80"),
];
