//! What the service keeps secret, in one file that only its owner can read.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use covet_kit::auth::{Algorithm, SigningKey};

/// The keys of fingerprints, refresh tokens and signatures. Processes that share a database share the file.
pub(crate) struct Secret {
    pub(crate) fingerprints: [u8; 16],
    pub(crate) sessions: [u8; 32],
    pub(crate) signing: Vec<u8>,
}

/// Reads the secrets, or makes them on the first start.
pub(crate) fn read_or_make(path: &Path) -> Result<Secret, String> {
    let read = |path: &Path| fs::read(path).map_err(|error| (error.kind(), error));
    let bytes = match read(path) {
        Err((io::ErrorKind::NotFound, _)) => {
            let bytes = make()?;
            match write_new(path, &bytes) {
                // Another process was faster: its secrets count.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
                Err(error) => return Err(format!("cannot write the secret file {}: {error}", path.display())),
                Ok(()) => Ok(bytes),
            }
        }
        read => read,
    };
    let bytes = bytes.map_err(|(_, error)| format!("cannot read the secret file {}: {error}", path.display()))?;
    let parts =
        bytes.split_first_chunk().and_then(|(fingerprints, rest)| Some((fingerprints, rest.split_first_chunk()?)));
    let Some((fingerprints, (sessions, signing))) = parts else {
        return Err(format!(
            "the secret file {} is damaged; without it every token is void: delete it to start anew",
            path.display()
        ));
    };
    Ok(Secret { fingerprints: *fingerprints, sessions: *sessions, signing: signing.to_vec() })
}

fn make() -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; 16 + 32];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    bytes.extend_from_slice(&SigningKey::generate_pkcs8(Algorithm::ES256).map_err(|error| error.to_string())?);
    Ok(bytes)
}

/// Whole or not at all: another process must never read half of it.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    written
}
