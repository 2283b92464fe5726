//! Checksums of contents, as S3 writes them: base64 of the big-endian value.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A way to compute one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 4] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha256];

    /// As S3 names it in its inputs and outputs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries it.
    pub(super) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    pub(super) fn of(self, content: &[u8]) -> String {
        match self {
            Self::Crc32 => {
                BASE64_STANDARD.encode((crc(32, 0xEDB8_8320, content) as u32).to_be_bytes())
            }
            Self::Crc32c => {
                BASE64_STANDARD.encode((crc(32, 0x82F6_3B78, content) as u32).to_be_bytes())
            }
            Self::Crc64Nvme => {
                BASE64_STANDARD.encode(crc(64, 0x9A6C_9329_AC4B_C9B5, content).to_be_bytes())
            }
            Self::Sha256 => BASE64_STANDARD.encode(Sha256::digest(content)),
        }
    }

    /// How many bytes it has.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha256 => 32,
        }
    }
}

/// A cyclic redundancy check of so many bits, with a polynomial whose lowest bit comes first.
fn crc(bits: u32, polynomial: u64, content: &[u8]) -> u64 {
    let table: Vec<u64> = (0..256u64)
        .map(|byte| {
            (0..8).fold(byte, |it, _| if it & 1 == 1 { (it >> 1) ^ polynomial } else { it >> 1 })
        })
        .collect();
    let ones = u64::MAX >> (64 - bits);
    let sum = content.iter().fold(ones, |it, byte| {
        let index = (it ^ u64::from(*byte)) & 0xFF;
        table[index as usize] ^ (it >> 8)
    });
    sum ^ ones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_catalogue() {
        // The catalogue of parametrised CRC algorithms has their values of these nine characters.
        let value = b"123456789";
        assert_eq!(crc(32, 0xEDB8_8320, value), 0xCBF4_3926);
        assert_eq!(crc(32, 0x82F6_3B78, value), 0xE306_9283);
        assert_eq!(crc(64, 0x9A6C_9329_AC4B_C9B5, value), 0xAE8B_1486_0A79_9888);
        assert_eq!(Algorithm::Crc32.of(value), "y/Q5Jg==");
        assert_eq!(Algorithm::Crc32.of(b""), "AAAAAA==");
    }
}
