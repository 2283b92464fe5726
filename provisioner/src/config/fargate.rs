//! The sizes Fargate offers, from the ECS documentation of task sizes.

use super::reader::Wrong;

/// CPU units; least, most and step of memory in MiB. 256 units have no 1.5 GiB, see [`offers`].
const SIZES: &[(i32, i32, i32, i32)] = &[
    (256, 512, 2_048, 512),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// Checks CPU units on their own.
pub(super) fn cpu(cpu: i32) -> Result<(), Wrong> {
    if SIZES.iter().any(|size| size.0 == cpu) {
        return Ok(());
    }
    let all: Vec<String> = SIZES.iter().map(|size| size.0.to_string()).collect();
    Err(Wrong::new("is not a size Fargate has")
        .help(format!("one of {} (1024 units are one vCPU)", all.join(", "))))
}

/// Whether memory goes with CPU units, which have been checked; else what is possible.
pub(super) fn memory(cpu: i32, memory: i32) -> Result<(), String> {
    let offered = memories(cpu);
    if offered.contains(&memory) {
        return Ok(());
    }
    let below = offered.iter().rev().find(|offer| **offer < memory);
    let above = offered.iter().find(|offer| **offer > memory);
    let nearest: Vec<String> =
        below.into_iter().chain(above).map(|offer| format!("`memory: {offer}`")).collect();
    let range = match (offered.as_slice(), SIZES.iter().find(|size| size.0 == cpu)) {
        ([least, .., most], Some(size)) if offered.len() > 4 => {
            format!("{least} to {most} in steps of {}", size.3)
        }
        _ => offered.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let with: Vec<String> = SIZES
        .iter()
        .filter(|size| memories(size.0).contains(&memory))
        .map(|size| size.0.to_string())
        .collect();
    let other = if with.is_empty() {
        String::new()
    } else {
        format!("; {memory} MiB go with `cpu` {}", with.join(" or "))
    };
    Err(format!("nearest: {} ({cpu} units take {range} MiB){other}", nearest.join(" or ")))
}

fn memories(cpu: i32) -> Vec<i32> {
    let Some(&(_, least, most, step)) = SIZES.iter().find(|size| size.0 == cpu) else {
        return Vec::new();
    };
    (0..)
        .map(|index| least + index * step)
        .take_while(|memory| *memory <= most)
        .filter(|memory| offers(cpu, *memory))
        .collect()
}

fn offers(cpu: i32, memory: i32) -> bool {
    (cpu, memory) != (256, 1_536)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        assert_eq!(memories(256), [512, 1024, 2048]);
        assert_eq!(memories(512), [1024, 2048, 3072, 4096]);
        assert_eq!(memories(4096).len(), 23);
        assert_eq!(memories(8192), (4..=15).map(|gib| gib * 4096).collect::<Vec<_>>());
        assert_eq!(memories(16384).last(), Some(&122_880));
        assert!(cpu(300).is_err());
    }

    #[test]
    fn what_is_possible_instead() {
        insta::assert_snapshot!(memory(256, 3000).err().unwrap_or_default(), @"nearest: `memory: 2048` (256 units take 512, 1024, 2048 MiB)");
        insta::assert_snapshot!(memory(1024, 512).err().unwrap_or_default(), @"nearest: `memory: 2048` (1024 units take 2048 to 8192 in steps of 1024 MiB); 512 MiB go with `cpu` 256");
    }
}
