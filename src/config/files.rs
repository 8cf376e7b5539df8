//! Where the files of a configuration come from, and how a reload knows that one has changed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

/// Bytes of one file at most; a configuration that is larger is a mistake.
const LARGEST: u64 = 16 << 20;

/// Reads the files that a configuration names and remembers what it read.
#[derive(Debug)]
pub struct Files {
    /// Where relative paths start.
    base: PathBuf,
    /// In place of the file system.
    memory: Option<BTreeMap<PathBuf, Vec<u8>>>,
    read: BTreeMap<PathBuf, Option<Digest>>,
}

type Digest = [u8; 32];

impl Files {
    /// Files of the file system; relative paths start at `directory`.
    #[must_use]
    pub fn directory(directory: &Path) -> Self {
        Self {
            base: directory.to_owned(),
            memory: None,
            read: BTreeMap::new(),
        }
    }

    /// Files that exist only here, by the path that the configuration names them by: for tests and fuzzing.
    #[must_use]
    pub fn memory(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        Self {
            base: PathBuf::new(),
            memory: Some(files.into_iter().collect()),
            read: BTreeMap::new(),
        }
    }

    /// The path that a name in the configuration stands for.
    pub(super) fn locate(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// Lets relative paths start beside `file`; the directory where they started is returned.
    pub(super) fn move_beside(&mut self, file: &Path) -> PathBuf {
        let beside = file.parent().map_or_else(PathBuf::new, Path::to_owned);
        std::mem::replace(&mut self.base, beside)
    }

    /// Lets relative paths start at `base` again.
    pub(super) fn move_back(&mut self, base: PathBuf) {
        self.base = base;
    }

    pub(super) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let content = match &self.memory {
            None => read_bounded(path),
            Some(files) => files
                .get(path)
                .cloned()
                .ok_or_else(|| io::ErrorKind::NotFound.into()),
        };
        self.read
            .insert(path.to_owned(), content.as_deref().ok().map(sha256));
        content
    }

    pub(super) fn sources(self) -> Sources {
        Sources { files: self.read }
    }
}

/// The files that a configuration was made of, with a digest of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: BTreeMap<PathBuf, Option<Digest>>,
}

impl Sources {
    /// SHA-256 over the paths and contents of all files, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use std::fmt::Write;
        let mut all = digest::Context::new(&digest::SHA256);
        for (path, content) in &self.files {
            all.update(path.as_os_str().as_encoded_bytes());
            all.update(&[0, u8::from(content.is_some())]);
            all.update(&content.unwrap_or_default());
        }
        all.finish().as_ref().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The files that were read, or looked for in vain.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// Reads the files again and tells whether any is no longer what it was. Blocks on the file system.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.files
            .iter()
            .any(|(path, known)| read_bounded(path).ok().map(|content| sha256(&content)) != *known)
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut content = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
    }
    Ok(content)
}

fn sha256(content: &[u8]) -> Digest {
    let mut known = Digest::default();
    let digest = digest::digest(&digest::SHA256, content);
    known.copy_from_slice(digest.as_ref());
    known
}
