//! Addresses that cannot be opened: each says what to do.

use std::{fs, os::unix::fs::PermissionsExt};
use switchback_store::{OpenError, open};

async fn refusal(url: &str) -> OpenError {
    open(url).await.err().unwrap_or_else(|| panic!("{url} was opened"))
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("not-there");
    let refused = refusal(&format!("sqlite:{}/switchback.db", missing.display())).await;
    assert!(matches!(&refused, OpenError::NoFolder { folder } if *folder == missing), "{refused:?}");
    assert!(refused.to_string().contains("create it"), "{refused}");
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named() {
    // A folder cannot be written as a file, not even by root, whom no permission stops.
    let folder = tempfile::tempdir().unwrap();
    let refused = refusal(&format!("sqlite:{}", folder.path().display())).await;
    assert!(matches!(&refused, OpenError::NotWritable { file, .. } if file == folder.path()), "{refused:?}");
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    let text = "Dear all, this is not a database. ".repeat(100);
    fs::write(&file, &text).unwrap();
    let refused = refusal(&format!("sqlite:{}", file.display())).await;
    assert!(matches!(&refused, OpenError::NotADatabase { .. }), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn only_the_owner_may_read_what_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("switchback.db");
    let _store = open(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2, "the database and its log");
}

#[tokio::test]
async fn what_others_could_read_is_closed_to_them_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("switchback.db");
    let url = format!("sqlite:{}", file.display());
    let store = open(&url).await.unwrap();
    store.append(&crate::audit::entry(1)).await.unwrap();
    let modes = || {
        let mode = |entry: fs::DirEntry| entry.metadata().unwrap().permissions().mode() & 0o777;
        fs::read_dir(folder.path()).unwrap().map(|entry| mode(entry.unwrap())).collect::<Vec<_>>()
    };
    // The log and its index are there, and are those of the second start too.
    for entry in fs::read_dir(folder.path()).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o664)).unwrap();
    }
    let again = open(&url).await.unwrap();
    assert!(modes().len() >= 3 && modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
    assert_eq!(again.entries(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn other_kinds_of_address_are_explained() {
    assert!(matches!(refusal("mysql://localhost/x").await, OpenError::UnknownKind));
    assert!(matches!(refusal("switchback.db").await, OpenError::UnknownKind));
    assert!(matches!(refusal("sqlite:").await, OpenError::NotAFile));
    assert!(matches!(refusal("sqlite::memory:").await, OpenError::NotAFile));
    assert!(matches!(refusal("postgres://user@host:port/x").await, OpenError::BadAddress { .. }));
}

#[tokio::test]
async fn nobody_answering_is_explained_without_the_password() {
    // The listener is dropped at once, so nobody listens at its port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = refusal(&format!("postgres://console:very-secret@127.0.0.1:{port}/switchback")).await;
    assert!(matches!(&refused, OpenError::CannotConnect { place, .. } if *place == format!("127.0.0.1:{port}")), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("very-secret"));
}
