//! `tealkeep demo`: everything for real, in one process and one folder.
