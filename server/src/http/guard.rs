//! What every request passes before a handler sees it: the Host must be ours, an unsafe method must come from our own pages,
//! and whoever is not signed in goes no further than the open routes.

mod access;
mod headers;
mod host;
mod origin;
mod oversized_body;
mod refusals;

pub use access::{Needs, require_signed_in, require_socket};
pub use headers::add_security_headers;
pub use host::check_host;
pub use origin::check_origin;
pub use oversized_body::drain_oversized_body;
pub use refusals::shape_refusals;
