use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use molt_db_protocol::auth::Secret;

use super::error::Problem;

/// Reads a plain file of at most 1 MiB. It may hold passwords. `check` has its say before anything is read.
pub(super) fn read(path: &Path, check: impl Fn(&Metadata) -> Result<(), Problem>) -> Result<Secret, Problem> {
    let unreadable = |error: io::Error| Problem::Unreadable(error.kind());
    // Before it is opened: a pipe would wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Problem::Refused("it is not a plain file"));
    }
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    check(&metadata)?;
    if metadata.len() > LARGEST {
        return Err(Problem::Refused("it is larger than 1 MiB"));
    }
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(LARGEST).read_to_end(&mut text).map_err(unreadable)?;
    Ok(Secret::new(text))
}

const LARGEST: u64 = 1 << 20;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::env;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder that goes when it is dropped.
    pub(in crate::config) struct Folder(pub(in crate::config) PathBuf);

    impl Folder {
        pub(in crate::config) fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("molt-db-config-{}-{number}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        /// Writes a file that only its owner may read.
        pub(in crate::config) fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, text).unwrap();
            #[cfg(unix)]
            set_mode(&path, 0o600);
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[cfg(unix)]
    pub(in crate::config) fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn plain_files_of_at_most_a_mebibyte_are_read() {
        let folder = Folder::new();
        let read = |path: &Path| read(path, |_| Ok(()));
        assert_eq!(read(&folder.write("small", "text")), Ok(Secret::new("text")));
        let largest = "x".repeat(1 << 20);
        assert_eq!(read(&folder.write("largest", &largest)), Ok(Secret::new(largest.as_str())));
        let too_large = read(&folder.write("larger", &format!("{largest}x"))).unwrap_err();
        assert_eq!(too_large, Problem::Refused("it is larger than 1 MiB"));
        assert_eq!(read(&folder.0).unwrap_err(), Problem::Refused("it is not a plain file"));
        let missing = read(&folder.0.join("missing")).unwrap_err();
        assert_eq!(missing, Problem::Unreadable(io::ErrorKind::NotFound));
    }

    #[test]
    fn what_the_check_refuses_is_not_read() {
        let folder = Folder::new();
        let refused = Err(Problem::Exposed { mode: 0o644 });
        assert_eq!(read(&folder.write("file", "text"), |_| refused), Err(Problem::Exposed { mode: 0o644 }));
    }
}
