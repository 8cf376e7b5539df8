//! The protobuf format: one length-delimited `io.prometheus.client.MetricFamily` per family.
//!
//! The model of a whole family is large; so it is made and encoded in parts: encoded messages of one type concatenate
//! to their union (protocol buffers, encoding: "last one wins, repeated fields append").

use std::fmt;
use std::io::{self, Write};

use prometheus_client::encoding::prometheus_protobuf;
use prometheus_client::registry::Registry;
use prost::Message as _;

/// A family under construction.
#[derive(Debug, Default)]
pub struct FamilyBuffer {
    encoded: Vec<u8>,
    described: bool,
    series: usize,
}

impl FamilyBuffer {
    /// Adds a part: a registry that holds series of this one family.
    pub fn add(&mut self, part: &Registry) -> fmt::Result {
        for mut family in prometheus_protobuf::encode(part)? {
            self.series += family.metric.len();
            if self.described {
                family.name.clear();
                family.help.clear();
                family.unit.clear();
                family.r#type = 0;
            }
            self.described = true;
            family.encode(&mut self.encoded).map_err(|_| fmt::Error)?;
        }
        Ok(())
    }

    /// Writes the family, unless it has no series, and begins anew.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.series > 0 {
            let mut length = Vec::new();
            prost::encode_length_delimiter(self.encoded.len(), &mut length).map_err(io::Error::other)?;
            out.write_all(&length)?;
            out.write_all(&self.encoded)?;
        }
        self.encoded.clear();
        self.described = false;
        self.series = 0;
        Ok(())
    }
}
