//! The checks of an app: what the policies found, with the evidence folded under each finding.

use leptos::prelude::*;

use super::Drawn;
use crate::model::{CheckPage, Checks, Frame};

pub(super) fn draw(_frame: &Frame, page: &Checks) -> Drawn {
    let content = view! { <h1>"Checks"</h1> };
    Drawn::showing(format!("{}: checks", page.app), content.into_any()).busy(page.checking)
}

pub(super) fn one(_frame: &Frame, page: &CheckPage) -> Drawn {
    let content = view! { <h1>"Check"</h1> };
    Drawn::showing(format!("{}: a check", page.app), content.into_any())
}
