//! URLs as the URL Standard has them, through the `url` crate.

use rquickjs::function::Opt;
use rquickjs::{Ctx, Object, Result};
use url::Url;

use super::add;

/// Adds them.
pub(super) fn add_urls<'js>(host: &Object<'js>, ctx: &Ctx<'js>) -> Result<()> {
    add(
        host,
        ctx,
        "resolveUrl",
        move |text: String, base: Opt<Option<String>>| parse(&text, base.0.flatten().as_deref()),
    )?;
    add(host, ctx, "urlPart", move |href: String, part: String| {
        Url::parse(&href)
            .map(|url| read(&url, &part))
            .unwrap_or_default()
    })?;
    add(
        host,
        ctx,
        "withUrlPart",
        move |href: String, part: String, value: String| match Url::parse(&href) {
            Ok(mut url) => {
                write(&mut url, &part, &value);
                String::from(url)
            }
            Err(_) => href,
        },
    )?;
    add(host, ctx, "parseForm", move |text: String| {
        url::form_urlencoded::parse(text.as_bytes())
            .flat_map(|(name, value)| [name.into_owned(), value.into_owned()])
            .collect::<Vec<String>>()
    })?;
    add(host, ctx, "writeForm", move |pairs: Vec<String>| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for pair in pairs.chunks_exact(2) {
            form.append_pair(&pair[0], &pair[1]);
        }
        form.finish()
    })
}

/// An absolute URL, or none.
fn parse(text: &str, base: Option<&str>) -> Option<String> {
    let base = match base {
        None => None,
        Some(base) => Some(Url::parse(base).ok()?),
    };
    Url::options()
        .base_url(base.as_ref())
        .parse(text)
        .ok()
        .map(String::from)
}

/// A part, named as `URL` names its attributes.
fn read(url: &Url, part: &str) -> String {
    use url::quirks;
    match part {
        "origin" => quirks::origin(url),
        "protocol" => quirks::protocol(url).to_owned(),
        "username" => quirks::username(url).to_owned(),
        "password" => quirks::password(url).to_owned(),
        "host" => quirks::host(url).to_owned(),
        "hostname" => quirks::hostname(url).to_owned(),
        "port" => quirks::port(url).to_owned(),
        "pathname" => quirks::pathname(url).to_owned(),
        "search" => quirks::search(url).to_owned(),
        "hash" => quirks::hash(url).to_owned(),
        _ => quirks::href(url).to_owned(),
    }
}

/// Sets a part; what is not valid changes nothing, as the setters of `URL` have it.
fn write(url: &mut Url, part: &str, value: &str) {
    use url::quirks;
    // A setter that refuses leaves the URL as it was, which is what script sees too.
    let _ = match part {
        "protocol" => quirks::set_protocol(url, value),
        "username" => quirks::set_username(url, value),
        "password" => quirks::set_password(url, value),
        "host" => quirks::set_host(url, value),
        "hostname" => quirks::set_hostname(url, value),
        "port" => quirks::set_port(url, value),
        "pathname" => {
            quirks::set_pathname(url, value);
            Ok(())
        }
        "search" => {
            quirks::set_search(url, value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(url, value);
            Ok(())
        }
        _ => Ok(()),
    };
}
