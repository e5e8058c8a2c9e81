//! Snapshots, their catalogue, their retention, and the way back.
