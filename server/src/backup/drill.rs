//! The restore drill: the newest snapshot is unpacked elsewhere, opened, fully checked, and its row counts are compared
//! with the manifest's and with those of the night before. Nothing that lives is touched.
