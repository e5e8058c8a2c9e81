//! `tealkeep demo`: everything for real, in one process and one folder. A household app ([`home`]) in
//! several releases ([`releases`]), and the family that uses it ([`family`]).

pub mod family;
pub mod home;
pub mod releases;
