use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_database_that_is_a_link_out_of_its_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = |below: &str| dir.path().join(below);
    fs::create_dir(path("data")).unwrap();
    fs::create_dir(path("state")).unwrap();
    for file in ["data/home.db", "state/journal.db"] {
        let conn = Connection::open(path(file)).unwrap();
        conn.execute_batch("CREATE TABLE t (x)").unwrap();
    }
    symlink("home.db", path("data/here.db")).unwrap();
    symlink("../state/journal.db", path("data/away.db")).unwrap();
    symlink("away.db", path("data/twice.db")).unwrap();
    symlink("data", path("by-link")).unwrap();
    let open = |below: &str| {
        let mut tell = |_| {};
        let cancel = crate::Cancel::never();
        let watch = Watch::new(&mut tell, cancel, Duration::from_secs(60));
        Database::open(&path(below), Access::Read, Duration::ZERO, &watch).map(drop)
    };
    for allowed in ["data/home.db", "data/here.db", "by-link/home.db"] {
        open(allowed).unwrap();
    }
    for refused in ["data/away.db", "data/twice.db", "by-link/away.db"] {
        let error = open(refused).unwrap_err();
        assert!(matches!(error, DatabaseError::LeadsAway { .. }), "{error}");
        assert!(error.to_string().contains("state/journal.db"), "{error}");
    }
}

#[test]
fn a_folder_in_which_the_app_could_not_open_our_files_is_refused() {
    let (us, app, root) = (1000, 1001, 0);
    for (uid, owner, folder, file, fits) in [
        (us, us, 0o700, 0o600, true),
        (root, app, 0o700, 0o600, true),
        (us, app, 0o2770, 0o660, true),
        (us, app, 0o770, 0o660, false),
        (us, app, 0o2750, 0o660, false),
        (us, app, 0o2770, 0o640, false),
        (us, app, 0o755, 0o644, false),
    ] {
        assert_eq!(
            fits_folder_rules(uid, owner, folder, file),
            fits,
            "{uid} {owner} {folder:o} {file:o}"
        );
    }
    let said = DatabaseError::FolderRules {
        path: "/srv/home/home.db".into(),
        folder: "/srv/home".into(),
        owner: app,
        uid: us,
    }
    .to_string();
    assert!(said.contains("    chmod 2770 /srv/home\n    chmod 0660 /srv/home/home.db\n"));
}
