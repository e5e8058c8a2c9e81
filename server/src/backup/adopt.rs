//! Taking over the snapshots that a household's script made before: each is verified and copied into a backups
//! folder with a manifest of its own; the originals are only read.
