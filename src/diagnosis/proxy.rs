//! Proxies that answer with their own addresses whatever the record behind them says.

use std::net::IpAddr;

use ipnet::IpNet;

/// Cloudflare's published ranges (cloudflare.com/ips): its proxied records hide their target. One that is missing
/// here turns an unverifiable target into a drift, which can be accepted in the configuration.
const NETWORKS: [&str; 22] = [
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "2400:cb00::/32",
    "2405:8100::/32",
    "2405:b500::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

/// Whether every address is a proxy's, so that nothing can be said of what is behind.
pub(super) fn hides(addresses: &[IpAddr]) -> bool {
    let networks: Vec<IpNet> = NETWORKS.iter().filter_map(|net| net.parse().ok()).collect();
    addresses
        .iter()
        .all(|address| networks.iter().any(|net| net.contains(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_written_correctly() {
        for net in NETWORKS {
            let parsed: IpNet = net.parse().unwrap();
            assert_eq!(parsed, parsed.trunc(), "{net}");
        }
    }

    #[test]
    fn one_address_outside_is_not_hidden() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(hides(&[at("104.16.1.1"), at("2606:4700::1")]));
        assert!(!hides(&[at("104.16.1.1"), at("203.0.113.1")]));
    }
}
