//! The fields of the forms that take a password.

use leptos::prelude::*;

/// A password field with its label.
pub(crate) fn password_field(
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    min_length: Option<usize>,
) -> AnyView {
    view! {
        <label for=name>{label}</label>
        <input id=name name=name type="password" autocomplete=autocomplete required
            minlength=min_length.map(|length| length.to_string())/>
    }
    .into_any()
}

/// What makes a good password.
pub(crate) fn password_hint(min_length: usize) -> String {
    format!("At least {min_length} characters. A few words in a row are easy to remember.")
}

/// Why the last attempt failed.
pub(crate) fn problem(sentence: Option<&str>) -> Option<AnyView> {
    let sentence = sentence?.to_owned();
    Some(view! { <p class="notice bad" role="alert"><bdi>{sentence}</bdi></p> }.into_any())
}

/// A name for password managers to file the password under. It has no field name, so it is not sent.
pub(crate) fn user_name() -> AnyView {
    view! { <input type="text" autocomplete="username" value="household" readonly hidden/> }
        .into_any()
}
