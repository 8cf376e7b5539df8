//! `/probe` itself: parameters, headers and formats.

use super::case::Case;
use super::difference::Difference;

/// What is asked; the module is of the http prober.
pub(super) const CASES: &[Case] = &[
    Case::refused("no target", "", ""),
    Case::refused("a module that does not exist", "", "$plain/").query("&module=nothing"),
    Case::good("an empty module is the default one", "", "$plain/"),
    Case::good("a scraper that announces its timeout", "", "$plain/").headers("X-Prometheus-Scrape-Timeout-Seconds: 10\r\n"),
    Case::bad("a scraper that has little time", "", "$plain/stall").headers("X-Prometheus-Scrape-Timeout-Seconds: 1.5\r\n"),
    Case::bad("a module that has less time than the scraper", "", "$plain/stall").headers("X-Prometheus-Scrape-Timeout-Seconds: 10\r\n").within("1s"),
    Case::good("a timeout of 0", "", "$plain/").headers("X-Prometheus-Scrape-Timeout-Seconds: 0\r\n"),
    Case::refused("a timeout that is none", "", "$plain/").headers("X-Prometheus-Scrape-Timeout-Seconds: soon\r\n"),
    Case::good("a scraper that takes gzip", "", "$plain/").differs(&[Difference::Uncompressed]).headers("Accept-Encoding: gzip\r\n"),
    Case::good("a scraper that wants protobuf", "", "$plain/").headers("Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n"),
    Case::good("a scraper that wants OpenMetrics", "", "$plain/").headers("Accept: application/openmetrics-text;version=1.0.0\r\n"),
    Case::good("a scraper of Prometheus 3", "", "$plain/").differs(&[Difference::Format]).headers("Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1\r\n"),
    Case::good("a target that is encoded", "", "http://$plain_address/echo?a=b"),
    Case::bad("a target that is encoded twice", "", "http%3A%2F%2F$plain_address%2Fecho%3Fa%3Db").differs(&[Difference::NoTarget]),
];
