//! Whatever becomes of the state file, and of where it is: what the user is told, and that nothing is changed before.

use std::{fs, path::Path};

use crate::{
    cli::{Folder, Ran, stable},
    failures::twice,
    support::Rehearsal,
};

fn told(ran: &Ran) -> String {
    stable(&format!("{}{}exit code {:?}", ran.stdout, ran.stderr, ran.code))
}

/// Lets something happen to the file of a stack that is up; `up`, `diff` and `destroy` must refuse, and leave everything
/// as it is.
async fn refused(name: &str, happen: impl FnOnce(&Path)) {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    let file = folder.path("state/gsm.json");
    happen(&file);
    let before = fs::read(&file).ok();
    rehearsal.forget().await;
    for args in [&["up", "--yes"][..], &["diff"], &["destroy", "--yes"]] {
        let ran = folder.run(args);
        insta::assert_snapshot!(format!("refused_{name}"), told(&ran));
        assert_eq!(rehearsal.changes().await, [""; 0], "{args:?} changed something");
        assert_eq!(fs::read(&file).ok(), before, "{args:?} changed the file");
    }
}

fn edit(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(file, text.replacen(old, new, 1)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_cut_off_is_refused() {
    refused("cut_off", |file| {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, &text[..text.len() - 40]).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_one_is_not_an_empty_state() {
    refused("empty", |file| fs::write(file, "").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_no_text_is_refused() {
    refused("binary", |file| fs::write(file, [0xff, 0xfe, 0, 0x80]).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_newer_program_is_refused() {
    refused("newer", |file| edit(file, "\"version\": 1", "\"version\": 2")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_another_stack_is_refused() {
    refused("another_stack", |file| edit(file, "\"stack\": \"gsm\"", "\"stack\": \"other\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_with_a_kind_that_nobody_knows_is_refused() {
    refused("unknown_kind", |file| edit(file, "log_group", "teleporter")).await;
}

/// What cannot be read: not even root can read a folder as a file.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_read_is_refused() {
    refused("unreadable", |file| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    })
    .await;
}

/// Where nothing can be written: not even root can make a file below a file.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_folder_to_write_to_nothing_begins() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    fs::write(folder.path("state"), "").unwrap();
    for args in [&["up", "--yes"][..], &["destroy", "--yes"]] {
        insta::assert_snapshot!("no_folder", told(&folder.run(args)));
    }
    assert_eq!(rehearsal.calls().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_begins() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    let ran = folder.run_with_room_for(0, &["up", "--yes"]);
    insta::assert_snapshot!("full_disk", told(&ran));
    assert_eq!(rehearsal.calls().await, []);
    folder.ok(&["up", "--yes", "--target", "logs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_becomes_full_loses_nothing() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    let ran = folder.run_with_room_for(48, &["up", "--yes"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("the state could not be written"), "{}", ran.stderr);
    // The last record that could be written is whole, and what it does not know is found.
    folder.ok(&["state", "list"]);
    let made = rehearsal.changes().await;
    assert!(!made.is_empty(), "it was full before anything was made: {made:?}");
    folder.ok(&["up", "--yes"]);
    folder.is_settled();
    let census = rehearsal.census().await;
    assert_eq!(twice(&census), [""; 0], "{census:#}");
    folder.ok(&["destroy", "--yes", "--unprotect", "database"]);
}

/// A run that was killed while it wrote leaves its temporary file.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_temporary_file_means_nothing() {
    let rehearsal = Rehearsal::start().await;
    let folder = Folder::new(&rehearsal);
    folder.ok(&["up", "--yes", "--target", "logs"]);
    fs::write(folder.path("state/.state-a1b2c3"), "{ \"version\": 1, \"sta").unwrap();
    rehearsal.forget().await;
    folder.ok(&["up", "--yes", "--target", "logs"]);
    assert_eq!(rehearsal.changes().await, [""; 0]);
    assert!(folder.ok(&["state", "list"]).contains("logs"));
}
