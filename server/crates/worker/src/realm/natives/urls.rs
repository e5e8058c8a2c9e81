//! URLs as the URL Standard has them, for `URL`, `URLPattern` and whatever resolves an address.

mod change;
mod escape;
mod parser;
mod parts;
mod record;
#[cfg(test)]
mod tests;

use rquickjs::function::Opt;
use rquickjs::{Ctx, Object, Result, Value};

use super::define::define;
use crate::realm::convert::{text_of, to_js};
use record::Record;

/// Adds `resolveUrl`, `urlPart`, `withUrlPart`, `urlRecord`, `canonicalize`, `parseForm` and `writeForm`.
pub(super) fn add_urls<'js>(host: &Object<'js>, ctx: &Ctx<'js>) -> Result<()> {
    define(
        host,
        ctx,
        "resolveUrl",
        move |text: rquickjs::String<'js>, base: Opt<Option<String>>| {
            resolve(&text_of(&text), base.0.flatten().as_deref()).map(|url| url.href())
        },
    )?;
    define(host, ctx, "urlPart", move |href: String, part: String| {
        parser::parse(&href, None)
            .map(|url| url.part(&part))
            .unwrap_or_default()
    })?;
    define(
        host,
        ctx,
        "withUrlPart",
        move |href: String, part: String, value: rquickjs::String<'js>| match parser::parse(
            &href, None,
        ) {
            Some(mut url) => {
                change::set(&mut url, &part, &text_of(&value));
                url.href()
            }
            None => href,
        },
    )?;
    define(
        host,
        ctx,
        "urlRecord",
        move |ctx: Ctx<'js>, text: rquickjs::String<'js>, base: Opt<Option<String>>| {
            let url = resolve(&text_of(&text), base.0.flatten().as_deref());
            components(&ctx, url.as_ref())
        },
    )?;
    define(
        host,
        ctx,
        "canonicalize",
        move |component: String, value: rquickjs::String<'js>, protocol: Opt<String>| {
            let protocol = protocol.0.unwrap_or_default();
            change::canonicalize(&component, &text_of(&value), &protocol)
        },
    )?;
    define(
        host,
        ctx,
        "parseForm",
        move |text: rquickjs::String<'js>| {
            url::form_urlencoded::parse(text_of(&text).as_bytes())
                .flat_map(|(name, value)| [name.into_owned(), value.into_owned()])
                .collect::<Vec<String>>()
        },
    )?;
    define(host, ctx, "writeForm", move |pairs: Vec<String>| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for pair in pairs.chunks_exact(2) {
            form.append_pair(&pair[0], &pair[1]);
        }
        form.finish()
    })
}

/// An absolute URL, or none.
fn resolve(text: &str, base: Option<&str>) -> Option<Record> {
    match base {
        None => parser::parse(text, None),
        Some(base) => parser::parse(text, Some(&parser::parse(base, None)?)),
    }
}

/// A URL's components as a URL pattern sees them, without `:`, `?` and `#`, in an object without a prototype, or null.
fn components<'js>(ctx: &Ctx<'js>, url: Option<&Record>) -> Result<Value<'js>> {
    let Some(url) = url else {
        return Ok(Value::new_null(ctx.clone()));
    };
    let value = to_js(
        ctx,
        &serde_json::json!({
            "protocol": url.scheme,
            "username": url.username,
            "password": url.password,
            "hostname": url.part("hostname"),
            "port": url.part("port"),
            "pathname": url.pathname(),
            "search": url.query.as_deref().unwrap_or_default(),
            "hash": url.fragment.as_deref().unwrap_or_default(),
            "isOpaque": url.has_opaque_path(),
        }),
    )?;
    if let Some(object) = value.as_object() {
        object.set_prototype(None)?;
    }
    Ok(value)
}
