//! What people look at: each page of the dashboard as a function from plain values to HTML.
//!
//! Nothing here does I/O, and nothing here knows the supervisor. [`model`] holds what a page is drawn
//! from, [`render`] draws it, [`assets`] holds the style sheet, the script and the icons.

pub mod assets;
pub mod model;

use model::{Frame, Page};

/// A page as a complete HTML document.
#[must_use]
pub fn render(frame: &Frame, page: Page) -> String {
    format!("<!doctype html><title>{} {page:?}</title>", frame.path)
}
