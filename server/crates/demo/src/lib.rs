//! The household app of the demo ([`home`]) in several releases ([`releases`]), and the family that uses it
//! ([`family`]). Nothing in it knows of the supervisor.

pub mod family;
pub mod home;
pub mod releases;
