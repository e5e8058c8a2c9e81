//! Why a request can't be passed on.

use http::StatusCode;

/// The status and the sentence that a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Refusal {
    pub(in super::super) status: StatusCode,
    pub(in super::super) why: &'static str,
}

pub(super) const fn bad_request(why: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        why,
    }
}
