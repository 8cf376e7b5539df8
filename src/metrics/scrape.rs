//! A scrape, in steps: each encodes as many pieces as fill a chunk and returns it.
//!
//! Whoever sends the chunks decides when the next step is due, so a slow reader holds no thread and never more than
//! one chunk.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

use super::catalog::{Family, families};
use super::collector::{Piece, Snapshot};
use super::negotiate::{Coding, Format};
use super::protobuf::FamilyBuffer;
use super::text::{Descriptions, Dialect, Rewriter};

/// Subjects per piece: enough to make the fixed cost of a piece small, few enough to keep its text small.
const SUBJECTS: usize = 64;

/// A chunk is handed out once it is this large, in bytes.
const CHUNK: usize = 32 * 1024;

/// Fast rather than small: the text is so repetitive that the least effort already makes a tenth of it.
const EFFORT: Compression = Compression::new(1);

/// Why a scrape broke off.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    /// A series could not be encoded.
    #[error("the metrics could not be encoded")]
    Encode(#[from] fmt::Error),
    /// The compressor failed.
    #[error("the metrics could not be compressed")]
    Compress(#[from] io::Error),
}

/// A scrape under way: its chunks, in order.
#[derive(Debug)]
pub struct Scrape {
    snapshot: Arc<Snapshot>,
    format: Format,
    families: Box<dyn FamilyIterator>,
    /// The family under way and how many of its subjects are done.
    current: Option<(&'static Family, usize)>,
    /// The text of a step, kept for the next to use its memory.
    text: String,
    protobuf: FamilyBuffer,
    /// `None` once everything has been handed out.
    sink: Option<Sink>,
}

trait FamilyIterator: Iterator<Item = &'static Family> + Send + fmt::Debug {}

impl<I: Iterator<Item = &'static Family> + Send + fmt::Debug> FamilyIterator for I {}

#[derive(Debug)]
enum Sink {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Scrape {
    pub(super) fn new(snapshot: Arc<Snapshot>, format: Format, coding: Coding) -> Self {
        let sink = match coding {
            Coding::Identity => Sink::Plain(Vec::new()),
            Coding::Gzip => Sink::Gzip(GzEncoder::new(Vec::new(), EFFORT)),
        };
        Self {
            snapshot,
            format,
            families: Box::new(families().collect::<Vec<_>>().into_iter()),
            current: None,
            text: String::new(),
            protobuf: FamilyBuffer::default(),
            sink: Some(sink),
        }
    }

    /// Encodes until a chunk is full or nothing is left.
    fn step(&mut self) -> Result<Option<Bytes>, ScrapeError> {
        let Some(mut sink) = self.sink.take() else {
            return Ok(None);
        };
        loop {
            let Some((family, done)) = self.current.take().or_else(|| Some((self.families.next()?, 0)))
            else {
                self.encode_end(&mut sink)?;
                let last = sink.finish()?;
                return Ok((!last.is_empty()).then_some(last));
            };
            self.encode_piece(family, done, &mut sink)?;
            if done + SUBJECTS < self.snapshot.subjects(family) {
                self.current = Some((family, done + SUBJECTS));
            } else if self.format.dialect().is_none() {
                self.protobuf.finish(&mut sink)?;
            }
            if let Some(chunk) = sink.chunk() {
                self.sink = Some(sink);
                return Ok(Some(chunk));
            }
        }
    }

    fn encode_piece(
        &mut self,
        family: &'static Family,
        done: usize,
        sink: &mut Sink,
    ) -> Result<(), ScrapeError> {
        let end = self.snapshot.subjects(family).min(done + SUBJECTS);
        let mut part = Registry::default();
        part.register_collector(Box::new(Piece {
            snapshot: Arc::clone(&self.snapshot),
            family,
            range: done..end,
        }));
        let Some(dialect) = self.format.dialect() else {
            return Ok(self.protobuf.add(&part)?);
        };
        let descriptions = if done == 0 {
            Descriptions::Keep
        } else {
            Descriptions::Drop
        };
        self.text.clear();
        encode_registry(&mut Rewriter::new(&mut self.text, dialect, descriptions), &part)?;
        Ok(sink.write_all(self.text.as_bytes())?)
    }

    fn encode_end(&mut self, sink: &mut Sink) -> Result<(), ScrapeError> {
        if self.format.dialect() == Some(Dialect::OpenMetrics) {
            self.text.clear();
            encode_eof(&mut self.text)?;
            sink.write_all(self.text.as_bytes())?;
        }
        Ok(())
    }
}

impl Iterator for Scrape {
    type Item = Result<Bytes, ScrapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // There is nothing behind it that waits.
        Ok(())
    }
}

impl Sink {
    /// What has been written so far, if it is enough to send.
    fn chunk(&mut self) -> Option<Bytes> {
        let out = match self {
            Self::Plain(out) => out,
            Self::Gzip(encoder) => encoder.get_mut(),
        };
        (out.len() >= CHUNK).then(|| Bytes::from(std::mem::take(out)))
    }

    fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Plain(out) => Ok(out.into()),
            Self::Gzip(encoder) => encoder.finish().map(Bytes::from),
        }
    }
}
