#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const APPLIED: Sequence = Sequence::new(4);

fn name() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..60)
}

/// Commits from number five on, a few of them over the size of a record.
fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let size = prop_oneof![4 => 0..40_usize, 1 => 4000..6000_usize];
    let put = (name(), size.prop_flat_map(|size| vec(any::<u8>(), size)));
    let one = (vec(put, 0..5), vec(name(), 0..4));
    vec(one, 1..6).prop_map(|all| {
        let numbered = (5..).zip(all);
        numbered.map(|(number, (puts, deletes))| Commit { sequence: Sequence::new(number), puts, deletes }).collect()
    })
}

fn read(records: &[(Name, Vec<u8>)]) -> Result<Vec<Commit>, Damaged> {
    let mut assembler = Assembler::default();
    let mut commits = Vec::new();
    for (name, bytes) in records {
        let record = decode(*name, bytes)?;
        assert_eq!(record.applied, APPLIED);
        commits.extend(assembler.take(*name, record.body)?);
    }
    Ok(commits)
}

proptest! {
    #[test]
    fn what_is_written_is_read(commits in commits()) {
        prop_assert_eq!(read(&records(&commits, APPLIED)).unwrap(), commits);
    }

    #[test]
    fn no_record_is_over_the_cap_and_names_rise(commits in commits()) {
        let records = records(&commits, APPLIED);
        prop_assert!(records.iter().all(|(_, bytes)| bytes.len() <= HEADER + 8 + MAX_BODY));
        prop_assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_truncated_record_is_damaged(commits in commits(), at in any::<prop::sample::Index>()) {
        for (name, bytes) in records(&commits, APPLIED) {
            let cut = at.index(bytes.len());
            prop_assert!(decode(name, &bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_flipped_bit_is_damage(commits in commits(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        for (name, mut bytes) in records(&commits, APPLIED) {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(name, &bytes).is_err());
        }
    }

    #[test]
    fn a_record_under_another_name_is_damaged(commits in commits()) {
        for ((first, part), bytes) in records(&commits, APPLIED) {
            prop_assert!(decode((Sequence::new(first.get() + 1), part), &bytes).is_err());
            prop_assert!(decode((first, part + 1), &bytes).is_err());
        }
    }

    #[test]
    fn without_its_last_part_a_commit_never_was(size in MAX_BODY..5 * MAX_BODY) {
        let commit = Commit { sequence: Sequence::new(5), puts: (0..size / 1000).map(|_| (vec![1], vec![2; 1000])).collect(), deletes: vec![vec![3; 200]; 60] };
        let records = records(&[commit], APPLIED);
        prop_assert!(records.len() > 1);
        let mut assembler = Assembler::default();
        for (name, bytes) in &records[..records.len() - 1] {
            prop_assert!(assembler.take(*name, decode(*name, bytes).unwrap().body).unwrap().is_empty());
        }
        prop_assert_eq!(assembler.torn(), Some(Sequence::new(5)));
    }

    #[test]
    fn a_missing_part_is_noticed(lost in 0..3_usize) {
        let commit = Commit { sequence: Sequence::new(5), puts: vec![(vec![1], vec![2; 6000]); 4], deletes: vec![] };
        let mut records = records(&[commit, Commit::empty(Sequence::new(6))], APPLIED);
        prop_assert_eq!(records.len(), 5);
        records.remove(lost);
        prop_assert!(read(&records).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(decode((Sequence::new(1), 0), &bytes).is_err());
        let _ = Commit::decode(Sequence::new(1), &bytes);
        let _ = whole(Sequence::new(1), &bytes);
        let _ = last(&bytes);
    }
}

#[test]
fn small_commits_share_a_record() {
    let commits: Vec<_> = (1..=100).map(|number| Commit::empty(Sequence::new(number))).collect();
    assert_eq!(records(&commits, APPLIED).len(), 1);
}

#[test]
fn golden() {
    let commits = [
        Commit { sequence: Sequence::new(5), puts: vec![(b"k".to_vec(), b"\0v".to_vec())], deletes: vec![b"dd".to_vec()] },
        Commit::empty(Sequence::new(6)),
    ];
    let records = records(&commits, APPLIED);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].0, (Sequence::new(5), 0));
    let hex: String = records[0].1.iter().map(|byte| format!("{byte:02x}")).collect();
    let body = "0000000000000005 00000013 00000001 0001 6b 0002 0076 00000001 0002 6464 0000000000000006 00000008 00000000 00000000"
        .replace(' ', "");
    // The checksum was reckoned by an independent CRC-32 over name, format, kind, applied and body.
    assert_eq!(hex, format!("010100000000000000042d4bb022{body}"));
}

#[test]
fn golden_parts() {
    let commit = Commit { sequence: Sequence::new(5), puts: vec![(b"k".to_vec(), vec![7; MAX_BODY])], deletes: vec![] };
    let records = records(&[commit], APPLIED);
    let heads: Vec<String> = records.iter().map(|(_, bytes)| bytes[..22].iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    assert_eq!(records.iter().map(|(name, bytes)| (name.1, bytes.len())).collect::<Vec<_>>(), [(0, 14 + 6144), (1, 14 + 8 + 13)]);
    assert_eq!(heads, ["01020000000000000004c496cd030000000100016b18", "01030000000000000004c2d331540000180d0ce63e21"]);
}
