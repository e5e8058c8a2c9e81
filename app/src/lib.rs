//! The pages of the dashboard, each a pure function from plain values to HTML.
//!
//! Nothing here does I/O or knows the supervisor. [`model`] holds what a page is drawn from, [`render`] draws it,
//! [`assets`] holds the style sheet, the script and the icons.

pub mod assets;
mod content;
mod document;
pub mod model;
mod navigation;
mod pages;
mod parts;
mod wording;

use leptos::prelude::{Owner, RenderHtml};
use model::{Frame, Page};
pub use wording::{Advice, advice, finding_title, policy_title};

/// Renders a page as a complete HTML document, with every value escaped. The document contains no inline script, style
/// or event handler, so it works under `default-src 'none'` with `'self'` for the assets.
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a page is made to be drawn once, and callers read better without the borrow"
)]
pub fn render(frame: &Frame, page: Page) -> String {
    let html = Owner::new().with(|| document::view(frame, pages::draw(frame, &page)).to_html());
    // Leptos separates neighbouring texts with markers that only hydration would need. A value can't
    // be mistaken for one, since its `<` is escaped.
    format!("<!doctype html>{}", html.replace("<!>", ""))
}
